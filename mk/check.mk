# SPDX-License-Identifier: GPL-2.0-only
#
# Tests, lint and measurements. Every test prints TAP: build/tests/unit/* are cmocka
# programs, tests/*/*.t executable scripts. What a folder of
# tests needs built is said in its build.mk, which adds to CHECK_DEPS.

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_TESTS := $(UNIT_SRC:%.c=build/%)
CHECK_DEPS :=
-include $(wildcard tests/*/build.mk)

# Those that take minutes have a target of their own.
LONG_TESTS := tests/suites/python.t
SCRIPT_TESTS := $(filter-out $(LONG_TESTS),$(sort $(wildcard tests/guests/*.t tests/boot/*.t \
	tests/suites/*.t tests/fuzz/*.t tests/hostile/*.t)))
# What runs once more on the direct engine, where the host can do without its keys.
DIRECT_TESTS := tests/guests/guests.t $(patsubst %,tests/boot/%.t,\
	run abi modules terminal linux disk killed gdb gdb-hostile)
ifeq ($(origin TESTS),undefined)
ALSO_DIRECT := y
endif
TESTS ?= $(UNIT_TESTS) $(SCRIPT_TESTS)

$(UNIT_TESTS): build/%: build/obj/%.o $(filter-out $(HOSTOS_MAIN),$(HOSTOS_OBJ))
	@echo '  LD      $@'
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ -lcmocka $(KAP_LDLIBS)

check: lint all $(UNIT_TESTS) $(CHECK_DEPS)
	@prove --timer --exec tests/run $(PROVEFLAGS) $(TESTS)
	@[ -z '$(ALSO_DIRECT)' ] || $(MAKE) --no-print-directory check-direct

.PHONY: check-direct check-pku check-python
check-direct:
	@if build/kap run --engine direct-open --timeout 60 -- true; then \
		echo 'Once more, on the direct engine without keys:'; \
		KAP_ENGINE=direct-open prove --timer --exec tests/run $(PROVEFLAGS) $(DIRECT_TESTS); \
	else \
		echo 'skip the direct engine: this host has no syscall user dispatch'; \
	fi

# A host with protection keys, emulated: minutes, and a kernel from Debian.
check-pku: all $(CHECK_DEPS)
	@prove --timer --exec tests/run $(PROVEFLAGS) tests/pku/pku.t

# Python's own tests in a guest: PYTHON_TESTS=all for all of them, or some names. The packages that
# a tree of Debian has already stay in it.
check-python: all
	@rootfs/debian $$(sed 1d build/debian/stamp 2>/dev/null) libpython3.11-testsuite
	@PYTHON_TESTS='$(PYTHON_TESTS)' prove --timer --exec tests/run $(PROVEFLAGS) $(LONG_TESTS)

bench: all
	@test -x tests/bench/run || { echo 'bench: tests/bench/run does not exist' >&2; exit 1; }
	@KAP=build/kap BUILD=build CC="$(CC)" tests/bench/run

lint:
	@sh scripts/lint.sh

format:
	@sh scripts/lint.sh --format
