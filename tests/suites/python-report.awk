# SPDX-License-Identifier: GPL-2.0-only
#
# awk -v module=NAME -f expected.awk -f python-report.awk part=1 EXPECTED part=2 NATIVE part=3
# GUEST: compares the results of a module, as python-run.py tells them. Prints comments; status
# 1 when a test that passes natively doesn't in the guest, and EXPECTED doesn't say why.

function reason(name, i)
{
	for (i = 1; i <= nr_known; i++)
		if (name ~ known_name[i])
			return known_reason[i]
	return ""
}

function difference(name, how, why)
{
	why = reason(name)
	if (why == "")
		new = 1
	printf "#   %s: %s %s; natively ok\n", why == "" ? "NEW" : "known, " why, name, how
}

part == 1 {
	if (/^#/ || !NF)
		next
	if (split($0, word, "|") != 3 || trim(word[3]) == "") {
		printf "# %s:%d: not \"module | test | reason\"\n", FILENAME, FNR
		new = 1
	} else if (trim(word[1]) == module) {
		known_name[++nr_known] = pattern(trim(word[2]))
		known_reason[nr_known] = trim(word[3])
	}
	next
}

/^#/ && part == 3 {
	said = said $0 "\n"
	next
}

$1 != "@@" || $3 != module {
	next
}

{
	name = $0
	sub(/^@@ test [^ ]+ [^ ]+ /, "", name)
}

part == 2 {
	if ($2 == "test")
		native[name] = $4
	else
		native_status = $4
	next
}

$2 == "test" {
	guest[name] = $4
	if ($4 == "ok")
		passed++
	else if (native[name] == "ok")
		difference(name, $4)
	next
}

{
	ended = 1
	status = $4
	seconds = $5
}

END {
	for (name in native) {
		wanted += native[name] == "ok"
		if (native[name] == "ok" && !(name in guest))
			missing++
	}
	# A module that breaks off leaves no results; others name some tests by chance.
	if (status != native_status && (status == "timeout" || status !~ /^[024]$/))
		difference("status", status " in place of " native_status)
	if (missing && (!passed || (status == "timeout") != (native_status == "timeout")))
		difference("missing", "(" missing " tests)")
	if (new)
		printf "%s", said
	printf "# %s: %d passed, natively %d; %s s\n", module, passed, wanted, seconds
	exit new + 0
}
