# SPDX-License-Identifier: GPL-2.0-only
#
# Judges and prints what tests/bench/smp measured (lines "round contender row value", ns). Needs
# median.awk.
#
#	-v mode=lacking	names of contenders with fewer than `rounds` valid sets
#	-v mode=table	the table, and what is claimed
#	-v list="..."	contenders, in the order of their columns
#
# A set is valid when its control, a loop of one thread at its begin and at its end, is within 10 %
# of the fastest control of all, and its loop of two threads, with two CPUs, too: then the
# host had two CPUs to give.

BEGIN {
	FS = "\t"
	limit = 1.1
	columns = split(list, column, " ")
	label["loop"] = "2 threads that compute"
	label["ping"] = "pipe ping-pong"
	label["make"] = "make -j2 of C files"
	label["gzip"] = "2 gzip at once"
	label["find"] = "8 find at once"
	rows = split("loop ping make gzip find", row, " ")
}

{
	set = $2 SUBSEP $1
	if (!(set in seen)) {
		seen[set] = 1
		sets[$2] = sets[$2] " " $1
	}
	if ($3 == "control") {
		controls[set]++
		if ($4 > slowest[set])
			slowest[set] = $4
		if (!fastest || $4 < fastest)
			fastest = $4
	}
	value[$2, $1, $3] = $4
}

function is_valid(name, round,	set)
{
	set = name SUBSEP round
	if (controls[set] != 2 || slowest[set] > fastest * limit)
		return 0
	return name ~ /-1$/ || value[name, round, "loop"] <= fastest * limit
}

function collect(name,	s, n, i, r)
{
	n = split(sets[name], s, " ")
	total[name] = n
	for (i = 1; i <= n; i++) {
		if (is_valid(name, s[i]))
			valid[name]++
		for (r = 1; r <= rows; r++) {
			any[name, row[r]] = any[name, row[r]] " " value[name, s[i], row[r]]
			if (is_valid(name, s[i]))
				good[name, row[r]] = good[name, row[r]] " " value[name, s[i], row[r]]
		}
	}
}

function is_void(name) { return valid[name] < rounds }

function result(name, r) { return median(valid[name] ? good[name, r] : any[name, r]) }

function show(ns)
{
	if (ns < 0)
		return sprintf("%15s", "-")
	return ns < 1e6 ? sprintf("%12.1f us", ns / 1000) : sprintf("%12.1f ms", ns / 1e6)
}

# claim TEXT ROW SLOW FAST: how many times as fast
function claim(text, r, slow, fast, least,	x, y)
{
	x = result(slow, r)
	y = result(fast, r)
	if (x < 0 || y <= 0)
		printf "%-44s not measured\n", text
	else
		printf "%-44s %5.2f  (wanted: %s)%s%s\n", text, x / y, least,
			r == "find" ? "" : sprintf("  native %.2f",
				result("native-1", r) / result("native-2", r)),
			is_void(slow) || is_void(fast) ? "  void" : ""
}

END {
	printf "\n%-26s", "several CPUs, median"
	for (c = 1; c <= columns; c++)
		printf " %15s", column[c]
	printf "\n"
	for (r = 1; r <= rows; r++) {
		printf "%-26s", label[row[r]]
		for (c = 1; c <= columns; c++)
			printf " %s", show(result(column[c], row[r]))
		printf "\n"
	}
	printf "%-26s", "valid sets of all"
	for (c = 1; c <= columns; c++)
		printf " %12d/%-2d", valid[column[c]], total[column[c]]
	printf "\n\n"
	claim("2 threads: kap-1 / kap-2", "loop", "kap-1", "kap-2", "1.9 or more")
	claim("make -j2: kap-1 / kap-2", "make", "kap-1", "kap-2", "1.7 or more")
	claim("2 gzip: kap-1 / kap-2", "gzip", "kap-1", "kap-2", "1.7 or more")
	claim("ping-pong: kap-1 / kap-2", "ping", "kap-1", "kap-2", "1 or more")
	claim("8 find: kap-8 / kap-2", "find", "kap-8", "kap-2", "1.3 or less")
	print_void("that nobody disturbed")
}
