// SPDX-License-Identifier: GPL-2.0-only
/* The guest kernel's own mappings, in the host process that it executes in. */
#include "shim.h"

/* KAP_PROT_* have the host's values. */
_Static_assert(KAP_PROT_READ == HOST_PROT_READ && KAP_PROT_WRITE == HOST_PROT_WRITE &&
		       KAP_PROT_EXEC == HOST_PROT_EXEC,
	       "protection bits");

int kap_kernel_map(kap_u64 va, kap_u64 phys, kap_u64 len, kap_u32 prot)
{
	long ret = host_call(HOST_mmap, va, len, prot,
			     HOST_MAP_SHARED | HOST_MAP_FIXED | HOST_MAP_POPULATE, KAP_FD_RAM,
			     phys);

	return ret < 0 && ret > -4096 ? ret : 0;
}

int kap_kernel_unmap(kap_u64 va, kap_u64 len)
{
	return host_call(HOST_munmap, va, len);
}

int kap_kernel_protect(kap_u64 va, kap_u64 len, kap_u32 prot)
{
	return host_call(HOST_mprotect, va, len, prot);
}
