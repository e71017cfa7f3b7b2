// SPDX-License-Identifier: GPL-2.0-only
/*
 * Boot information: what the guest kernel must know before its first instruction.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "vm/boot.h"
#include "vm/engine.h"
#include "vm/initrd.h"
#include "vm/loader.h"
#include "vm/msg.h"
#include "vm/vm.h"

/* A number from a file of /proc/sys, or what kernels have by default when it isn't readable. */
static uint64_t host_limit(const char *path, uint64_t by_default)
{
	char text[32];
	char *end;
	uint64_t value;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return by_default;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return by_default;
	text[n] = 0;
	value = strtoull(text, &end, 10);
	return end == text ? by_default : value;
}

static int fill_seed(struct kap_boot *boot)
{
	size_t have = 0;

	while (have < sizeof(boot->seed)) {
		ssize_t n = getrandom(boot->seed + have, sizeof(boot->seed) - have, 0);

		if (n < 0 && errno != EINTR) {
			msg__error("getrandom: %s; allow it in this sandbox or container",
				   strerror(errno));
			return -errno;
		}
		have += n > 0 ? n : 0;
	}
	return 0;
}

int boot__fill(struct vm *vm, const struct boot_config *config)
{
	struct kap_boot *boot = vm__boot(vm);
	uint64_t maps = host_limit("/proc/sys/vm/max_map_count", 65530);

	if (strlen(config->cmdline) >= KAP_CMDLINE_SIZE) {
		msg__error("--append: the kernel command line would be %zu bytes long, %d are "
			   "possible; shorten it",
			   strlen(config->cmdline), KAP_CMDLINE_SIZE - 1);
		return -E2BIG;
	}
	boot->magic = KAP_BOOT_MAGIC;
	boot->abi_version = KAP_ABI_VERSION;
	boot->size = sizeof(*boot);
	boot->mem_start = KAP_PHYS_RAM;
	boot->mem_size = vm->mem_bytes - KAP_PHYS_RAM;
	boot->kernel_start = config->kernel->start;
	boot->kernel_end = config->kernel->end;
	boot->initrd_start = config->initrd->start;
	boot->initrd_size = config->initrd->size;
	boot->engine = config->engine->engine;
	boot->keys = config->engine->keys;
	boot->nr_cpus = vm->nr_cpus;
	boot->nr_devs = config->nr_devs;
	boot->host_cpus = config->host_cpus;
	boot->max_map_count = maps > UINT32_MAX ? UINT32_MAX : maps;
	boot->mmap_min_addr = host_limit("/proc/sys/vm/mmap_min_addr", 65536);
	strcpy(boot->cmdline, config->cmdline);
	return fill_seed(boot);
}
