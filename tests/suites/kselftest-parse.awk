# SPDX-License-Identifier: GPL-2.0-only
#
# Reads what kselftest-guest.sh prints and tells what each test said, in lines of
#	NAME <tab> ok|fail|skip|missing <tab> SECONDS <tab> POINTS PASSED <tab> POINTS SKIPPED
# with, before the line of a test that failed, for each of its failures
#	NAME <tab> failure <tab> what it says
# A verdict is what a test prints (KTAP, [FAIL], a broken plan) and its exit status.

function failure(text)
{
	gsub(/[ \t]+/, " ", text)
	gsub(/0x[0-9a-f]+/, "0xN", text)
	sub(/^[ -]+/, "", text)
	sub(/ +$/, "", text)
	failed++
	print name "\tfailure\t" text
}

function ending(status, seconds)
{
	verdict = "ok"
	if (status == "none")
		failure("the guest ended while it ran")
	else if (seconds >= limit && (status == 124 || status == 137 || status == 143))
		failure("timed out after " limit " s")
	else if (status == 4 || (status == 0 && !failed && !passed && skipped))
		verdict = "skip"
	else if (status > 128 && !failed)
		failure("killed by signal " (status - 128))
	else if (status != 0 && !failed)
		failure("exit status " status)
	else if (status == 0 && plans == 1 && planned != results)
		failure("planned " planned " results, printed " results)
	if (failed)
		verdict = "fail"
	printf "%s\t%s\t%.1f\t%d\t%d\n", name, verdict, seconds, passed, skipped
	name = ""
}

{
	sub(/\r$/, "")
	gsub(/\033\[[0-9;]*m/, "")
}

$1 == "@@" && $2 == "begin" {
	if (name != "")
		ending("none", 0)
	name = $3
	limit = $4
	failed = passed = skipped = results = plans = 0
	next
}

$1 == "@@" && $2 == "missing" {
	print $3 "\tmissing\t0\t0\t0"
	next
}

# What a test printed last may lack its end of line.
$1 == "@@" && $2 == "end" {
	if (name == $3)
		ending($4, $6 - $5)
	next
}

name == "" {
	next
}

/^1\.\.[0-9]+/ {
	plans++
	planned = substr($1, 4) + 0
	if (/# *SKIP/)
		skipped++
	next
}

match($0, /^[ \t]*(not )?ok [0-9]+/) {
	bad = /^[ \t]*not ok/
	text = substr($0, RSTART + RLENGTH)
	if ($0 !~ /^[ \t]/)
		results++
	if (text ~ /# *(SKIP|XFAIL|TODO)/)
		skipped++
	else if (bad)
		failure(text)
	else
		passed++
	next
}

/^Bail out!/ {
	failure($0)
	next
}

/\[(FAIL|FAILED|ERROR)\]/ {
	text = $0
	gsub(/\[[A-Z]+\]/, "", text)
	failure(text)
	next
}

/\[(OK|PASS)\]/ {
	passed++
	next
}

/\[SKIP\]/ || /\.\.\. skipped \[reason/ {
	skipped++
	next
}

# What the tests of userfaultfd say.
/^Testing .*\.\.\. done$/ {
	passed++
}

END {
	if (name != "")
		ending("none", 0)
}
