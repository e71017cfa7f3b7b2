// SPDX-License-Identifier: GPL-2.0-only
/*
 * Uses what the loader of modules has to get right, and says how it went in lines
 * "kap_use: ok - ..." on the console. Its parameter `poke` then does what kernel memory's
 * protection must refuse: whoever writes there is not heard of again.
 */
#include <linux/ctype.h>
#include <linux/jump_label.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <generated/utsrelease.h>
#include "kap_give.h"

extern int kap_use_absent_value __weak;
extern int kap_use_absent_function(void) __weak;
/* Present, but the compiler has to reckon with its absence. */
extern const unsigned char _ctype[] __weak;
extern int kap_give_twice(int n) __weak;

DEFINE_STATIC_KEY_FALSE(key);
DEFINE_STATIC_KEY_TRUE(opposite);
static DEFINE_PER_CPU(long, counter) = 7;
static const char constant[] = "constant";
static int after_init __ro_after_init;

static void check(bool good, const char *what)
{
	pr_info("kap_use: %s - %s\n", good ? "ok" : "not ok", what);
}

static noinline int branch(void)
{
	return (static_branch_unlikely(&key) ? 1 : 0) | (static_branch_likely(&opposite) ? 0 : 2);
}

static void check_symbols(void)
{
	check(!strcmp(init_uts_ns.name.release, UTS_RELEASE), "data that the kernel exports");
	check(kap_give_value == 4711, "data that another module exports");
	kap_give_value++;
	check(kap_give_value == 4712, "and it can be changed");
	check(kap_give_twice(21) == 42, "a function that another module exports, by a weak symbol");
	check(_ctype && _ctype['a'] == (_L | _X), "a weak symbol of the kernel");
	check(!&kap_use_absent_value && !kap_use_absent_function, "weak symbols that are absent");
}

static void check_percpu(void)
{
	unsigned long offset = (unsigned long)per_cpu_ptr(&counter, 0) - (unsigned long)&counter;
	unsigned long theirs =
		(unsigned long)per_cpu_ptr(&kap_give_counter, 0) - (unsigned long)&kap_give_counter;

	int cpu = get_cpu();

	this_cpu_add(counter, 5);
	check(this_cpu_read(counter) == 12 && per_cpu(counter, cpu) == 12,
	      "a per-CPU variable of its own");
	this_cpu_inc(kap_give_counter);
	check(per_cpu(kap_give_counter, cpu) == 101 && offset == theirs,
	      "a per-CPU variable that another module exports");
	put_cpu();
}

static void check_keys(void)
{
	int i, before = branch(), bad = 0;

	check(before == 0, "jump labels as they were compiled");
	static_branch_enable(&key);
	static_branch_disable(&opposite);
	check(branch() == 3, "jump labels, changed");
	for (i = 0; i < 100; i++) {
		static_branch_disable(&key);
		bad += branch() != 2;
		static_branch_enable(&key);
		bad += branch() != 3;
	}
	static_branch_disable(&key);
	static_branch_enable(&opposite);
	check(!bad && branch() == 0, "jump labels, changed 200 times and back");
}

static bool fresh_memory_is_clear(void)
{
	void *mem[64];
	int i, dirty = 0;

	for (i = 0; i < ARRAY_SIZE(mem); i++) {
		mem[i] = kmalloc(3000, GFP_KERNEL);
		if (mem[i])
			memset(mem[i], 0xa5, 3000);
	}
	for (i = 0; i < ARRAY_SIZE(mem); i++)
		kfree(mem[i]);
	for (i = 0; i < ARRAY_SIZE(mem); i++) {
		mem[i] = kmalloc(3000, GFP_KERNEL);
		dirty += mem[i] && memchr_inv(mem[i], 0, 3000);
	}
	for (i = 0; i < ARRAY_SIZE(mem); i++)
		kfree(mem[i]);
	return !dirty;
}

/* A key of the kernel's: its text is protected and changed all the same. */
static void check_kernel_key(void)
{
	bool off = fresh_memory_is_clear(), on;

	static_branch_enable(&init_on_alloc);
	on = fresh_memory_is_clear();
	static_branch_disable(&init_on_alloc);
	check(!off && on && !fresh_memory_is_clear(), "jump labels in the kernel's own text");
}

static void work(struct work_struct *w)
{
	kap_give_value = 1;
}
static DECLARE_WORK(todo, work);

static void check_fixups(void)
{
	long value;

	check(copy_from_kernel_nofault(&value, (void *)16, sizeof(value)) == -EFAULT,
	      "a failed access is fixed up");
	schedule_work(&todo);
	flush_work(&todo);
	check(kap_give_value == 1, "a function that the kernel calls");
	kap_give_value = 4711;
}

static int run(void *code)
{
	return ((int (*)(void))code)();
}

static const unsigned char returns[] = { 0x31, 0xc0, 0xc3 };

static int execute(void *mem)
{
	if (!mem)
		return -ENOMEM;
	memcpy(mem, returns, sizeof(returns));
	barrier();
	return run(mem);
}

/* A byte that is written as it is, so that nothing changes if it works after all. */
static int overwrite(const volatile void *addr)
{
	volatile u8 *byte = (volatile u8 *)addr;

	*byte = *byte;
	return 0;
}

static int poke(const char *text, const struct kernel_param *kp)
{
	u8 stack[16];
	int ret = -EINVAL;

	if (sysfs_streq(text, "text"))
		ret = overwrite(_printk);
	else if (sysfs_streq(text, "rodata"))
		ret = overwrite(_ctype);
	else if (sysfs_streq(text, "module-text"))
		ret = overwrite(poke);
	else if (sysfs_streq(text, "module-rodata"))
		ret = overwrite(constant);
	else if (sysfs_streq(text, "module-ro-after-init"))
		ret = overwrite(&after_init);
	else if (sysfs_streq(text, "run-stack"))
		ret = execute(stack);
	else if (sysfs_streq(text, "run-heap"))
		ret = execute(kmalloc(64, GFP_KERNEL));
	else if (sysfs_streq(text, "run-vmalloc"))
		ret = execute(vmalloc(64));
	else if (sysfs_streq(text, "run-rodata"))
		ret = run((void *)returns);
	else if (sysfs_streq(text, "data"))
		ret = overwrite(&kap_give_value);
	else if (sysfs_streq(text, "warn"))
		ret = WARN(1, "kap_use warns\n") ? 0 : -EINVAL;
	if (!ret)
		pr_info("kap_use: poke %s did it\n", text);
	return ret;
}

static const struct kernel_param_ops poke_ops = { .set = poke };
module_param_cb(poke, &poke_ops, NULL, 0200);

static int __init start(void)
{
	after_init = 1;
	check_symbols();
	check_percpu();
	check_keys();
	check_kernel_key();
	check_fixups();
	return 0;
}

static void __exit stop(void)
{
	pr_info("kap_use: gone\n");
}

module_init(start);
module_exit(stop);
MODULE_DESCRIPTION("kap test: what a module needs of its loader");
MODULE_LICENSE("GPL");
