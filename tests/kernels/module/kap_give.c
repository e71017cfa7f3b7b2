// SPDX-License-Identifier: GPL-2.0-only
/* Exports a variable, a function and a per-CPU variable to another module. */
#include <linux/module.h>
#include "kap_give.h"

int kap_give_value = 4711;
EXPORT_SYMBOL_GPL(kap_give_value);

DEFINE_PER_CPU(int, kap_give_counter) = 100;
EXPORT_PER_CPU_SYMBOL_GPL(kap_give_counter);

int kap_give_twice(int n)
{
	return 2 * n;
}
EXPORT_SYMBOL_GPL(kap_give_twice);

MODULE_DESCRIPTION("kap test: exports");
MODULE_LICENSE("GPL");
