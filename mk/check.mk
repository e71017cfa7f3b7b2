# SPDX-License-Identifier: GPL-2.0-only
#
# Tests, lint and measurements. Every test prints TAP: build/tests/unit/* are cmocka
# programs, tests/*/*.t executable scripts. What a folder of
# tests needs built is said in its build.mk, which adds to CHECK_DEPS.

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_TESTS := $(UNIT_SRC:%.c=build/%)
CHECK_DEPS :=
-include $(wildcard tests/*/build.mk)

SCRIPT_TESTS := $(sort $(wildcard tests/guests/*.t tests/boot/*.t tests/suites/*.t \
	tests/fuzz/*.t))
TESTS ?= $(UNIT_TESTS) $(SCRIPT_TESTS)

$(UNIT_TESTS): build/%: build/obj/%.o $(filter-out $(HOSTOS_MAIN),$(HOSTOS_OBJ))
	@echo '  LD      $@'
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ -lcmocka $(KAP_LDLIBS)

check: lint all $(UNIT_TESTS) $(CHECK_DEPS)
	@prove --timer --exec tests/run $(PROVEFLAGS) $(TESTS)

bench: all
	@test -x tests/bench/run || { echo 'bench: tests/bench/run does not exist' >&2; exit 1; }
	@KAP=build/kap BUILD=build CC="$(CC)" tests/bench/run

lint:
	@sh scripts/lint.sh

format:
	@sh scripts/lint.sh --format
