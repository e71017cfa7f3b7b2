# SPDX-License-Identifier: GPL-2.0-only
#
# Judges and prints the benchmark's results (lines "round contender row value"). Needs median.awk.
#
#	-v mode=lacking	names of contenders with fewer than `rounds` valid sets
#	-v mode=table	the tables
#	-v list="..."	contenders, in the order of their columns
#
# A set is what one run of micro printed. It is valid when none of its three control rows
# is off by more than 5 %:
#	the fastest batch, from native's (a slower CPU, a wrong clock);
#	the median batch, from the median of this contender's control rows (a disturbed
#	machine). A guest's own clock ticks make that one slower than native's, always by the
#	same amount: it is a cost of the guest, no drift. Native has no such excuse:
#	its median is compared with its fastest.

BEGIN {
	FS = "\t"
	limit = 0.05
	columns = split(list, column, " ")
	for (c = 1; c <= columns; c++)
		native = native || column[c] == "native"
	label["null_syscall"] = "null syscall"
	label["any_syscall"] = "null syscall by syscall(2)"
	label["read_zero"] = "read /dev/zero, 1 byte"
	label["open_close"] = "open + close"
	label["anon_touch"] = "anonymous touch, per page"
	label["filemap_read"] = "file map read, per page"
	label["mmap_munmap"] = "mmap + touch + munmap 64K"
	label["signal"] = "signal to self"
	label["pipe_pingpong"] = "pipe ping-pong"
	label["fork_exit_wait"] = "fork + exit + wait"
	label["fork_exec_wait"] = "fork + exec + wait"
	label["thread_create_join"] = "thread create + join"
	label["control"] = "control: 1000 loop steps"
	order = "null_syscall any_syscall clock_gettime read_zero stat open_close anon_touch filemap_read" \
		" mmap_munmap signal pipe_pingpong fork_exit_wait fork_exec_wait" \
		" thread_create_join control"
	rows = split(order, row, " ")
}

function is_kap(name) { return name ~ /^(ptrace|seccomp|direct|direct-open)(-pin)?$/ }
function is_listening(name) { return name ~ /^(ptrace|seccomp|direct|direct-open)-gdb(-pin)?$/ }
function is_peer(name) { return name != "native" && !is_kap(name) && !is_listening(name) }

{
	key = $2 SUBSEP $1
	if ($3 ~ /^control.*_best$/) {
		best[key] = best[key] " " $4
		all_bests[$2] = all_bests[$2] " " $4
	} else if ($3 ~ /^control/) {
		if (!(key in controls))
			sets[$2] = sets[$2] " " $1
		controls[key] = controls[key] " " $4
		all_controls[$2] = all_controls[$2] " " $4
	}
	value[$2, $1, $3] = $4
	if ($3 ~ /_(ns|kb)$/ || $3 == "processes")
		outside[$2, $3] = outside[$2, $3] " " $4
}

# Largest deviation of the numbers in s from ref, and how many there are in `count`.
function deviation(s, ref,	v, i, d, max)
{
	count = split(s, v, " ")
	for (i = 1; i <= count; i++) {
		d = v[i] / ref - 1
		if (d < 0)
			d = -d
		if (d > max)
			max = d
	}
	return max + 0
}

# Is this set undisturbed? Also notes the largest drift seen of the contender.
function is_valid(name, round,	d, b, whole)
{
	d = deviation(controls[name, round],
		      median(name == "native" ? all_bests[name] : all_controls[name]))
	whole = count == 3
	b = deviation(best[name, round], median(all_bests[native ? "native" : name]))
	whole = whole && count == 3
	if (b > d)
		d = b
	if (d > drift[name])
		drift[name] = d
	return whole && d <= limit
}

function collect(name,	s, n, i, r)
{
	n = split(sets[name], s, " ")
	total[name] = n
	for (i = 1; i <= n; i++) {
		if (is_valid(name, s[i])) {
			valid[name]++
			for (r = 1; r <= rows; r++)
				good[name, row[r]] = good[name, row[r]] " " value[name, s[i], row[r]]
		}
		for (r = 1; r <= rows; r++)
			any[name, row[r]] = any[name, row[r]] " " value[name, s[i], row[r]]
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

function short(r) { return r in label ? label[r] : r }

function print_rows(	r, c, x, n)
{
	printf "\n%-26s", "ns (times native)"
	for (c = 1; c <= columns; c++)
		printf " %19s", column[c]
	printf "\n"
	for (r = 1; r <= rows; r++) {
		printf "%-26s", short(row[r])
		n = result("native", row[r])
		for (c = 1; c <= columns; c++) {
			x = result(column[c], row[r])
			if (x == -2)
				printf " %19s", "failed"
			else if (x < 0)
				printf " %19s", "-"
			else if (is_void(column[c]))
				printf " %11.*f    void", x < 1000 ? 1 : 0, x
			else if (n > 0 && !is_void("native"))
				printf " %11.*f %6.*fx", x < 1000 ? 1 : 0, x, x / n < 1000 ? 2 : 0, x / n
			else
				printf " %11.*f       -", x < 1000 ? 1 : 0, x
		}
		printf "\n"
	}
	printf "%-26s", "valid sets of all, drift"
	for (c = 1; c <= columns; c++)
		printf " %8d/%-2d %6.1f%%", valid[column[c]], total[column[c]], 100 * drift[column[c]]
	printf "\n"
}

function print_against(	r, c, p, x, y, any_kap, any_peer)
{
	for (c = 1; c <= columns; c++) {
		any_kap += is_kap(column[c])
		any_peer += is_peer(column[c])
	}
	if (!any_kap || !any_peer)
		return
	printf "\n%-26s", "kap's time / peer's time"
	for (c = 1; c <= columns; c++)
		for (p = 1; p <= columns && is_kap(column[c]); p++)
			if (is_peer(column[p]))
				printf " %18s", column[c] "/" column[p]
	printf "\n"
	for (r = 1; r <= rows; r++) {
		printf "%-26s", short(row[r])
		for (c = 1; c <= columns; c++)
			for (p = 1; p <= columns && is_kap(column[c]); p++) {
				if (!is_peer(column[p]))
					continue
				x = result(column[c], row[r])
				y = result(column[p], row[r])
				if (is_void(column[c]) || is_void(column[p]))
					printf " %18s", "void"
				else if (x > 0 && y > 0)
					printf " %18.3f", x / y
				else
					printf " %18s", "-"
			}
		printf "\n"
	}
}

# What it costs that a debugger could come: each row, and the median of all.
function print_listening(	c, r, x, y, plain, n, all)
{
	for (c = 1; c <= columns; c++) {
		plain = column[c]
		if (!is_listening(plain) || !sub(/-gdb/, "", plain) || !(plain in total))
			continue
		printf "\n%s: time with --gdb / without, no debugger there\n", plain
		if (is_void(column[c]) || is_void(plain))
			printf "void\n"
		all = ""
		for (r = 1; r <= rows && !is_void(column[c]) && !is_void(plain); r++) {
			x = result(column[c], row[r])
			y = result(plain, row[r])
			if (x <= 0 || y <= 0)
				continue
			printf "%-26s %.3f\n", short(row[r]), x / y
			if (row[r] != "control")
				all = all " " x / y
		}
		if (all)
			printf "%-26s %.3f\n", "median of these rows", median(all)
	}
}

function print_outside_row(text, key, scale, digits,	c, x)
{
	printf "%-26s", text
	for (c = 1; c <= columns; c++) {
		x = median(outside[column[c], key])
		if (x < 0)
			printf " %19s", "-"
		else
			printf " %19.*f", digits, x / scale
	}
	printf "\n"
}

function print_outside()
{
	printf "\n%-26s\n", "from outside, 256 MiB"
	print_outside_row("boot + power off, ms", "boot_ns", 1000000, 0)
	print_outside_row("kap run -- /bin/true, ms", "command_ns", 1000000, 0)
	print_outside_row("memory idle, peak, MiB", "peak_kb", 1024, 1)
	print_outside_row("  at rest, MiB", "idle_kb", 1024, 1)
	print_outside_row("  + page tables, MiB", "tables_kb", 1024, 1)
	print_outside_row("  guest RAM used, MiB", "ram_kb", 1024, 1)
	print_outside_row("  processes", "processes", 1, 0)
}

END {
	print_rows()
	print_against()
	print_listening()
	print_outside()
	print_void(sprintf("whose control stayed within %d %%", limit * 100))
	print_few()
}
