/* SPDX-License-Identifier: GPL-2.0-only */
/* ELF programs and core files: x86-64's. */
#ifndef _ASM_KAP_ELF_H
#define _ASM_KAP_ELF_H

#include <linux/thread_info.h>
#include <asm/ptrace.h>
#include <asm/user.h>
#include <asm/vdso.h>
#include <uapi/asm/auxvec.h>

#define ELF_CLASS	ELFCLASS64
#define ELF_DATA	ELFDATA2LSB
#define ELF_ARCH	EM_X86_64

#define R_X86_64_NONE		0
#define R_X86_64_64		1
#define R_X86_64_PC32		2
#define R_X86_64_GOT32		3
#define R_X86_64_PLT32		4
#define R_X86_64_GOTPCREL	9
#define R_X86_64_32		10
#define R_X86_64_32S		11
#define R_X86_64_PC64		24
#define R_X86_64_GOTPCRELX	41
#define R_X86_64_REX_GOTPCRELX	42

typedef unsigned long elf_greg_t;
#define ELF_NGREG	(sizeof(struct user_regs_struct) / sizeof(elf_greg_t))
typedef elf_greg_t elf_gregset_t[ELF_NGREG];
typedef struct user_i387_struct elf_fpregset_t;

#define elf_check_arch(x)	((x)->e_machine == EM_X86_64)

#define CORE_DUMP_USE_REGSET
#define ELF_EXEC_PAGESIZE	PAGE_SIZE
#define ELF_ET_DYN_BASE		(TASK_SIZE / 3 * 2)

#define ELF_HWCAP		kap_elf_hwcap
#define ELF_HWCAP2		kap_elf_hwcap2
#define ELF_PLATFORM		("x86_64")
extern unsigned long kap_elf_hwcap;	/* CPUID 1, edx */
extern unsigned long kap_elf_hwcap2;	/* HWCAP2_* */

#define ELF_PLAT_INIT(regs, load_addr)	kap_elf_plat_init(regs)
extern void kap_elf_plat_init(struct pt_regs *regs);

#define SET_PERSONALITY(ex)	set_personality(PER_LINUX | (current->personality & ~PER_MASK))

#define ARCH_DLINFO							\
	do {                                                                     \
	if (current->mm->context.vdso)					\
		NEW_AUX_ENT(AT_SYSINFO_EHDR, current->mm->context.vdso);	\
	NEW_AUX_ENT(AT_MINSIGSTKSZ, kap_min_sigstksz());			\
	} while (0)
extern unsigned long kap_min_sigstksz(void);

#define ARCH_HAS_SETUP_ADDITIONAL_PAGES	1
struct linux_binprm;
extern int arch_setup_additional_pages(struct linux_binprm *bprm, int uses_interp);

#endif
