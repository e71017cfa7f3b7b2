#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# FUZZ_SECONDS (20) of libFuzzer on the parser of gdb's remote protocol.

fuzzer=build/tests/fuzz/rsp
seconds=${FUZZ_SECONDS:-20}
log=$fuzzer.log

if [ -e $fuzzer.skip ]; then
	echo "1..0 # SKIP $(cat $fuzzer.skip)"
	exit 0
fi

echo 1..2
mkdir -p $fuzzer.found build/tests/fuzz/corpus
$fuzzer -max_total_time="$seconds" -max_len=20000 -timeout=30 -rss_limit_mb=1024 \
	-print_final_stats=1 -artifact_prefix=$fuzzer.found/ -dict=tests/fuzz/rsp.dict \
	build/tests/fuzz/corpus tests/fuzz/corpus >$log 2>&1
status=$?
inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' $log)

failed=0
if [ $status = 0 ]; then
	echo "ok 1 - nothing found in $seconds seconds"
else
	echo "not ok 1 - nothing found in $seconds seconds"
	tail -n 40 $log | sed 's/^/# /'
	echo "# again: $fuzzer FILE, with the file that is named above; all of it: $log"
	failed=1
fi
if [ "${inputs:-0}" -ge 100 ]; then
	echo "ok 2 - $inputs inputs were tried"
else
	echo "not ok 2 - ${inputs:-no} inputs were tried, 100 at least are worth the name"
	failed=1
fi
exit $failed
