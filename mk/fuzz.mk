# SPDX-License-Identifier: GPL-2.0-only
#
# Fuzzing of what takes bytes from strangers, with clang's libFuzzer, ASan and UBSan. `make fuzz`
# looks for FUZZ_SECONDS; `make check` does the same for 20 seconds (tests/fuzz/*.t). What is found
# on the way is kept in build/tests/fuzz/corpus and used the next time.

FUZZ_CC ?= clang
FUZZ_SECONDS ?= 600
FUZZ_CFLAGS := -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_RSP := tests/fuzz/rsp.c $(addprefix hostos/debug/,packet.c rsp.c rsp_data.c rsp_query.c tdesc.c)

# Where clang can't, the reason is built instead: make check says it, make fuzz fails with it.
build/tests/fuzz/rsp: $(FUZZ_RSP) $(wildcard hostos/debug/*.h kernel-shim/include/kap/*.h) \
		tests/unit/fake_machine.h mk/fuzz.mk
	@mkdir -p $(@D)/corpus
	@rm -f $@.skip
	@if echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | \
		$(FUZZ_CC) $(FUZZ_CFLAGS) -x c -o $@.probe - >$@.probe.log 2>&1; then \
		echo '  CC [f]  $@'; \
		$(FUZZ_CC) $(KAP_CFLAGS) $(FUZZ_CFLAGS) -o $@ $(FUZZ_RSP); \
	else \
		echo "$(FUZZ_CC) can't build fuzzers here: install clang and libclang-rt-dev" >$@.skip; \
	fi

check: build/tests/fuzz/rsp

fuzz: build/tests/fuzz/rsp
	@test ! -e $<.skip || { echo "fuzz: $$(cat $<.skip)" >&2; exit 1; }
	@echo 'fuzz: $(FUZZ_SECONDS) seconds; $<.log tells how it goes'
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/rsp.t
