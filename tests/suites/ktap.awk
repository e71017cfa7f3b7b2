# SPDX-License-Identifier: GPL-2.0-only
#
# ktap.awk EXPECTED CONSOLE: reads KUnit's nested KTAP out of a kernel's console and prints
# TAP with one line per test case ("suite/case") and its last messages as comments.
#
# EXPECTED holds "suite/case  reason" a line: cases that fail here for a known reason; such a
# failure is a TODO. One that passes, or that isn't there any more, is a failing line, so
# that the list stays true. So is a suite that ends with other than the cases that it
# announced, and a console that ends before the last suite.

function point(good, name, directive)
{
	points++
	print (good ? "ok " : "not ok ") points " - " name (directive != "" ? " # " directive : "")
	if (!good && directive == "")
		bad = 1
}

function tell(   i)
{
	for (i = (said > 12 ? said - 12 : 0); i < said; i++)
		print "#   " words[i]
}

# "    ok 2 name # SKIP why" in result, number, name and directive
function parse(text,   at)
{
	result = sub(/^not ok /, "", text) ? "not ok" : "ok"
	sub(/^ok /, "", text)
	number = text + 0
	sub(/^[0-9]+ ?(- )?/, "", text)
	directive = ""
	at = index(text, " # ")
	if (at) {
		directive = substr(text, at + 3)
		text = substr(text, 1, at - 1)
	}
	name = text
}

function case_ended(   id)
{
	id = suite "/" name
	cases++
	if (id in expected) {
		met[id] = 1
		if (result == "ok") {
			point(0, id)
			print "#   passes, or is skipped, though the list of expected failures has it"
		} else {
			point(0, id, "TODO " expected[id])
		}
	} else if (directive ~ /^SKIP/) {
		point(1, id, directive)
	} else if (result == "ok") {
		point(1, id)
	} else {
		point(0, id)
		tell()
		failed_here = 1
	}
	if (result != "ok" && (id in expected))
		failed_here = 1
	said = 0
}

function suite_ended()
{
	suites++
	if (number != suites)
		point(0, "suite " suites " is reported, not " number)
	if (planned != cases && directive !~ /^SKIP/)
		point(0, name ": " planned " cases announced, " cases " seen")
	if (result != "ok" && !failed_here) {
		point(0, name ": the suite fails outside of its cases")
		tell()
	}
	if (directive ~ /^SKIP/ && !cases)
		point(1, name, directive)
	suite = ""
	said = 0
}

FNR == 1 { file++ }

file == 1 {
	sub(/^#.*/, "")
	if (NF) {
		id = $1
		sub(/^[^ \t]+[ \t]+/, "")
		expected[id] = $0
	}
	next
}

{
	sub(/\r$/, "")
	sub(/^\[ *[0-9]+\.[0-9]+\] /, "")
}

/^KTAP version/ && !begun { begun = 1; next }
!begun { next }

/^1\.\.[0-9]+$/ && !all { all = substr($0, 4) + 0; next }
/^    # Subtest: / { suite = substr($0, 16); cases = planned = failed_here = said = 0; next }
/^    1\.\.[0-9]+$/ { planned = substr($0, 8) + 0; next }
/^    (not )?ok [0-9]+ / { parse(substr($0, 5)); case_ended(); next }
/^(not )?ok [0-9]+ / { parse($0); suite_ended(); next }

# KUnit's own messages, and whatever the kernel says meanwhile.
suite != "" && !/^ *KTAP version/ && !/^ *# Totals?:/ { words[said++] = $0 }

END {
	if (suite != "")
		point(0, suite ": the console ends in the middle of this suite")
	if (suite != "" || !begun)
		tell()
	for (id in expected)
		if (!(id in met)) {
			point(0, id)
			print "#   is in the list of expected failures, but was not run"
		}
	if (!begun)
		point(0, "KUnit prints KTAP")
	else if (suites != all)
		point(0, "all " all " suites come to an end: " suites + 0 " did")
	else
		point(1, "all " all " suites come to an end")
	print "1.." points
	exit bad
}
