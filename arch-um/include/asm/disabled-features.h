/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's feature header asks for this; no feature is ruled out at build time. */
#ifndef _ASM_KAP_DISABLED_FEATURES_H
#define _ASM_KAP_DISABLED_FEATURES_H
#endif
