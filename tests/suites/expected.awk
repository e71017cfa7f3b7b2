# SPDX-License-Identifier: GPL-2.0-only
#
# For the reports of the suites: lines of the lists of what is known to fail.

function trim(s)
{
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

# A shell pattern with * as a regular expression.
function pattern(s)
{
	gsub(/[][\\.^$+?(){}|]/, "\\\\&", s)
	gsub(/\*/, ".*", s)
	return "^" s "$"
}
