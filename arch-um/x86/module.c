// SPDX-License-Identifier: GPL-2.0-only
/*
 * Linking of modules. They are compiled as the kernel is, and live within 2 GiB of it, so
 * nearly everything is a 32-bit distance. Weak symbols are reached through a
 * table of addresses (GOT), because they may be absent, with the address 0
 * that no distance reaches.
 */
#include <linux/bug.h>
#include <linux/elf.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleloader.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <kap/machine.h>
#include <kap/scan.h>

#define GOT_SECTION	".kap.got"

static bool uses_got(unsigned int type)
{
	return type == R_X86_64_GOTPCREL || type == R_X86_64_GOTPCRELX ||
	       type == R_X86_64_REX_GOTPCRELX;
}

/* Every relocation may need an entry of its own; few do, and there are few of them. */
static unsigned int count_got(const Elf_Ehdr *ehdr, const Elf_Shdr *sechdrs)
{
	unsigned int i, count = 0;

	for (i = 1; i < ehdr->e_shnum; i++) {
		const Elf_Rela *rela = (void *)ehdr + sechdrs[i].sh_offset;
		unsigned long n = sechdrs[i].sh_size / sizeof(*rela);

		if (sechdrs[i].sh_type != SHT_RELA)
			continue;
		while (n--)
			count += uses_got(ELF_R_TYPE((rela++)->r_info));
	}
	return count;
}

int module_frob_arch_sections(Elf_Ehdr *ehdr, Elf_Shdr *sechdrs, char *secstrings,
			      struct module *mod)
{
	unsigned int i;

	for (i = 1; i < ehdr->e_shnum; i++)
		if (!strcmp(secstrings + sechdrs[i].sh_name, GOT_SECTION))
			break;
	if (i == ehdr->e_shnum) {
		pr_err("%s: no section " GOT_SECTION ": link it with scripts/module.lds\n",
		       mod->name);
		return -ENOEXEC;
	}

	mod->arch.got_index = i;
	mod->arch.got_used = 0;
	mod->arch.got_max = count_got(ehdr, sechdrs);
	sechdrs[i].sh_type = SHT_NOBITS;
	sechdrs[i].sh_flags = SHF_ALLOC | SHF_WRITE;
	sechdrs[i].sh_addralign = sizeof(u64);
	sechdrs[i].sh_size = max(mod->arch.got_max, 1u) * sizeof(u64);
	return 0;
}

/* Where calls of absent weak functions lead, which a check before the call should prevent. */
static void absent_function(void)
{
	pr_emerg("a module called a weak function that is not there, from %pS\n",
		 __builtin_return_address(0));
	BUG();
}

static u64 got_entry(const Elf_Shdr *sechdrs, struct module *mod, u64 value)
{
	u64 *got = (u64 *)sechdrs[mod->arch.got_index].sh_addr;
	unsigned int i;

	for (i = 0; i < mod->arch.got_used; i++)
		if (got[i] == value)
			return (u64)&got[i];
	if (WARN_ON(i == mod->arch.got_max))
		return 0;
	mod->arch.got_used++;
	got[i] = value;
	return (u64)&got[i];
}

static int out_of_reach(struct module *mod, unsigned int type, u64 place, u64 value,
			const char *symbol)
{
	pr_err("%s: relocation type %u at %px does not reach %s (value %#llx)\n", mod->name, type,
	       (void *)place, *symbol ? symbol : "a section", value);
	pr_err("%s: compile the module with the kernel's own flags\n", mod->name);
	return -ENOEXEC;
}

/* What goes to `place`, and how many bytes of it. */
static int compute(const Elf_Shdr *sechdrs, struct module *mod, unsigned int type, u64 place,
		   u64 symbol, s64 addend, u64 *value, unsigned int *size)
{
	*size = 4;
	switch (type) {
	case R_X86_64_NONE:
		*size = 0;
		return 0;
	case R_X86_64_64:
		*value = symbol + addend;
		*size = 8;
		return 0;
	case R_X86_64_PC64:
		*value = symbol + addend - place;
		*size = 8;
		return 0;
	case R_X86_64_32:
		*value = symbol + addend;
		return *value == (u32)*value ? 0 : -ERANGE;
	case R_X86_64_32S:
		*value = symbol + addend;
		return *value == (u64)(s32)*value ? 0 : -ERANGE;
	case R_X86_64_GOTPCREL:
	case R_X86_64_GOTPCRELX:
	case R_X86_64_REX_GOTPCRELX:
		symbol = got_entry(sechdrs, mod, symbol);
		if (!symbol)
			return -ENOEXEC;
		break;
	case R_X86_64_PLT32:
		if (!symbol)
			symbol = (u64)absent_function;
		break;
	case R_X86_64_PC32:
		break;
	default:
		return -ENOEXEC;
	}

	*value = symbol + addend - place;
	return *value == (u64)(s32)*value ? 0 : -ERANGE;
}

int apply_relocate_add(Elf_Shdr *sechdrs, const char *strtab, unsigned int symindex,
		       unsigned int relsec, struct module *mod)
{
	const Elf_Rela *rela = (void *)sechdrs[relsec].sh_addr;
	const Elf_Shdr *target = &sechdrs[sechdrs[relsec].sh_info];
	const Elf_Sym *symtab = (void *)sechdrs[symindex].sh_addr;
	unsigned long n = sechdrs[relsec].sh_size / sizeof(*rela);

	for (; n--; rela++) {
		const Elf_Sym *sym = symtab + ELF_R_SYM(rela->r_info);
		unsigned int size, type = ELF_R_TYPE(rela->r_info);
		u64 place = target->sh_addr + rela->r_offset;
		u64 value = 0;
		int ret;

		ret = compute(sechdrs, mod, type, place, sym->st_value, rela->r_addend, &value,
			      &size);
		if (ret == -ERANGE)
			return out_of_reach(mod, type, place, value, strtab + sym->st_name);
		if (ret) {
			pr_err("%s: unknown relocation type %u: compile with the kernel's flags\n",
			       mod->name, type);
			return ret;
		}
		if (rela->r_offset > target->sh_size || target->sh_size - rela->r_offset < size) {
			pr_err("%s: relocation at offset %#llx lies outside of its section\n",
			       mod->name, (u64)rela->r_offset);
			return -ENOEXEC;
		}
		if (size == 8)
			put_unaligned(value, (u64 *)place);
		else if (size == 4)
			put_unaligned((u32)value, (u32 *)place);
	}
	return 0;
}

/*
 * User code can jump to any byte of the kernel's text: with protection keys, no module may bring
 * a WRPKRU or XRSTOR there, not even as a distance that came about by where it is.
 */
int module_finalize(const Elf_Ehdr *hdr, const Elf_Shdr *sechdrs, struct module *mod)
{
	unsigned int i;

	if (!kap_boot_info()->keys)
		return 0;
	for (i = 0; i < hdr->e_shnum; i++) {
		const Elf_Shdr *shdr = &sechdrs[i];

		if (!(shdr->sh_flags & SHF_ALLOC) || !(shdr->sh_flags & SHF_EXECINSTR) ||
		    scan_next((void *)shdr->sh_addr, shdr->sh_size, 0) == shdr->sh_size)
			continue;
		pr_err("%s: its text has the bytes of WRPKRU or XRSTOR where it was loaded; the "
		       "direct engine can't have them in the kernel: use --engine ptrace\n",
		       mod->name);
		return -ENOEXEC;
	}
	return 0;
}
