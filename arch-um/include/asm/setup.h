/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line is as long as the boot page allows. */
#ifndef _ASM_KAP_SETUP_H
#define _ASM_KAP_SETUP_H

#define COMMAND_LINE_SIZE	4096

#ifndef __ASSEMBLY__
void setup_guest_info(void);
#endif

#endif
