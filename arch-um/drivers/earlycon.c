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
	.flags	= CON_PRINTBUFFER | CON_ANYTIME,
	.index	= -1,
};

/* Stays beside the real console: what the kernel says last must reach the monitor. */
static int __init setup_log(char *arg)
{
	if (!console_is_registered(&log_console))
		register_console(&log_console);
	return 0;
}
early_param("earlycon", setup_log);
