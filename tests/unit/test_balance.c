// SPDX-License-Identifier: GPL-2.0-only
/* Which vCPU goes where: separated, spread by load, and left alone when a move wins nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vm/balance.h"

#define NR(a) ((int)(sizeof(a) / sizeof((a)[0])))

static void separated(void **state)
{
	struct balance_vcpu vcpus[] = { { 0, 100 }, { 0, 100 } };
	static const uint8_t others[] = { 0, 0 };

	(void)state;
	assert_int_equal(balance__decide(others, 2, vcpus, 2), 1);
	assert_int_not_equal(vcpus[0].cpu, vcpus[1].cpu);
	assert_int_equal(balance__decide(others, 2, vcpus, 2), 0);
}

static void crowded_by_others(void **state)
{
	struct balance_vcpu vcpu = { 1, 100 };
	static const uint8_t others[] = { 60, 50, 2, 30 };

	(void)state;
	assert_int_equal(balance__decide(others, 4, &vcpu, 1), 1);
	assert_int_equal(vcpu.cpu, 2);
}

static void left_alone(void **state)
{
	static const uint8_t free_cpus[] = { 0, 0 }, full[] = { 100, 100 }, near[] = { 30, 15 };
	struct balance_vcpu light[] = { { 0, 50 }, { 0, 50 } };
	struct balance_vcpu busy = { 0, 100 }, idle = { 0, 0 };
	struct balance_vcpu three[] = { { 0, 100 }, { 0, 100 }, { 1, 100 } };

	(void)state;
	/* There is room for both. */
	assert_int_equal(balance__decide(free_cpus, 2, light, 2), 0);
	/* It is the same everywhere, or nearly. */
	assert_int_equal(balance__decide(full, 2, &busy, 1), 0);
	assert_int_equal(balance__decide(near, 2, &busy, 1), 0);
	/* It wants nothing. */
	assert_int_equal(balance__decide((const uint8_t[]){ 100, 0 }, 2, &idle, 1), 0);
	/* One CPU has two of them whatever is done. */
	assert_int_equal(balance__decide(free_cpus, 2, three, 3), 0);
	/* There is only one. */
	assert_int_equal(balance__decide(full, 1, &busy, 1), 0);
}

static void spread_evenly(void **state)
{
	struct balance_vcpu vcpus[8];
	static const uint8_t others[2];
	int on[2] = { 0 };

	(void)state;
	for (int i = 0; i < 8; i++)
		vcpus[i] = (struct balance_vcpu){ 0, 100 };
	assert_int_equal(balance__decide(others, 2, vcpus, 8), 4);
	for (int i = 0; i < 8; i++)
		on[vcpus[i].cpu]++;
	assert_int_equal(on[0], 4);
	assert_int_equal(on[1], 4);
	/* The heavy ones were together: by load, not by number. */
	for (int i = 0; i < 8; i++)
		vcpus[i] = (struct balance_vcpu){ i & 1, i & 1 ? 100 : 10 };
	assert_true(balance__decide(others, 2, vcpus, 8) > 0);
	on[0] = on[1] = 0;
	for (int i = 0; i < 8; i++)
		on[vcpus[i].cpu] += vcpus[i].load;
	assert_in_range(abs(on[0] - on[1]), 0, 40);
}

static void lost_cpu(void **state)
{
	struct balance_vcpu vcpus[] = { { -1, 0 }, { -1, 0 }, { -1, 80 }, { 1, 90 } };
	static const uint8_t others[] = { 0, 0, 50 };

	(void)state;
	assert_int_equal(balance__decide(others, 3, vcpus, NR(vcpus)), 3);
	for (int i = 0; i < NR(vcpus); i++)
		assert_in_range(vcpus[i].cpu, 0, 2);
	assert_int_equal(vcpus[2].cpu, 0);
	assert_int_equal(vcpus[3].cpu, 1);
	/* Idle ones keep apart: they may wake up. */
	vcpus[0].cpu = vcpus[1].cpu = -1;
	assert_int_equal(balance__decide((const uint8_t[]){ 0, 0 }, 2, vcpus, 2), 2);
	assert_int_not_equal(vcpus[0].cpu, vcpus[1].cpu);
}

/* Whatever the loads: it comes to rest, and a rest is no worse than what was. */
static void comes_to_rest(void **state)
{
	struct balance_vcpu vcpus[64];
	uint8_t others[5];

	(void)state;
	srand(1);
	for (int round = 0; round < 2000; round++) {
		int nr = 1 + rand() % 64, worst[2] = { 0 };

		for (int i = 0; i < 5; i++)
			others[i] = rand() % 101;
		for (int i = 0; i < nr; i++)
			vcpus[i] = (struct balance_vcpu){ rand() % 5, rand() % 101 };
		for (int after = 0; after < 2; after++) {
			for (int cpu = 0; cpu < 5; cpu++) {
				int total = others[cpu];

				for (int i = 0; i < nr; i++)
					total += vcpus[i].cpu == cpu ? (int)vcpus[i].load : 0;
				if (total > worst[after])
					worst[after] = total;
			}
			if (!after)
				balance__decide(others, 5, vcpus, nr);
		}
		assert_true(worst[1] <= worst[0]);
		for (int again = 0; balance__decide(others, 5, vcpus, nr); again++)
			assert_true(again < 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(separated),	 cmocka_unit_test(crowded_by_others),
		cmocka_unit_test(left_alone),	 cmocka_unit_test(spread_evenly),
		cmocka_unit_test(lost_cpu),	 cmocka_unit_test(comes_to_rest),
	};

	return cmocka_run_group_tests_name("balance", tests, NULL, NULL);
}
