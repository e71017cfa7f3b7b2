# SPDX-License-Identifier: GPL-2.0-only
#
# Kernels with other configurations, and modules that are built out of tree against the
# usual one: what tests/suites/kunit.t, tests/suites/debug-kernel.t and tests/boot/modules.t need.

MODULE_DIR := build/tests/kernels/module
MODULE_SRC := $(wildcard tests/kernels/module/*)

# The kernel's make writes beside the sources, so it gets copies.
$(MODULE_DIR)/modules.stamp: $(MODULE_SRC) build/vmlinux
	@echo '  MODULES $(MODULE_DIR)'
	@rm -rf $(MODULE_DIR)
	@mkdir -p $(MODULE_DIR)
	@cp $(MODULE_SRC) $(MODULE_DIR)/
	@env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL $(MAKE) -s -C $(KERNEL_TREE) O=$(CURDIR)/build/kernel \
		ARCH=kap M=$(CURDIR)/$(MODULE_DIR) modules
	@touch $@

CHECK_DEPS += $(MODULE_DIR)/modules.stamp
CHECK_DEPS += $(patsubst %,build/guest-%/vmlinux,kunit debug tiny)

.PHONY: module-tests
module-tests: $(MODULE_DIR)/modules.stamp
