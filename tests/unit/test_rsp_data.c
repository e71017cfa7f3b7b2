// SPDX-License-Identifier: GPL-2.0-only
/*
 * gdb's remote protocol: threads, registers, memory, points, the target description, `monitor`.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rsp_client.h"

static void threads(void **state)
{
	(void)state;
	asks("qfThreadInfo", "m1,2,4");
	asks("qsThreadInfo", "l");
	fails("qfThreadInfo,1");
	asks("qThreadExtraInfo,4", "764350552033");
	fails("qThreadExtraInfo,3");
	fails("qThreadExtraInfo,");
	fails("qThreadExtraInfo");
	fails("qThreadExtraInfo,1,1");
	fails("qThreadExtraInfo,-1");
	asks("T1", "OK");
	asks("T4", "OK");
	fails("T3");
	fails("T5");
	fails("T40");
	fails("T41");
	fails("Tffffffffffffffff");
	fails("T0");
	fails("T-1");
	fails("T");
	fails("T1x");
}

static void selects(void **state)
{
	(void)state;
	asks("Hg4", "OK");
	asks("qC", "QC4");
	ask("g");
	assert_int_equal(fake.cpu, 3);
	ask("m670000400000,1");
	assert_int_equal(fake.cpu, 3);
	fails("Hg3");
	fails("Hg41");
	fails("Hg");
	fails("H");
	fails("Hx1");
	fails("Hg1 ");
	asks("qC", "QC4");
	asks("Hg0", "OK");
	asks("qC", "QC2");
	asks("Hg1", "OK");
	asks("Hg-1", "OK");
	asks("qC", "QC2");
	asks("Hc-1", "OK");
	asks("Hc0", "OK");
	asks("Hc1", "OK");
	fails("Hc3");
}

static void no_threads(void **state)
{
	(void)state;
	memset(fake.off, true, sizeof(fake.off));
	asks("qfThreadInfo", "l");
	fails("T1");
}

/* ---- registers ---- */

static unsigned int g_size(bool avx)
{
	unsigned int size = 0;

	for (unsigned int reg = 0; reg < tdesc__count(avx); reg++)
		size += 2 * tdesc__size(reg);
	return size;
}

static void reads_registers(void **state)
{
	(void)state;
	assert_int_equal(strlen(ask("g")), g_size(true));
	assert_memory_equal(got + 16 * 16, "1000400000670000", 16);
	assert_null(strchr(got, 'x'));
	asks("p10", "1000400000670000");
	asks("p11", "00000000");
	asks("p18", "2122232425262728292a");
	asks("p4a", "3132333435363738393a3b3c3d3e3f40");
	fails("p4b");
	fails("pffffffffffffffff");
	fails("p");
	fails("p1=");
	fails("gg");
}

static void unavailable_registers(void **state)
{
	(void)state;
	asks("Hg4", "OK");
	assert_int_equal(strlen(ask("g")), g_size(true));
	assert_memory_equal(got + 16 * 16, "3000400000670000", 16);
	assert_memory_equal(got + 16 * 17 + 7 * 8, "xxxxxxxxxxxxxxxxxxxx", 20);
	assert_memory_equal(got + g_size(false) - 2 * 16 - 8, "xxxxxxxx00000000", 16);
	assert_string_equal(got + g_size(true) - 4, "xxxx");
	asks("p18", "xxxxxxxxxxxxxxxxxxxx");
	fails("P18=00000000000000000000");
	assert_int_equal(fake.register_writes, 0);
}

static void without_avx(void **state)
{
	(void)state;
	for (unsigned int cpu = 0; cpu < FAKE_CPUS; cpu++)
		fake.regs[cpu].has_avx = false;
	assert_null(strstr(ask("qXfer:features:read:target.xml:0,3fff"), "i386.avx"));
	assert_int_equal(strlen(ask("g")), g_size(false));
	fails("p3b");
	fails("P3b=00000000000000000000000000000000");
	/* A connection keeps the registers that it was told of. */
	fake.regs[1].has_avx = true;
	assert_int_equal(strlen(ask("g")), g_size(false));
}

static void writes_registers(void **state)
{
	(void)state;
	asks("P0=efcdab8967452301", "OK");
	assert_true(fake.regs[1].general.ax == 0x0123456789abcdef);
	asks("p0", "efcdab8967452301");
	asks("P4a=000102030405060708090a0b0c0d0e0f", "OK");
	assert_int_equal(fake.regs[1].xsave[576 + 255], 15);
	fails("P0=00");
	fails("P0=000000000000000000");
	fails("P0=000000000000000g");
	fails("P0");
	fails("P=00");
	fails("P");
	fails("P4b=00");
	assert_int_equal(fake.register_writes, 2);
	fake.error = "not today";
	asks("P0=0000000000000000", "E.not today");
	fake.error = NULL;
	fake.fail = -EIO;
	asks("P0=0000000000000000", "E05");
	asks("p0", "E05");
	asks("g", "E05");
}

static void writes_all_registers(void **state)
{
	static char command[sizeof(got) + 2];
	struct rsp_regs before = fake.regs[1];

	(void)state;
	snprintf(command, sizeof(command), "G%s", ask("g"));
	asks(command, "OK");
	/* Nothing has changed but the upper half of selectors, which has no place at gdb. */
	assert_memory_equal(&before.general, &fake.regs[1].general, sizeof(before.general));
	memcpy(command + 1, "0102030405060708", 16);
	asks(command, "OK");
	assert_true(fake.regs[1].general.ax == 0x0807060504030201);
	memcpy(command + 1, "xxxxxxxxxxxxxxxx", 16);
	asks(command, "OK");
	assert_true(fake.regs[1].general.ax == 0x0807060504030201);
	memset(fake.regs[1].xsave + 28, 0, 4);
	asks(command, "E.mxcsr: a bit that the processor does not have");
	strcat(command, "0");
	fails(command);
	command[strlen(command) - 2] = 0;
	fails(command);
	fails("G");
	fails("Gxx");
	asks("Hg4", "OK");
	snprintf(command, sizeof(command), "G%s", ask("g"));
	asks(command, "OK");
	memset(command + strlen(command) - 32, '0', 32);
	asks(command, "OK");
	fake.error = "no";
	asks(command, "E.no");
}

/* ---- memory ---- */

static void reads_memory(void **state)
{
	(void)state;
	asks("m670000400000,4", "00070e15");
	asks("m670000400002,1", "0e");
	asks("m67000040fffe,100", "f1f8");
	asks("m670000410000,1", "E0e");
	asks("m0,1", "E0e");
	assert_int_equal(strlen(ask("m670000400000,2000")), PACKET_MAX);
	assert_int_equal(strlen(ask("m670000400000,ffffffffffffffff")), PACKET_MAX);
	asks("mffffffffffffffff,2", "E0e");
	asks("m670000400000,0", "E01");
	fails("m670000400000");
	fails("m670000400000,");
	fails("m670000400000,4,");
	fails("m,4");
	fails("m");
	fails("m67000040000000000,1");
}

static void writes_memory(void **state)
{
	(void)state;
	asks("M670000400010,3:a1b2C3", "OK");
	asks("m670000400010,3", "a1b2c3");
	asks("M670000400010,0:", "OK");
	asks("M67000040ffff,2:0000", "E0e");
	asks("m67000040ffff,1", "f8");
	asks("M0,1:00", "E0e");
	asks("Mffffffffffffffff,2:0000", "E0e");
	fails("M670000400010,3:a1b2");
	fails("M670000400010,1:a1b2");
	fails("M670000400010,2:a1bg");
	fails("M670000400010,2");
	fails("M670000400010,ffffffffffffffff:00");
	fails("M,1:00");
	fails("M");
	asks("m670000400010,3", "a1b2c3");
}

static void writes_binary(void **state)
{
	static char most[PACKET_MAX];
	int len;

	(void)state;
	asks("X670000400010,0:", "OK");
	asks("X670000400010,5:}\003}\004}]a}\n", "OK");
	asks("m670000400010,5", "23247d612a");
	frame("X670000400010,3:\0\003\xff", 19);
	assert_string_equal(answers(), "OK");
	asks("m670000400010,3", "0003ff");
	asks("X0,1:a", "E0e");
	asks("X67000040ffff,2:ab", "E0e");
	asks("Xffffffffffffffff,2:ab", "E0e");
	fails("X670000400010,2:a");
	fails("X670000400010,2:abc");
	fails("X670000400010,2");
	fails("X670000400010");
	fails("X");
	memset(most, 'q', sizeof(most));
	len = snprintf(most, sizeof(most), "X670000400000,%x:", PACKET_MAX - 19);
	assert_int_equal(len, 19);
	most[len] = 'q';
	frame(most, sizeof(most));
	assert_string_equal(answers(), "OK");
	assert_int_equal(fake.memory[PACKET_MAX - 20], 'q');
}

static void oversized(void **state)
{
	static char command[PACKET_MAX + 1];

	(void)state;
	memset(command, '0', sizeof(command));
	memcpy(command, "M670000400000,2000:", 19);
	frame(command, sizeof(command));
	assert_int_equal(answers()[0], 'E');
	asks("m670000400000,4", "00070e15");
	rsp__receive(rsp, "$g#00", 5);
	assert_int_equal(answers()[0], 'E');
	rsp__receive(rsp, "$X0,1:}#00", 10);
	assert_int_equal(answers()[0], 'E');
}

/* ---- points ---- */

static void points(void **state)
{
	(void)state;
	for (unsigned int kind = 0; kind <= RSP_AWATCH; kind++) {
		char command[64];

		snprintf(command, sizeof(command), "Z%u,67000040%04x,8", kind, kind);
		asks(command, "OK");
		assert_int_equal(fake.point.kind, kind);
		assert_true(fake.point.addr == FAKE_BASE + kind);
		assert_int_equal(fake.point.len, 8);
		memset(&fake.point, 0xff, sizeof(fake.point));
		command[0] = 'z';
		asks(command, "OK");
		assert_int_equal(fake.point.kind, kind);
		assert_true(fake.point.addr == FAKE_BASE + kind);
		assert_int_equal(fake.point.len, 8);
	}
	assert_int_equal(fake.inserts, 5);
	assert_int_equal(fake.removes, 5);
}

static void bad_points(void **state)
{
	(void)state;
	asks("Z5,0,1", "");
	asks("Z100000000,0,1", "");
	asks("z5,0,1", "");
	fails("Z0,0");
	fails("Z0");
	fails("Z");
	fails("Z0,,1");
	fails("Z0,0,");
	fails("Z0,0,1;X1,22");
	fails("Z2,0,0");
	fails("Z2,ffffffffffffffff,2");
	fails("z0,0,1,");
	assert_int_equal(fake.inserts + fake.removes, 0);
	fake.fail = -ENOSPC;
	asks("Z1,0,1", "E1c");
	asks("z1,0,1", "E1c");
	fake.error = "all four are #used";
	asks("Z1,0,1", "E.point.all four are ?used");
	fake.fail = -ENOSYS;
	asks("Z3,0,1", "E.point.all four are ?used");
	fake.error = NULL;
	asks("Z3,0,1", "");
	fake.fail = -1000;
	asks("Z3,0,1", "Eff");
}

/* ---- the description ---- */

static void features(void **state)
{
	static char xml[TDESC_XML_MAX], expected[TDESC_XML_MAX];
	size_t len = tdesc__xml(true, expected), nr = 0;
	char command[128];

	(void)state;
	/* In pieces that don't divide it. */
	do {
		snprintf(command, sizeof(command), "qXfer:features:read:target.xml:%zx,1f3", nr);
		ask(command);
		assert_true(got[0] == 'm' || got[0] == 'l');
		for (const char *c = got + 1; *c; c++)
			xml[nr++] = *c == '}' ? *++c ^ 0x20 : *c;
	} while (got[0] == 'm');
	assert_int_equal(nr, len);
	assert_memory_equal(xml, expected, len);
	snprintf(command, sizeof(command), "qXfer:features:read:target.xml:%zx,10", len);
	asks(command, "l");
	snprintf(command, sizeof(command), "qXfer:features:read:target.xml:%zx,1", len - 1);
	asks(command, "l\n");
	snprintf(command, sizeof(command), "qXfer:features:read:target.xml:%zx,1", len - 2);
	asks(command, "m>");
	snprintf(command, sizeof(command), "qXfer:features:read:target.xml:%zx,1", len + 1);
	fails(command);
	asks("qXfer:features:read:target.xml:0,0", "m");
	ask("qXfer:features:read:target.xml:0,ffffffffffffffff");
	assert_true(strlen(got) > 4096);
	assert_true(strlen(got) <= PACKET_MAX);
	fails("qXfer:features:read:target.xml:ffffffffffffffff,1");
	asks("qXfer:features:read:other.xml:0,10", "E00");
	asks("qXfer:features:read::0,10", "E00");
	fails("qXfer:features:read:target.xml:");
	fails("qXfer:features:read:target.xml:0");
	fails("qXfer:features:read:target.xml:0,");
	fails("qXfer:features:read:target.xml:0,1,");
	asks("qXfer:features:write:target.xml:0,1", "");
}

static void features_without_registers(void **state)
{
	(void)state;
	fake.fail = -EIO;
	assert_int_equal(ask("qXfer:features:read:target.xml:0,10")[0], 'm');
	fake.fail = 0;
	assert_int_equal(strlen(ask("g")), g_size(false));
}

/* ---- monitor ---- */

static void monitor(void **state)
{
	(void)state;
	asks("qRcmd,68656c70", "OK");
	assert_string_equal(fake.line, "help");
	assert_int_equal(fake.cpu, 1);
	asks("Hg1", "OK");
	asks("qRcmd,", "OK");
	assert_string_equal(fake.line, "");
	assert_int_equal(fake.cpu, 0);
	fake.output = 3;
	asks("qRcmd,61", "O7a7a7a|OK");
	assert_string_equal(fake.line, "a");
	asks("qRcmd,6", "E01");
	asks("qRcmd,6g", "E01");
	asks("qRcmd,6100", "E01");
	asks("qRcmd", "E01");
	asks("qRcmd;61", "E01");
	assert_string_equal(fake.line, "a");
}

/* Whatever the size of the pieces, all of it comes, and in no packet that is too long. */
static void long_output(void **state)
{
	static const unsigned int sizes[] = { 1, 2046, 2047, 2048, 4094, 8000, 20000 };

	(void)state;
	for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		for (fake.output_piece = 1; fake.output_piece < 8192;
		     fake.output_piece = fake.output_piece * 5 + 2) {
			unsigned int letters = 0;
			char *rest = NULL;

			fake.output = sizes[n];
			ask("qRcmd,61");
			for (char *part = strtok_r(got, "|", &rest); part;
			     part = strtok_r(NULL, "|", &rest)) {
				if (!strcmp(part, "OK"))
					break;
				assert_int_equal(part[0], 'O');
				assert_true(strlen(part) > 1 && strlen(part) <= PACKET_MAX);
				assert_int_equal(strlen(part) % 2, 1);
				letters += strlen(part) / 2;
			}
			assert_int_equal(letters, sizes[n]);
			assert_null(strtok_r(NULL, "|", &rest));
		}
	}
}

static void long_line(void **state)
{
	static char command[4200] = "qRcmd,";

	(void)state;
	memset(command + 6, '6', 2 * 1023);
	asks(command, "OK");
	assert_int_equal(strlen(fake.line), 1023);
	memset(command + 6, '6', 2 * 1024);
	fake.line[0] = 0;
	asks(command, "E01");
	assert_string_equal(fake.line, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(threads),
		TEST(selects),
		TEST(no_threads),
		TEST(reads_registers),
		TEST(unavailable_registers),
		TEST(without_avx),
		TEST(writes_registers),
		TEST(writes_all_registers),
		TEST(reads_memory),
		TEST(writes_memory),
		TEST(writes_binary),
		TEST(oversized),
		TEST(points),
		TEST(bad_points),
		TEST(features),
		TEST(features_without_registers),
		TEST(monitor),
		TEST(long_output),
		TEST(long_line),
	};

	return cmocka_run_group_tests_name("rsp_data", tests, NULL, NULL);
}
