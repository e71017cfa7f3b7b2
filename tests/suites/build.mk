# SPDX-License-Identifier: GPL-2.0-only
#
# What the suites need: the kernel's selftests in an image with a root file system. They
# are built once, and again when their list changes.

KSELFTEST_FILES := $(addprefix tests/suites/kselftest,-build -guest.sh -start.sh .list)

build/kselftest/kselftest.img: $(KSELFTEST_FILES) $(BUSYBOX) rootfs/mkext4 \
		| $(KERNEL_TREE)/usr/gen_init_cpio.c
	@tests/suites/kselftest-build '$(KERNEL_TREE)' build/kselftest '$(BUSYBOX)'
	@rootfs/mkext4 -f build/kselftest/root $@

CHECK_DEPS += build/kselftest/kselftest.img

.PHONY: kselftest
kselftest: build/kselftest/kselftest.img
