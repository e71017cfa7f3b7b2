/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few legitimate WRPKRU and XRSTOR of user code, which trap in an exec twin: what they ask for.
 *
 * The caller reads the bytes from the original page, not from the twin. Nothing here touches user
 * memory, so that the caller can do it once and with its own checks.
 */
#ifndef KAP_EMULATE_H
#define KAP_EMULATE_H

#include <kap/regs.h>

enum emulate_what {
	EMULATE_OTHER, /* none of the two, or not in 64-bit code: the trap is the program's own */
	EMULATE_SHORT, /* the bytes end before it does */
	EMULATE_UD, /* one of the two with a prefix that makes it #UD */
	EMULATE_WRPKRU,
	EMULATE_XRSTOR,
};

#define EMULATE_MAX_LEN 15

/* What RDPKRU says to user code: key 0 is its own, key 2 may be read, the others not even that. */
#define EMULATE_USER_PKRU 0x55555564

struct emulate_insn {
	enum emulate_what what;
	kap_u32 len; /* with prefixes; ip of the next one is regs->ip + len */
	kap_u64 addr; /* XRSTOR's operand: any value, aligned or not, anybody's */
	kap_u64 mask; /* XRSTOR's edx:eax */
	kap_u32 wide; /* XRSTOR64: pointers of the x87 state are 64 bits */
};

/* Decodes the instruction at regs->ip, of which `avail` bytes could be read. */
void emulate_decode(struct emulate_insn *insn, const struct kap_regs *regs, const kap_u8 *bytes,
		    kap_u32 avail);

enum emulate_verdict {
	EMULATE_GO_ON, /* behind the instruction */
	EMULATE_SIGILL,
	EMULATE_SIGSEGV,
};

/*
 * PKRU is a constant for user code: programs get no keys of their own. Writing the value that it
 * has is no change. Any other is refused as by a processor without keys switched on, rather
 * than ignored: the program would believe memory protected that isn't.
 */
enum emulate_verdict emulate_wrpkru(const struct kap_regs *regs, kap_u32 pkru);

/* What CPUID and XCR0 say of the extended state; entries 2 to 62 of the arrays are used. */
struct emulate_layout {
	kap_u64 features; /* XCR0 */
	kap_u32 mxcsr_mask;
	kap_u32 compacts; /* CPUID 0xd.1 eax, bit 1: XSAVEC */
	kap_u32 size[63]; /* CPUID 0xd.i eax */
	kap_u32 offset[63]; /* CPUID 0xd.i ebx */
	kap_u32 aligned[63]; /* CPUID 0xd.i ecx, bit 1 */
};

/* Legacy region and header: what the caller copies first. */
#define EMULATE_XSAVE_MIN 576

/*
 * How many bytes of the image an XRSTOR with this mask reads, the first EMULATE_XSAVE_MIN of which
 * are here; 0: the processor would raise #GP. The caller then copies what is behind those (without
 * reading the first ones again) into a buffer aligned to 64 bytes, and restores from there
 * with emulate_xrstor_mask(), which never has PKRU in it.
 */
kap_u32 emulate_xrstor_size(const struct emulate_layout *layout, const struct emulate_insn *insn,
			    const void *image);
kap_u64 emulate_xrstor_mask(const struct emulate_layout *layout, const struct emulate_insn *insn);

#endif
