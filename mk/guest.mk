# SPDX-License-Identifier: GPL-2.0-only
#
# What a guest boots: the kernel and the initramfs.

# kap-build unpacks a tarball to build/linux, and uses a folder where it is.
KERNEL_TREE := $(if $(wildcard $(KAP_LINUX)/.),$(KAP_LINUX),build/linux)

# The kernel's own make takes seconds to find nothing to do, so it runs only when
# one of these has changed.
KERNEL_SRC := $(shell find arch-um kernel-shim -type f ! -name '*~' ! -name '.*')

build/kap-build: scripts/kap-build
	@mkdir -p $(@D)
	@ln -sf ../scripts/kap-build $@

$(KERNEL_TREE)/usr/gen_init_cpio.c:
	@scripts/kap-build --linux '$(KAP_LINUX)' -o build --prepare

build/vmlinux: $(KERNEL_SRC) build/config.mak scripts/kap-build | $(KERNEL_TREE)/usr/gen_init_cpio.c
	@scripts/kap-build --linux '$(KAP_LINUX)' -o build

# Kernels with a fragment of arch-um/configs, for tests: build/guest-debug/vmlinux.
build/guest-%/vmlinux: $(KERNEL_SRC) scripts/kap-build | $(KERNEL_TREE)/usr/gen_init_cpio.c
	@scripts/kap-build --linux '$(KERNEL_TREE)' --config '$*' -o '$(@D)'

build/gen_init_cpio: | $(KERNEL_TREE)/usr/gen_init_cpio.c
	@echo '  HOSTCC  $@'
	@$(CC) -O1 -o $@ $(KERNEL_TREE)/usr/gen_init_cpio.c

build/init: $(wildcard rootfs/*.c) rootfs/init.h build/config.mak mk/guest.mk
	@echo '  CC      $@'
	@$(CC) -std=gnu11 -Wall -Wextra -Os -static -s -o $@ $(filter %.c,$^)

build/initramfs.cpio: build/init build/gen_init_cpio rootfs/mkinitramfs $(wildcard rootfs/etc/*) \
		$(BUSYBOX)
	@echo '  GEN     $@'
	@rootfs/mkinitramfs build/gen_init_cpio build/init '$(BUSYBOX)' $@
