/* SPDX-License-Identifier: GPL-2.0-only */
/* x86's feature header asks for this; no feature is taken for granted at build time. */
#ifndef _ASM_KAP_REQUIRED_FEATURES_H
#define _ASM_KAP_REQUIRED_FEATURES_H
#endif
