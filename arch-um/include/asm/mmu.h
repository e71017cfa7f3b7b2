/* SPDX-License-Identifier: GPL-2.0-only */
/* What an address space has beside its page tables. */
#ifndef _ASM_KAP_MMU_H
#define _ASM_KAP_MMU_H

#include <kap/machine.h>

struct xarray;

typedef struct {
	struct kap_space space;		/* host process that shows it to user code */
	bool wrprotected;		/* kap_wrprotect() has queued what flush_tlb_mm() is for */
	struct xarray *borders;		/* of executable pages (mm/twin.c) */
	bool gates;			/* the place of the gates' table is kept free */
	bool plain;			/* a debugger is there: nothing patched is shown */
	unsigned long vdso;		/* address of the vDSO's ELF header, 0: none */
} mm_context_t;

#endif
