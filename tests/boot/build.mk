# SPDX-License-Identifier: GPL-2.0-only
#
# What the boot tests need: BOOT_HOST, which run on the host, and one static guest program
# of each other C file. The guest programs are in build/tests/boot/initramfs.cpio as /t/NAME,
# behind everything that the usual initramfs has.

BOOT_HOST := pty denied rspclient
BOOT_GUEST := $(filter-out $(BOOT_HOST) check,$(basename $(notdir $(wildcard tests/boot/*.c))))
BOOT_DIR := build/tests/boot
BOOT_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra

$(addprefix $(BOOT_DIR)/,$(BOOT_HOST)): $(BOOT_DIR)/%: tests/boot/%.c tests/boot/build.mk
	@echo '  CC      $@'
	@mkdir -p $(@D)
	@$(CC) $(BOOT_CFLAGS) -o $@ $<

$(addprefix $(BOOT_DIR)/,$(BOOT_GUEST)): $(BOOT_DIR)/%: tests/boot/%.c $(wildcard tests/boot/*.h) kernel-shim/include/kap/abi.h \
		tests/boot/build.mk
	@echo '  CC      $@'
	@mkdir -p $(@D)
	@$(CC) $(BOOT_CFLAGS) -static -pthread -o $@ $<

$(BOOT_DIR)/initramfs.cpio: build/initramfs.cpio build/gen_init_cpio tests/boot/build.mk \
		$(addprefix $(BOOT_DIR)/,$(BOOT_GUEST))
	@echo '  GEN     $@'
	@{ echo 'dir /t 0755 0 0'; for p in $(BOOT_GUEST); do \
		echo "file /t/$$p $(BOOT_DIR)/$$p 0755 0 0"; done; } >$@.list
	@build/gen_init_cpio -t 0 $@.list >$@.extra
	@cat build/initramfs.cpio $@.extra >$@
	@rm $@.list $@.extra

CHECK_DEPS += $(addprefix $(BOOT_DIR)/,$(BOOT_HOST)) $(BOOT_DIR)/initramfs.cpio

.PHONY: boot-tests
boot-tests: $(addprefix $(BOOT_DIR)/,$(BOOT_HOST)) $(BOOT_DIR)/initramfs.cpio
