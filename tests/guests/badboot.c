// SPDX-License-Identifier: GPL-2.0-only
/* Boot information that the kernel must refuse: spoilt between the monitor and the shim. */
#include "lib.h"

void spoil(void)
{
	struct kap_boot *boot = kap_boot_info();

	if (asked("bad-magic"))
		boot->magic++;
	if (asked("bad-version"))
		boot->abi_version++;
	if (asked("bad-size"))
		boot->size -= 8;
}

asm(".pushsection .head.text, \"ax\"\n"
	".globl spoil_entry\n"
	"spoil_entry:\n"
	"	leaq	kap_boot_stack_base(%rip), %rsp\n"
	"	addq	$8192, %rsp\n"
	"	call	spoil\n"
	"	jmp	kap_entry\n"
	".popsection");

void test(void)
{
	say("# the kernel was started all the same\n");
}
