# SPDX-License-Identifier: GPL-2.0-only
#
# The program that pku.t runs on the emulated host, static: that host has few libraries.

build/tests/pku/pkuinfo: tests/pku/pkuinfo.c tests/pku/build.mk
	@echo '  CC      $@'
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 -O2 -g -Wall -Wextra -static -o $@ $<

CHECK_DEPS += build/tests/pku/pkuinfo
