// SPDX-License-Identifier: GPL-2.0-only
/* The CPU as user space sees it: the host's, for CPUID is not trapped. */
#include <linux/cpu.h>
#include <linux/init.h>
#include <linux/seq_file.h>
#include <linux/delay.h>
#include <asm/elf.h>
#include <kap/machine.h>

unsigned long kap_elf_hwcap __ro_after_init;
unsigned long kap_elf_hwcap2 __ro_after_init;

struct cpuid {
	u32 a, b, c, d;
};

static struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid r;

	asm volatile("cpuid"
		     : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
		     : "a"(leaf), "c"(subleaf));
	return r;
}

static int __init cpuinfo_init(void)
{
	kap_elf_hwcap = cpuid(1, 0).d;
	/* HWCAP2_FSGSBASE: the host lets user code use the instructions. */
	if (cpuid(7, 0).b & 1)
		kap_elf_hwcap2 |= 2;
	return 0;
}
early_initcall(cpuinfo_init);

/* Names that programs look for, by leaf, register (0 a .. 3 d) and bit. */
/* clang-format off */
static const struct {
	u32 leaf;
	u8 reg, bit;
	const char *name;
} flags[] = {
	{ 1, 3, 0, "fpu" }, { 1, 3, 4, "tsc" }, { 1, 3, 8, "cx8" }, { 1, 3, 15, "cmov" },
	{ 1, 3, 19, "clflush" }, { 1, 3, 23, "mmx" }, { 1, 3, 24, "fxsr" }, { 1, 3, 25, "sse" },
	{ 1, 3, 26, "sse2" }, { 0x80000001, 3, 11, "syscall" }, { 0x80000001, 3, 20, "nx" },
	{ 0x80000001, 3, 27, "rdtscp" }, { 0x80000001, 3, 29, "lm" },
	{ 0x80000007, 3, 8, "constant_tsc" },
	{ 1, 2, 0, "pni" }, { 1, 2, 1, "pclmulqdq" }, { 1, 2, 9, "ssse3" }, { 1, 2, 12, "fma" },
	{ 1, 2, 13, "cx16" }, { 1, 2, 19, "sse4_1" }, { 1, 2, 20, "sse4_2" },
	{ 1, 2, 22, "movbe" }, { 1, 2, 23, "popcnt" }, { 1, 2, 25, "aes" }, { 1, 2, 26, "xsave" },
	{ 1, 2, 28, "avx" }, { 1, 2, 29, "f16c" }, { 1, 2, 30, "rdrand" },
	{ 0x80000001, 2, 0, "lahf_lm" }, { 0x80000001, 2, 5, "abm" },
	{ 0x80000001, 2, 6, "sse4a" }, { 0x80000001, 2, 8, "3dnowprefetch" },
	{ 7, 1, 0, "fsgsbase" }, { 7, 1, 3, "bmi1" }, { 7, 1, 5, "avx2" }, { 7, 1, 8, "bmi2" },
	{ 7, 1, 9, "erms" }, { 7, 1, 16, "avx512f" }, { 7, 1, 17, "avx512dq" },
	{ 7, 1, 18, "rdseed" }, { 7, 1, 19, "adx" }, { 7, 1, 21, "avx512ifma" },
	{ 7, 1, 23, "clflushopt" }, { 7, 1, 24, "clwb" }, { 7, 1, 28, "avx512cd" },
	{ 7, 1, 29, "sha_ni" }, { 7, 1, 30, "avx512bw" }, { 7, 1, 31, "avx512vl" },
	{ 7, 2, 1, "avx512vbmi" }, { 7, 2, 6, "avx512_vbmi2" }, { 7, 2, 8, "gfni" },
	{ 7, 2, 9, "vaes" }, { 7, 2, 10, "vpclmulqdq" }, { 7, 2, 11, "avx512_vnni" },
	{ 7, 2, 12, "avx512_bitalg" }, { 7, 2, 14, "avx512_vpopcntdq" }, { 7, 3, 4, "fsrm" },
};
/* clang-format on */

static void show_flags(struct seq_file *m)
{
	unsigned int i;

	seq_puts(m, "flags\t\t:");
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		struct cpuid r = cpuid(flags[i].leaf, 0);
		u32 word = flags[i].reg == 1 ? r.b : flags[i].reg == 2 ? r.c : r.d;

		if (word & (1u << flags[i].bit))
			seq_printf(m, " %s", flags[i].name);
	}
	seq_puts(m, "\n");
}

static int show_cpuinfo(struct seq_file *m, void *v)
{
	unsigned int cpu = (unsigned long)v - 1;
	struct cpuid id = cpuid(0, 0), sig = cpuid(1, 0);
	u32 vendor[4] = { id.b, id.d, id.c, 0 };
	u32 brand[13] = { 0 };
	u32 family = (sig.a >> 8) & 0xf, model = (sig.a >> 4) & 0xf;
	u64 khz = kap_time_page()->tsc_hz;
	int i;

	if (family == 0xf)
		family += (sig.a >> 20) & 0xff;
	if (family >= 6)
		model += ((sig.a >> 16) & 0xf) << 4;
	for (i = 0; i < 3; i++)
		*(struct cpuid *)&brand[4 * i] = cpuid(0x80000002 + i, 0);
	do_div(khz, 1000);

	seq_printf(m, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", cpu,
		   (char *)vendor, family, model);
	seq_printf(m, "model name\t: %s\nstepping\t: %u\ncpu MHz\t\t: %llu.%03llu\n",
		   skip_spaces((char *)brand), sig.a & 0xf, khz / 1000, khz % 1000);
	show_flags(m);
	seq_printf(m, "bogomips\t: %lu.%02lu\n\n", loops_per_jiffy / (500000 / HZ),
		   (loops_per_jiffy / (5000 / HZ)) % 100);
	return 0;
}

static void *cpuinfo_start(struct seq_file *m, loff_t *pos)
{
	*pos = cpumask_next(*pos - 1, cpu_online_mask);
	return *pos < nr_cpu_ids ? (void *)(unsigned long)(*pos + 1) : NULL;
}

static void *cpuinfo_next(struct seq_file *m, void *v, loff_t *pos)
{
	(*pos)++;
	return cpuinfo_start(m, pos);
}

static void cpuinfo_stop(struct seq_file *m, void *v)
{
}

const struct seq_operations cpuinfo_op = {
	.start	= cpuinfo_start,
	.next	= cpuinfo_next,
	.stop	= cpuinfo_stop,
	.show	= show_cpuinfo,
};
