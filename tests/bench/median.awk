# SPDX-License-Identifier: GPL-2.0-only
#
# What both tables of the benchmark count with.

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
