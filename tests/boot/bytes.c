// SPDX-License-Identifier: GPL-2.0-only
/* Calls a function in a page of its own, where a constant has the bytes of WRPKRU. */
#include <stdio.h>

int with_bytes(void);
asm(".section .text.bytes, \"ax\"\n"
    ".balign 4096\n"
    "with_bytes:\n"
    "	mov $0x00ef010f, %eax\n"
    "	ret\n"
    ".balign 4096\n"
    ".text\n");

int main(void)
{
	puts("before");
	fflush(stdout);
	if (with_bytes() >> 8 != 0xef01)
		return 1;
	puts("after");
	return 0;
}
