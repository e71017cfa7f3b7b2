# SPDX-License-Identifier: GPL-2.0-only
#
# awk -f expected.awk -f kselftest-report.awk part=1 EXPECTED part=2 NATIVE part=3 GUEST: TAP, one
# point a test, from two outputs of kselftest-parse.awk and the list of what is known to fail.
# With -v some=1 not every test was to be run. A reason that begins with "speed:" is about a
# busy machine: such a failure comes and goes.

# The number of the line that explains a failure, or 0.
function explained(test, text, i)
{
	for (i = 1; i <= nr_known; i++)
		if (known_test[i] == test && text ~ known_text[i])
			return i
	return 0
}

function natively(test, text)
{
	if ((test, text) in native_failure)
		return "; it fails natively too"
	if (native[test] == "ok")
		return "; it passes natively"
	if (native[test] == "skip")
		return "; it is skipped natively"
	if (native[test] == "fail")
		return "; natively the test fails elsewhere"
	return ""
}

part == 1 {
	if (/^#/ || !NF)
		next
	if (split($0, word, "|") != 3 || trim(word[3]) == "") {
		bad = bad "# " FILENAME ":" FNR ": not \"test | failure | reason\": " $0 "\n"
		next
	}
	known_test[++nr_known] = trim(word[1])
	known_text[nr_known] = pattern(trim(word[2]))
	known_reason[nr_known] = trim(word[3])
	known_line[nr_known] = FNR
	next
}

{
	n = split($0, word, "\t")
}

part == 2 {
	if (word[2] == "failure") {
		native_failure[word[1], word[3]] = 1
	} else {
		native[word[1]] = word[2]
		native_passed[word[1]] = word[4]
		native_skipped[word[1]] = word[5]
	}
	next
}

function difference(test, text, i)
{
	i = explained(test, text)
	if (i) {
		used[i] = 1
		notes = notes "#   known: " text ": " known_reason[i] natively(test, text) "\n"
	} else {
		new++
		notes = notes "#   NEW: " text natively(test, text) "\n"
	}
}

word[2] == "failure" {
	difference(word[1], word[3])
	next
}

# What is skipped only in the guest is something that the guest lacks.
word[2] == "skip" && native[word[1]] == "ok" {
	difference(word[1], "skipped")
}

{
	if (native[word[1]] != "" && word[4] < native_passed[word[1]])
		notes = notes sprintf("#   passes %d points, %d skipped; natively %d, %d skipped\n",
			word[4], word[5], native_passed[word[1]], native_skipped[word[1]])
}

{
	points++
	test = word[1]
	ran[test] = word[2]
	count[word[2]]++
	directive = ""
	if (word[2] == "skip")
		directive = " # SKIP the test says so"
	else if (word[2] == "missing")
		directive = " # SKIP not built here; see build/kselftest/build.log"
	printf "%sok %d - %s%s\n%s", new ? "not " : "", points, test, directive, notes
	if (word[3] > 10)
		printf "#   %s s\n", word[3]
	new = 0
	notes = ""
}

END {
	for (i = 1; i <= nr_known; i++) {
		if (used[i])
			continue
		if (ran[known_test[i]] == "" && !some)
			bad = bad "# line " known_line[i] ": " known_test[i] " was not run\n"
		else if (ran[known_test[i]] ~ /ok|fail/ && known_reason[i] !~ /^speed:/)
			printf "# note: listed but passing: %s, line %d (%s)\n", known_test[i],
				known_line[i], known_reason[i]
	}
	points++
	printf "%sok %d - the list of known failures is in order\n%s", bad ? "not " : "", points, bad
	printf "# %d tests: %d passed, %d with failures, %d skipped, %d not built\n", points - 1,
		count["ok"], count["fail"], count["skip"], count["missing"]
}
