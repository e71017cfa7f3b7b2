/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine contract, part 9: vCPUs that are held, for a debugger or a snapshot, and what the
 * guest kernel tells of itself for that.
 *
 * Parking: the monitor puts a number into kap_park.hold, another one each time, and sends
 * KAP_PARK_SIGNAL to the vCPU's thread, whatever its interrupt flag says. The vCPU fills the fields
 * behind `parked`, copies the number there (release), sets KAP_CTL_PARK in kap_ctl.dev_pending and
 * rings, whatever was set there (who set it may have been parked before it rang), and waits while
 * hold is not 0 (shared futex). It also parks by itself, with KAP_HOLD_SELF, when it meets one of
 * the reasons KAP_PARK_STEP and up while kap_ctl.debug has KAP_DEBUG_ON.
 *
 * Letting go: the monitor may change regs, puts what to do next into `order`, clears hold
 * (release) and wakes the futex. The vCPU takes regs and clears parked before it runs on; if it
 * finds another number in hold before that, it stays where it is and says so in parked.
 */
#ifndef KAP_PARK_H
#define KAP_PARK_H

#include <kap/abi.h>
#include <kap/regs.h>

#define KAP_PARK_SIGNAL		12	/* SIGUSR2 */

enum kap_park_why {
	KAP_PARK_NONE		= 0,
	KAP_PARK_ASKED		= 1,	/* hold was set */
	KAP_PARK_START		= 2,	/* before the kernel's first instruction */
	KAP_PARK_STEP		= 3,	/* one instruction was executed */
	KAP_PARK_BREAK		= 4,	/* int3; regs.ip is behind it */
	KAP_PARK_DEBUG		= 5,	/* a debug register has hit */
	KAP_PARK_PANIC		= 6,	/* the kernel has panicked; kap_ctl.message says why */
	KAP_PARK_FETCH		= 7,	/* code at regs.ip may not be executed */
};

/* kap_park.order */
#define KAP_GO_RUN		0
#define KAP_GO_STEP		1	/* one instruction, doorbells wait */
#define KAP_GO_DELIVER		2	/* that was not for us: the kernel's trap */

/* kap_park.hold of a vCPU that has parked by itself; the monitor's numbers are others. */
#define KAP_HOLD_SELF		1

/* Bits of kap_ctl.debug, set by the monitor. */
#define KAP_DEBUG_ON		1	/* traps are the monitor's first */
#define KAP_DEBUG_START		2	/* park before the kernel's first instruction */
#define KAP_DEBUG_PANIC		4	/* park when the kernel panics */

/* x87, SSE and AVX: the first bytes of XSAVE's standard format (Intel SDM vol. 1, 13.4). */
#define KAP_PARK_XSAVE		832

/* In the vCPU page (kap_vcpu.park). */
struct kap_park {
	/* written by the monitor */
	kap_u32 hold;			/* not 0: park, or stay parked; the vCPU's futex */
	kap_u32 order;			/* KAP_GO_* */
	kap_u32 xsave_changed;		/* 1: take xsave, too (user code only) */
	kap_u32 pad;

	/* written by the vCPU */
	kap_u32 parked;			/* value of hold: then what follows is valid */
	kap_u32 why;			/* enum kap_park_why */
	kap_u32 user;			/* 1: regs are user code's, and so is the mode */
	kap_u32 has_xsave;		/* 1: xsave holds the state of the user code */
	kap_u64 status;			/* DR6 for KAP_PARK_DEBUG in user code */
	kap_u64 stack;			/* a kernel stack pointer, also when user is 1 */
	struct kap_regs regs;
	kap_u8 xsave[KAP_PARK_XSAVE];
};

/*
 * A hardware breakpoint or watchpoint in user code of one space, or of all (space 0). Written by
 * the monitor while everything is parked; the shim gives them to the runners.
 */
#define KAP_MAX_POINTS		4

struct kap_point {
	kap_u64 addr;
	kap_u32 space;			/* number of the space; 0: any */
	kap_u32 control;		/* R/W (bits 0-1) and LEN (bits 2-3), as in DR7 */
	kap_u32 used;			/* 1 */
	kap_u32 pad;
};

/*
 * What a space says of itself: the first part of struct kap_space, in guest memory. The list
 * goes from kap_guest_info.spaces through next; both are window addresses.
 */
struct kap_space_info {
	kap_u64 next;			/* 0: the last one */
	kap_u64 root;			/* its page table, guest-physical, as below */
	kap_u32 id;			/* as in kap_vcpu.space */
	kap_s32 pid;			/* the process that it belongs to, as the kernel calls it */
	char name[16];			/* of that process, NUL terminated */
};

/*
 * What a guest kernel tells of itself, in the control page; zeroes: not told. Page tables that are
 * named here have x86-64's four levels: 512 entries of 8 bytes each, index from address bits 47-39,
 * 38-30, 29-21, 20-12; bit 0 or bit 8: there; bit 7 in the second and third table: a leaf of 1 GiB
 * or 2 MiB; bits 47-12: guest-physical address.
 */
struct kap_guest_info {
	kap_u64 kernel_root;		/* page table of vmalloc and modules; guest-physical */
	kap_u64 vmcoreinfo;		/* guest-physical address of the text, not of a note */
	kap_u64 vmcoreinfo_size;	/* bytes */
	kap_u64 no_break_start;		/* kernel code in which a breakpoint can't be reported: */
	kap_u64 no_break_end;		/* [start, end), window addresses */
	kap_u64 spaces;			/* the first struct kap_space_info; 0: none */
	kap_u32 task_of_stack;		/* offset of its pointer at a kernel stack's base */
	kap_u32 task_name;		/* offset in the task: 16 bytes, NUL terminated */
	kap_u32 task_pid;		/* offset in the task: kap_s32 */
	kap_u32 task_tgid;
	kap_u32 pad[2];
};

#endif
