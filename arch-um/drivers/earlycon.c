// SPDX-License-Identifier: GPL-2.0-only
/* The console before the console: printk goes to the machine's log ring. */
#include <linux/console.h>
#include <linux/init.h>
#include <linux/preempt.h>
#include <kap/machine.h>

static void log_write(struct console *con, const char *s, unsigned int len)
{
	preempt_disable();
	kap_log(s, len);
	preempt_enable();
}

static struct console log_console = {
	.name	= "kaplog",
	.write	= log_write,
	.flags	= CON_PRINTBUFFER | CON_ANYTIME | CON_BOOT,
	.index	= -1,
};

/*
 * Leaves when a real console comes, so that no line is said twice; the monitor remembers what
 * that one says, too. keep_bootcon keeps it, for those who distrust hvc0.
 */
static int __init setup_log(char *arg)
{
	if (!console_is_registered(&log_console))
		register_console(&log_console);
	return 0;
}
early_param("earlycon", setup_log);
