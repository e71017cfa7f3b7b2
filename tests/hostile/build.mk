# SPDX-License-Identifier: GPL-2.0-only
#
# Programs that attack the kernel below them: /t/NAME in build/tests/hostile/initramfs.cpio.

HOSTILE_GUEST := $(basename $(notdir $(wildcard tests/hostile/*.c)))
HOSTILE_DIR := build/tests/hostile

$(addprefix $(HOSTILE_DIR)/,$(HOSTILE_GUEST)): $(HOSTILE_DIR)/%: tests/hostile/%.c \
		tests/hostile/hostile.h kernel-shim/include/kap/abi.h tests/hostile/build.mk
	@echo '  CC      $@'
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -O2 -g -Wall -Wextra -static -pthread -o $@ $<

$(HOSTILE_DIR)/initramfs.cpio: build/initramfs.cpio build/gen_init_cpio tests/hostile/build.mk \
		$(addprefix $(HOSTILE_DIR)/,$(HOSTILE_GUEST))
	@echo '  GEN     $@'
	@{ echo 'dir /t 0755 0 0'; for p in $(HOSTILE_GUEST); do \
		echo "file /t/$$p $(HOSTILE_DIR)/$$p 0755 0 0"; done; } >$@.list
	@build/gen_init_cpio -t 0 $@.list >$@.extra
	@cat build/initramfs.cpio $@.extra >$@
	@rm $@.list $@.extra

# Runs on the host, beside a guest: inject.t.
$(HOSTILE_DIR)/inject: tests/hostile/host/inject.c kernel-shim/include/kap/abi.h \
		kernel-shim/include/kap/gate.h tests/hostile/build.mk
	@echo '  CC      $@'
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -O2 -g -Wall -Wextra -Ikernel-shim/include -o $@ $<

CHECK_DEPS += $(HOSTILE_DIR)/initramfs.cpio $(HOSTILE_DIR)/inject

.PHONY: hostile-tests
hostile-tests: $(HOSTILE_DIR)/initramfs.cpio
