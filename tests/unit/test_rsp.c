// SPDX-License-Identifier: GPL-2.0-only
/*
 * gdb's remote protocol: the connection, going on, stops and the end.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rsp_client.h"

static void acknowledges(void **state)
{
	(void)state;
	frame("qAttached", 9);
	assert_int_equal(nr_sent, 6);
	assert_memory_equal(sent, "+$1#31", 6);
	rsp__receive(rsp, "-", 1);
	assert_memory_equal(sent + 6, "$1#31", 5);
	rsp__receive(rsp, "+", 1);
	rsp__receive(rsp, "$qAttached#00", 13);
	assert_int_equal(nr_sent, 12);
	assert_int_equal(sent[11], '-');
	nr_sent = 0;
	frame("QStartNoAckMode", 15);
	assert_memory_equal(sent, "+$OK#9a", nr_sent);
	rsp__receive(rsp, "+", 1);
	nr_sent = 0;
	asks("qAttached", "1");
}

static void supported(void **state)
{
	(void)state;
	asks("qSupported:xmlRegisters=i386;swbreak+", FEATURES);
	asks("qSupported", FEATURES);
	asks("qSupported:", FEATURES);
	asks("qSupported:;;=;swbreak", FEATURES);
}

static void small_questions(void **state)
{
	(void)state;
	asks("qAttached", "1");
	asks("qAttached:1", "1");
	asks("qSymbol::", "OK");
	asks("qTStatus", "");
	asks("vMustReplyEmpty", "");
	asks("vCont?", "vCont;c;C;s;S;t");
	asks("qC", "QC2");
	asks("qC1", "");
	fails("qC:");
}

static void unknown(void **state)
{
	static const char *const commands[] = {
		"",
		"!",
		"A",
		"b",
		"B",
		"i",
		"R00",
		"r",
		"t",
		"x0,1",
		"q",
		"Q",
		"v",
		"qCRC:0,1",
		"qSupportedX",
		"vContX",
		"vFile:open:0",
		"vRun;",
		"vAttach;1",
		"qXfer:auxv:read::0,8",
		"qXfer",
		"QNonStop:1",
		"qOffsets",
		"jfoo",
		"\x80",
		"QStartNoAckMode2",
	};

	(void)state;
	for (size_t n = 0; n < sizeof(commands) / sizeof(commands[0]); n++)
		asks(commands[n], "");
	assert_int_equal(fake.resumes + fake.kills + fake.detaches + fake.interrupts, 0);
}

/* ---- going on and stopping ---- */

/* The registers that come with a stop. */
#define EXPEDITED(bp, ip)	"06:" bp "00000000000000;07:8877665544332211;10:" ip "00670000;"

static void is_resumed(const enum rsp_action expected[FAKE_CPUS])
{
	for (unsigned int cpu = 0; cpu < RSP_MAX_CPUS; cpu++)
		assert_int_equal(fake.actions[cpu], cpu < FAKE_CPUS ? expected[cpu] : RSP_STAY);
}

static void stop(unsigned int cpu, enum rsp_why why)
{
	struct rsp_stop reason = { .cpu = cpu, .why = why };

	fake_stop(&fake, &reason);
}

/* command resumes the machine so; it is stopped again by cpu afterwards. */
static void resumes(const char *command, enum rsp_action a, enum rsp_action b, enum rsp_action d)
{
	const enum rsp_action expected[FAKE_CPUS] = { a, b, RSP_STAY, d };
	unsigned int before = fake.resumes;

	asks(command, "");
	assert_int_equal(fake.resumes, before + 1);
	assert_true(rsp__running(rsp));
	is_resumed(expected);
	stop(1, RSP_WHY_STEP);
	assert_false(rsp__running(rsp));
	assert_string_equal(answers(), "T05thread:2;" EXPEDITED("01", "10004000"));
}

#define O	RSP_STAY
#define C	RSP_CONTINUE
#define S	RSP_STEP

static void vcont(void **state)
{
	(void)state;
	resumes("vCont;c", C, C, C);
	resumes("vCont;s", S, S, S);
	resumes("vCont;s:2;c", C, S, C);
	resumes("vCont;c;s:2", C, C, C);
	resumes("vCont;s:2", O, S, O);
	resumes("vCont;s:2;s:1", S, S, O);
	resumes("vCont;t:1;c:-1", O, C, C);
	resumes("vCont;C05:4;S0b:1", S, O, C);
	resumes("vCont;s:0;c", C, S, C);
	resumes("vCont;s:3;c", C, C, C);
	resumes("vCont;c:40;c:2", O, C, O);
}

static void bad_vcont(void **state)
{
	static const char *const commands[] = {
		"vCont",       "vCont;",       "vCont;x",      "vCont;c;",
		"vCont;cc",    "vCont;c:",     "vCont;c:g",    "vCont;C",
		"vCont;C5",    "vCont;Cxx",    "vCont;S:1",    "vCont,c",
		"vCont;c:1:2", "vCont;t",      "vCont;c:3",    "vCont;s:fffffffffffffff",
		"vCont;t;c:1", "vCont;r0,1:1", "vCont;c:p1.1", "vCont?x",
	};

	(void)state;
	for (size_t n = 0; n < sizeof(commands) / sizeof(commands[0]); n++)
		fails(commands[n]);
	assert_int_equal(fake.resumes, 0);
	assert_false(rsp__running(rsp));
}

static void old_resumes(void **state)
{
	(void)state;
	resumes("c", C, C, C);
	resumes("s", C, S, C);
	resumes("C05", C, C, C);
	resumes("S05", C, S, C);
	asks("Hg1", "OK");
	resumes("s", S, C, C);
	asks("Hc4", "OK");
	resumes("s", O, O, S);
	resumes("c", O, O, C);
	asks("Hc0", "OK");
	resumes("c", C, C, C);
}

static void old_resumes_elsewhere(void **state)
{
	(void)state;
	asks("c670000401234", "");
	assert_true(fake.regs[1].general.ip == 0x670000401234);
	stop(0, RSP_WHY_STEP);
	answers();
	asks("S05;670000405678", "");
	assert_true(fake.regs[0].general.ip == 0x670000405678);
	assert_int_equal(fake.actions[0], RSP_STEP);
	stop(0, RSP_WHY_STEP);
	answers();
	fake.error = "it stays where it is";
	asks("c1000", "E.it stays where it is");
	fake.error = NULL;
	fake.fail = -EIO;
	asks("s1000", "E05");
	assert_int_equal(fake.resumes, 2);
}

/* The one that Hc named has gone off since. */
static void resumes_one_that_is_off(void **state)
{
	(void)state;
	asks("Hc4", "OK");
	fake.off[3] = true;
	fails("s");
	assert_int_equal(fake.resumes, 0);
	asks("Hc-1", "OK");
	resumes("s", C, S, O);
}

static void bad_old_resumes(void **state)
{
	static const char *const commands[] = {
		"cx",	"c,",	"c1000,", "C",	  "C5",	   "Cxx",
		"C05;", "C051", "S",	  "S05;", "S05;x", "s1000 "
	};

	(void)state;
	for (size_t n = 0; n < sizeof(commands) / sizeof(commands[0]); n++)
		fails(commands[n]);
	assert_int_equal(fake.resumes, 0);
	assert_int_equal(fake.register_writes, 0);
}

static void stops(void **state)
{
	static const struct {
		struct rsp_stop stop;
		const char *answer;
	} cases[] = {
		{ { 0, RSP_WHY_ASKED, 0, 0 }, "T02thread:1;" EXPEDITED("00", "00004000") },
		{ { 1, RSP_WHY_STEP, 0, 0 }, "T05thread:2;" EXPEDITED("01", "10004000") },
		{ { 1, RSP_WHY_BREAK, 0, 0 }, "T05thread:2;swbreak:;" EXPEDITED("01", "10004000") },
		{ { 1, RSP_WHY_HBREAK, 0, 0 },
		  "T05thread:2;hwbreak:;" EXPEDITED("01", "10004000") },
		{ { 0, RSP_WHY_WATCH, RSP_WATCH, 0xabcd0 },
		  "T05thread:1;watch:abcd0;" EXPEDITED("00", "00004000") },
		{ { 0, RSP_WHY_WATCH, RSP_RWATCH, 0 },
		  "T05thread:1;rwatch:0;" EXPEDITED("00", "00004000") },
		{ { 0, RSP_WHY_WATCH, RSP_AWATCH, UINT64_MAX },
		  "T05thread:1;awatch:ffffffffffffffff;" EXPEDITED("00", "00004000") },
		{ { 3, RSP_WHY_PANIC, 0, 0 }, "T06thread:4;" EXPEDITED("03", "30004000") },
	};

	(void)state;
	asks("?", "T02thread:2;" EXPEDITED("01", "10004000"));
	for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
		char current[4];

		asks("vCont;c", "");
		fake_stop(&fake, &cases[n].stop);
		assert_string_equal(answers(), cases[n].answer);
		asks("?", cases[n].answer);
		/* That vCPU is gdb's current one now. */
		snprintf(current, sizeof(current), "QC%u", cases[n].stop.cpu + 1);
		asks("qC", current);
	}
}

/* gdb is told only what it said it understands; each qSupported counts anew. */
static void stops_as_negotiated(void **state)
{
	(void)state;
	asks("qSupported:swbreak+;hwbreak-", FEATURES);
	asks("c", "");
	stop(1, RSP_WHY_BREAK);
	assert_non_null(strstr(answers(), "swbreak"));
	asks("c", "");
	stop(1, RSP_WHY_HBREAK);
	assert_null(strstr(answers(), "hwbreak"));
	asks("qSupported:xswbreak+;hwbreak+x;swbreak+1", FEATURES);
	asks("c", "");
	stop(1, RSP_WHY_BREAK);
	assert_string_equal(answers(), "T05thread:2;" EXPEDITED("01", "10004000"));
	asks("c", "");
	stop(1, RSP_WHY_HBREAK);
	assert_string_equal(answers(), "T05thread:2;" EXPEDITED("01", "10004000"));
}

static void stops_without_registers(void **state)
{
	(void)state;
	fake.fail = -EIO;
	asks("?", "T02thread:2;");
}

static void stops_only_once(void **state)
{
	(void)state;
	stop(0, RSP_WHY_BREAK);
	assert_string_equal(answers(), "");
	asks("vCont;c", "");
	stop(0, RSP_WHY_BREAK);
	stop(1, RSP_WHY_STEP);
	stop(0, RSP_WHY_ASKED);
	assert_string_equal(answers(), "T05thread:1;swbreak:;" EXPEDITED("00", "00004000"));
	/* What gdb was told is what holds. */
	asks("?", "T05thread:1;swbreak:;" EXPEDITED("00", "00004000"));
}

static void stops_from_inside(void **state)
{
	(void)state;
	fake.stops_at_once = true;
	asks("vCont;s:1", "T05thread:1;" EXPEDITED("00", "00004000"));
	asks("s", "T05thread:1;" EXPEDITED("00", "00004000"));
	assert_int_equal(fake.resumes, 2);
	assert_false(rsp__running(rsp));
}

static void stop_of_no_cpu(void **state)
{
	struct rsp_stop reason = { .cpu = 1000, .why = RSP_WHY_STEP };

	(void)state;
	asks("c", "");
	fake_stop(&fake, &reason);
	assert_string_equal(answers(), "T05thread:1;" EXPEDITED("00", "00004000"));
}

static void interrupts(void **state)
{
	(void)state;
	rsp__receive(rsp, "\003\003", 2);
	assert_int_equal(fake.interrupts, 0);
	assert_string_equal(answers(), "");
	asks("c", "");
	rsp__receive(rsp, "\003", 1);
	assert_int_equal(fake.interrupts, 1);
	assert_string_equal(answers(), "");
	stop(0, RSP_WHY_ASKED);
	assert_string_equal(answers(), "T02thread:1;" EXPEDITED("00", "00004000"));
	rsp__receive(rsp, "\003", 1);
	assert_int_equal(fake.interrupts, 1);
	/* Behind the command in the same bytes. */
	rsp__receive(rsp, "$vCont;c#a8\003", 12);
	assert_int_equal(fake.interrupts, 2);
}

/* Nothing hangs, and the machine is not asked what it can't answer (the fake one checks). */
static void commands_while_running(void **state)
{
	static const char *const refused[] = {
		"?",
		"g",
		"G00",
		"p0",
		"P0=0000000000000000",
		"m670000400000,4",
		"M670000400000,1:00",
		"X670000400000,0:",
		"Z0,0,1",
		"z0,0,1",
		"c",
		"s",
		"C05",
		"S05",
		"vCont;c",
		"vCont;t",
		"qRcmd,00",
		"qThreadExtraInfo,1",
		"qXfer:features:read:target.xml:0,100",
	};
	static const struct {
		const char *command, *answer;
	} answered[] = {
		{ "qSupported:swbreak+", FEATURES },
		{ "vMustReplyEmpty", "" },
		{ "vCont?", "vCont;c;C;s;S;t" },
		{ "qfThreadInfo", "m1,2,4" },
		{ "qsThreadInfo", "l" },
		{ "qC", "QC2" },
		{ "T1", "OK" },
		{ "Hg1", "OK" },
		{ "Hc0", "OK" },
		{ "qAttached", "1" },
		{ "qSymbol::", "OK" },
		{ "QStartNoAckMode", "OK" },
		{ "nonsense", "" },
	};

	(void)state;
	asks("vCont;c", "");
	for (size_t n = 0; n < sizeof(refused) / sizeof(refused[0]); n++) {
		/* Answers to these are hexadecimal or begin with a letter: no text there. */
		if (strchr("mq", refused[n][0]))
			asks(refused[n], "E01");
		else
			fails(refused[n]);
		assert_true(rsp__running(rsp));
	}
	for (size_t n = 0; n < sizeof(answered) / sizeof(answered[0]); n++)
		asks(answered[n].command, answered[n].answer);
	assert_int_equal(fake.resumes, 1);
	stop(0, RSP_WHY_STEP);
	assert_string_equal(answers(), "T05thread:1;" EXPEDITED("00", "00004000"));
	asks("m670000400000,1", "00");
}

/* ---- the end ---- */

static void detaches(void **state)
{
	(void)state;
	fails("Dx");
	asks("D", "OK");
	assert_int_equal(fake.detaches, 1);
	assert_true(rsp__finished(rsp));
	/* Nothing is heard any more. */
	asks("g", "");
	rsp__exited(rsp, 1);
	rsp__stopped(rsp, &(struct rsp_stop){ .cpu = 0 });
	rsp__receive(rsp, "\003-$?#3f", 6);
	assert_string_equal(answers(), "");
}

static void detaches_while_running(void **state)
{
	(void)state;
	asks("c", "");
	asks("D;1", "");
	assert_int_equal(fake.interrupts, 1);
	assert_int_equal(fake.detaches, 0);
	assert_false(rsp__finished(rsp));
	fails("qAttached");
	fails("D");
	assert_int_equal(fake.interrupts, 1);
	stop(0, RSP_WHY_ASKED);
	assert_string_equal(answers(), "OK");
	assert_int_equal(fake.detaches, 1);
	assert_true(rsp__finished(rsp));
	assert_false(rsp__running(rsp));
}

static void ends_while_detaching(void **state)
{
	(void)state;
	asks("c", "");
	asks("D", "");
	rsp__exited(rsp, 0);
	assert_string_equal(answers(), "OK");
	assert_int_equal(fake.detaches, 0);
	assert_true(rsp__finished(rsp));
}

static void kills(void **state)
{
	(void)state;
	fails("k1");
	asks("k", "");
	assert_int_equal(fake.kills, 1);
	assert_true(rsp__finished(rsp));
	asks("k", "");
	assert_int_equal(fake.kills, 1);
}

static void kills_while_running(void **state)
{
	(void)state;
	asks("c", "");
	asks("k", "");
	assert_int_equal(fake.kills, 1);
	assert_true(rsp__finished(rsp));
	assert_false(rsp__running(rsp));
}

static void kills_with_answer(void **state)
{
	(void)state;
	fails("vKill");
	fails("vKill;");
	fails("vKill;x");
	fails("vKill;1;");
	asks("vKill;1", "OK");
	assert_int_equal(fake.kills, 1);
	assert_true(rsp__finished(rsp));
}

static void exits(void **state)
{
	static const char *const refused[] = { "g",	 "p0",	     "m670000400000,4",
					       "Z0,0,1", "qRcmd,61", "qThreadExtraInfo,1" };

	(void)state;
	asks("vCont;c", "");
	rsp__exited(rsp, 5);
	rsp__exited(rsp, 6);
	assert_string_equal(answers(), "W05");
	assert_false(rsp__running(rsp));
	for (size_t n = 0; n < sizeof(refused) / sizeof(refused[0]); n++)
		fails(refused[n]);
	asks("?", "W05");
	asks("c", "W05");
	asks("vCont;s:1", "W05");
	rsp__receive(rsp, "\003", 1);
	assert_int_equal(fake.interrupts, 0);
	assert_int_equal(fake.resumes, 1);
	stop(0, RSP_WHY_STEP);
	assert_string_equal(answers(), "");
	asks("D", "OK");
	assert_int_equal(fake.detaches, 0);
	assert_true(rsp__finished(rsp));
}

/* Ended while it stood: gdb hears of it when it wants to go on. */
static void exits_while_standing(void **state)
{
	(void)state;
	rsp__exited(rsp, 0x1ff);
	assert_string_equal(answers(), "");
	asks("s", "Wff");
	asks("vKill;1", "OK");
	assert_int_equal(fake.kills, 0);
}

static void exits_from_inside(void **state)
{
	(void)state;
	fake.ends_at_once = true;
	asks("c", "W03");
	assert_false(rsp__running(rsp));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(acknowledges, fresh, end),
		TEST(supported),
		TEST(small_questions),
		TEST(unknown),
		TEST(vcont),
		TEST(bad_vcont),
		TEST(old_resumes),
		TEST(old_resumes_elsewhere),
		TEST(resumes_one_that_is_off),
		TEST(bad_old_resumes),
		TEST(stops),
		TEST(stops_as_negotiated),
		TEST(stops_without_registers),
		TEST(stops_only_once),
		TEST(stops_from_inside),
		TEST(stop_of_no_cpu),
		TEST(interrupts),
		TEST(commands_while_running),
		TEST(detaches),
		TEST(detaches_while_running),
		TEST(ends_while_detaching),
		TEST(kills),
		TEST(kills_while_running),
		TEST(kills_with_answer),
		TEST(exits),
		TEST(exits_while_standing),
		TEST(exits_from_inside),
	};

	return cmocka_run_group_tests_name("rsp", tests, NULL, NULL);
}
