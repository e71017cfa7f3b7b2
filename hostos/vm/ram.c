// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest memory. One memfd holds everything that the VM shares: file offset equals
 * guest-physical address. It is sealed in its size, or else the guest, which holds
 * the descriptor too, could shrink it and have the monitor die of SIGBUS.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "vm/msg.h"
#include "vm/ram.h"
#include "vm/vm.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static int create_memfd(void)
{
	/*
	 * Nobody executes the file itself, so hosts with vm.memfd_noexec=2 allow it with this
	 * flag; kernels before 6.3 don't know the flag.
	 */
	int fd = memfd_create("kap-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("kap-ram", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd;
}

static int check_host_memory(uint64_t ram_bytes)
{
	struct sysinfo info;
	uint64_t host;

	if (sysinfo(&info) < 0)
		return 0;
	host = ((uint64_t)info.totalram + info.totalswap) * info.mem_unit;
	if (ram_bytes <= host)
		return 0;
	msg__error("--mem: this host has only %llu MiB of memory and swap, %llu were asked "
		   "for; give a smaller --mem",
		   (unsigned long long)(host >> 20), (unsigned long long)(ram_bytes >> 20));
	return -ENOMEM;
}

int ram__create(struct vm *vm, uint64_t ram_bytes)
{
	uint64_t bytes = KAP_PHYS_RAM + ram_bytes;
	int err;

	if (ram_bytes < RAM_MIN || ram_bytes % KAP_PAGE_SIZE || bytes > KAP_WINDOW_MAX ||
	    bytes < ram_bytes) {
		msg__error("--mem: %llu bytes can't be guest memory; give %llu MiB to %llu GiB",
			   (unsigned long long)ram_bytes, RAM_MIN >> 20,
			   (unsigned long long)KAP_WINDOW_MAX >> 30);
		return -EINVAL;
	}
	err = check_host_memory(ram_bytes);
	if (err)
		return err;

	vm->ram_fd = create_memfd();
	if (vm->ram_fd < 0) {
		err = -errno;
		msg__error("memfd_create: %s; kap needs memfd, allow it in this sandbox "
			   "or container",
			   strerror(errno));
		return err;
	}
	if (ftruncate(vm->ram_fd, bytes) < 0) {
		err = -errno;
		msg__error("guest memory of %llu MiB: %s; raise the file size limit (ulimit -f) "
			   "or give a smaller --mem",
			   (unsigned long long)(bytes >> 20), strerror(errno));
		goto fail;
	}
	if (fcntl(vm->ram_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		err = -errno;
		msg__error("sealing guest memory: %s; kap needs memfd seals, run it on a host that "
			   "has them",
			   strerror(errno));
		goto fail;
	}
	vm->mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, vm->ram_fd,
		       0);
	if (vm->mem == MAP_FAILED) {
		err = -errno;
		vm->mem = NULL;
		msg__error("mapping guest memory of %llu MiB: %s; raise the address space limit "
			   "(ulimit -v) or give a smaller --mem",
			   (unsigned long long)(bytes >> 20), strerror(errno));
		goto fail;
	}
	/* Space 0 maps the memfd at its own place; fork need not copy this mapping. */
	madvise(vm->mem, bytes, MADV_DONTFORK);
	vm->mem_bytes = bytes;
	return 0;
fail:
	close(vm->ram_fd);
	vm->ram_fd = -1;
	return err;
}

void ram__destroy(struct vm *vm)
{
	if (vm->mem)
		munmap(vm->mem, vm->mem_bytes);
	if (vm->ram_fd >= 0)
		close(vm->ram_fd);
	vm->mem = NULL;
	vm->ram_fd = -1;
	vm->mem_bytes = 0;
}

void *vm__ram(struct vm *vm, uint64_t phys, uint64_t len)
{
	if (phys < KAP_PHYS_RAM || phys > vm->mem_bytes || len > vm->mem_bytes - phys)
		return NULL;
	return vm->mem + phys;
}

int ram__write(struct vm *vm, uint64_t phys, const void *data, uint64_t len)
{
	const char *from = data;

	if (phys > vm->mem_bytes || len > vm->mem_bytes - phys)
		return -EINVAL;
	/* pwrite rather than memcpy: no page is cleared first, and a bad source is an errno. */
	while (len) {
		ssize_t n = pwrite(vm->ram_fd, from, len, phys);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		from += n;
		phys += n;
		len -= n;
	}
	return 0;
}
