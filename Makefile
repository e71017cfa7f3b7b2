# SPDX-License-Identifier: GPL-2.0-only
#
# kap: `make run` installs what is missing, builds, and ends at a shell in a guest.
# `make help` lists the targets. The rules are in mk/: kap.mk (the program), guest.mk
# (kernel and initramfs), check.mk (tests and lint), fuzz.mk, install.mk.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all run check fuzz bench lint format clean distclean install help FORCE

all:

# Everything but these needs a configuration, and makes it when there is none.
unconfigured := clean distclean help format
goals := $(or $(MAKECMDGOALS),all)

ifneq ($(filter-out $(unconfigured),$(goals)),)
include build/config.mak
endif

# These may install packages; `check` and `fuzz` want some that a build can do without.
installing := $(filter run check fuzz,$(goals))

build/config.mak: configure $(if $(filter check,$(goals)),$(if $(MISSING),FORCE))
	$(if $(installing),@sh scripts/deps.sh $(CONFIGURE_ARGS))
	@./configure $(CONFIGURE_ARGS)

include mk/kap.mk
include mk/guest.mk
include mk/check.mk
include mk/fuzz.mk
include mk/install.mk

all: build/kap build/kap-build build/kap-gdb.py build/vmlinux build/initramfs.cpio

# ARGS='--mem 512M -- ls -l' and the like go to kap.
run: all
	@build/kap run $(ARGS)

clean:
	rm -rf build/obj build/tests build/kernel build/guest-* build/kernel.log build/kap \
		build/kap-build build/kap-gdb.py build/vmlinux build/initramfs.cpio build/init build/gen_init_cpio

distclean:
	rm -rf build

help:
	@echo 'make            build/kap, build/vmlinux, build/initramfs.cpio'
	@echo 'make run        install what is missing, build, start a shell in a guest'
	@echo "                (make run ARGS='-- uname -a')"
	@echo 'make check      run every test'
	@echo 'make fuzz       look for input that breaks the parsers (FUZZ_SECONDS=600)'
	@echo 'make bench      measure against native and other tools'
	@echo 'make lint       style and static checks;  make format  apply the style'
	@echo 'make install    to prefix (see ./configure --help), below DESTDIR if set'
	@echo 'make clean      remove what was built, keep the unpacked kernel source'
	@echo 'make distclean  remove build/'
