# SPDX-License-Identifier: GPL-2.0-only
#
# What all tables of the benchmark count with.

# Median of the numbers in the string s; -1 when there are none.
function median(s,	v, n, i, j, t)
{
	n = split(s, v, " ")
	if (!n)
		return -1
	for (i = 2; i <= n; i++) {
		t = v[i] + 0
		for (j = i - 1; j >= 1 && v[j] + 0 > t; j--)
			v[j + 1] = v[j]
		v[j + 1] = t
	}
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

# Every table has collect(name), which fills total[name] and valid[name], and is_void(name), and
# goes on with its own END unless there is nothing to print.
END {
	for (c = 1; c <= columns; c++) {
		collect(column[c])
		found += total[column[c]]
		if (is_void(column[c]))
			lacking = lacking " " column[c]
	}
	if (mode == "lacking") {
		# Without it nothing can be compared.
		if (lacking && native && lacking !~ / native( |$)/)
			lacking = " native" lacking
		print substr(lacking, 2)
		exit 0
	}
	if (!found)
		exit 1
}

# print_void TEXT: what a set must be to count
function print_void(text)
{
	if (lacking)
		printf "\nvoid:%s: fewer than %d sets %s;\n" \
			"stop what else runs on this machine and run it again\n", lacking, rounds, text
}

function print_few()
{
	if (rounds < 5)
		printf "\nonly %d round(s): not enough for a claim (give 5 or more)\n", rounds
}
