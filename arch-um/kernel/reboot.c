// SPDX-License-Identifier: GPL-2.0-only
/* Ends of a run: power-off, reboot, panic. */
#include <linux/reboot.h>
#include <linux/pm.h>
#include <linux/kernel.h>
#include <linux/kdebug.h>
#include <linux/kexec.h>
#include <linux/panic_notifier.h>
#include <linux/sched/debug.h>
#include <linux/smp.h>
#include <linux/module.h>
#include <asm/irq_regs.h>
#include <kap/machine.h>

static void power_off(void)
{
	local_irq_disable();
	kap_exit(KAP_EXIT_POWEROFF, 0, "", NULL);
}

/* The generic code asks through this whether there is a way to power off. */
void (*pm_power_off)(void) = power_off;
EXPORT_SYMBOL(pm_power_off);

static struct pt_regs oops_regs;
static bool oops_regs_valid;

void machine_power_off(void)
{
	do_kernel_power_off();
	power_off();
}

void machine_halt(void)
{
	power_off();
}

void machine_restart(char *cmd)
{
	local_irq_disable();
	kap_exit(KAP_EXIT_REBOOT, 0, cmd ?: "", NULL);
}

/* Readers of dumps (drgn) look for this name. */
int crashing_cpu = -1;

static int panic_to_monitor(struct notifier_block *self, unsigned long event, void *message)
{
	struct pt_regs here;

	/* panic= asks for a restart after a while: it is the monitor that would do it. */
	if (panic_timeout > 0)
		return NOTIFY_DONE;
	crashing_cpu = raw_smp_processor_id();
	if (!oops_regs_valid) {
		memset(&here, 0, sizeof(here));
		here.ip = _THIS_IP_;
		here.sp = current_stack_pointer;
		here.bp = (unsigned long)__builtin_frame_address(0);
		here.cs = __KERNEL_CS;
		oops_regs = here;
	}
	kap_exit(KAP_EXIT_PANIC, 0, message, (struct kap_regs *)&oops_regs);
}

static struct notifier_block panic_block = {
	.notifier_call	= panic_to_monitor,
	.priority	= INT_MIN,
};

static int __init register_panic(void)
{
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
	return 0;
}
early_initcall(register_panic);

void __noreturn die(const char *what, struct pt_regs *regs)
{
	static int count;

	console_verbose();
	bust_spinlocks(1);
	pr_emerg("Oops: %s [#%d]\n", what, ++count);
	print_modules();
	show_regs(regs);
	bust_spinlocks(0);
	add_taint(TAINT_DIE, LOCKDEP_NOW_UNRELIABLE);
	if (in_interrupt() || panic_on_oops) {
		oops_regs = *regs;
		oops_regs_valid = true;
		panic("Fatal exception%s", in_interrupt() ? " in interrupt" : "");
	}
	if (!regs_irqs_disabled(regs))
		local_irq_enable();
	make_task_dead(SIGSEGV);
}
