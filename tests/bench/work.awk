# SPDX-License-Identifier: GPL-2.0-only
#
# Judges and prints what tests/bench/work measured (lines "round contender row value", ns). Needs
# median.awk.
#
#	-v mode=lacking	names of contenders with fewer than `rounds` valid sets
#	-v mode=table	the table
#	-v list="..."	contenders, in the order of their columns
#
# A set is valid when each of its three controls, a loop that never enters the kernel, is within
# 10 % of the fastest: of all contenders, or, where the processor is emulated, of this one's own.

BEGIN {
	FS = "\t"
	limit = 0.1
	columns = split(list, column, " ")
	for (c = 1; c <= columns; c++)
		native = native || column[c] == "native"
	label["spawn"] = "300 times /bin/true"
	label["gcc"] = "gcc of 12 files, make -j2"
	label["git"] = "git add + commit, 700"
	label["pystart"] = "20 times python"
	label["pyloop"] = "python, CPU loop"
	label["sqlite"] = "sqlite, 100000 inserts"
	label["tar"] = "tar + gzip /usr/include"
	label["find"] = "find /usr"
	label["queue"] = "python, queue, 4 threads"
	label["control"] = "control: loop"
	rows = split("spawn gcc git pystart pyloop sqlite tar find queue control", row, " ")
}

function emulates(name) { return name ~ /^qemu/ }
function group(name) { return emulates(name) ? name : "" }
function is_kap(name) { return name ~ /^(ptrace|seccomp|direct|direct-open)(-pin)?$/ }

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
		if (!fastest[group($2)] || $4 < fastest[group($2)])
			fastest[group($2)] = $4
		value[$2, $1, $3] = value[$2, $1, $3] " " $4
	} else {
		value[$2, $1, $3] = $4
	}
}

function collect(name,	s, n, i, r, d, good_set)
{
	n = split(sets[name], s, " ")
	total[name] = n
	for (i = 1; i <= n; i++) {
		d = fastest[group(name)] ? slowest[name, s[i]] / fastest[group(name)] - 1 : 1
		if (d > drift[name])
			drift[name] = d
		good_set = controls[name, s[i]] == 3 && d <= limit
		valid[name] += good_set
		for (r = 1; r <= rows; r++) {
			any[name, row[r]] = any[name, row[r]] " " value[name, s[i], row[r]]
			if (good_set)
				good[name, row[r]] = good[name, row[r]] " " value[name, s[i], row[r]]
		}
	}
}

function is_void(name) { return valid[name] < rounds }

# Void columns still show what was seen, so that one can judge how bad it was.
function result(name, r)
{
	if (any[name, r] ~ /failed/)
		return -2
	return median(valid[name] ? good[name, r] : any[name, r])
}

function print_rows(	r, c, x, n)
{
	printf "\n%-26s", "real work, ms (x native)"
	for (c = 1; c <= columns; c++)
		printf " %17s", column[c]
	printf "\n"
	for (r = 1; r <= rows; r++) {
		printf "%-26s", label[row[r]]
		n = result("native", row[r])
		for (c = 1; c <= columns; c++) {
			x = result(column[c], row[r])
			if (x == -2)
				printf " %17s", "failed"
			else if (x < 0)
				printf " %17s", "-"
			else if (is_void(column[c]) || is_void("native") || n <= 0)
				printf " %9.1f %7s", x / 1e6, is_void(column[c]) ? "void" : "-"
			else
				printf " %9.1f %6.2fx", x / 1e6, x / n
		}
		printf "\n"
	}
	printf "%-26s", "valid sets of all, drift"
	for (c = 1; c <= columns; c++)
		printf " %6d/%-2d %6.1f%%", valid[column[c]], total[column[c]], 100 * drift[column[c]]
	printf "\n"
}

# What is claimed: at most 1.5 times native, and no peer faster.
function print_missed(	c, p, r, x, y, text)
{
	for (c = 1; c <= columns; c++) {
		if (!is_kap(column[c]) || is_void(column[c]) || is_void("native"))
			continue
		text = ""
		for (r = 1; r < rows; r++) {
			x = result(column[c], row[r])
			y = result("native", row[r])
			if (x < 0 || x > 1.5 * y)
				text = text "\n  " label[row[r]] (x < 0 ? ": not measured" : \
					sprintf(": %.2f times native", x / y))
			for (p = 1; p <= columns; p++) {
				y = result(column[p], row[r])
				if (!is_kap(column[p]) && column[p] != "native" && !is_void(column[p]) &&
				    x > 0 && y > 0 && x >= y)
					text = text "\n  " label[row[r]] \
						sprintf(": %.2f times %s", x / y, column[p])
			}
		}
		printf "\n%s, wanted at most 1.5 times native and faster than every peer:%s\n", column[c],
			text ? text : " all rows are"
	}
}

END {
	print_rows()
	print_missed()
	print_void(sprintf("whose control stayed within %d %%", limit * 100))
	print_few()
}
