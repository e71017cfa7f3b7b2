/* SPDX-License-Identifier: GPL-2.0-only */
/* Clock sources that the vDSO can read. */
#ifndef _ASM_KAP_VDSO_CLOCKSOURCE_H
#define _ASM_KAP_VDSO_CLOCKSOURCE_H

#define VDSO_ARCH_CLOCKMODES	VDSO_CLOCKMODE_KAP

#endif
