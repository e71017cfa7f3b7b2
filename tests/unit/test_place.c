// SPDX-License-Identifier: GPL-2.0-only
/* The first host CPUs of vCPUs, and what ringing one does to it. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "vm/cpulist.h"
#include "vm/place.h"
#include "vm/vm.h"

static struct vm vm;

static int setup(void **state)
{
	(void)state;
	vm.mem_bytes = KAP_PHYS_RAM;
	vm.mem =
		mmap(NULL, vm.mem_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return vm.mem == MAP_FAILED;
}

static int teardown(void **state)
{
	(void)state;
	return munmap(vm.mem, vm.mem_bytes);
}

static void spread(void **state)
{
	struct cpulist_set allowed, used = { 0 };
	unsigned int nr;

	(void)state;
	cpulist__allowed(&allowed);
	nr = cpulist__count(&allowed);
	vm.nr_cpus = KAP_MAX_VCPUS;
	assert_int_equal(place__init(&vm, NULL, 0), nr);
	for (unsigned int n = 0; n < KAP_MAX_VCPUS; n++) {
		unsigned int cpu = vm__vcpu(&vm, n)->place - 1;

		assert_true(cpulist__has(&allowed, cpu));
		/* None twice before each has one. */
		if (n < nr)
			assert_false(cpulist__has(&used, cpu));
		else
			assert_int_equal(cpu + 1, vm__vcpu(&vm, n - nr)->place);
		cpulist__add(&used, cpu);
	}
}

static void pinned(void **state)
{
	static const uint16_t pins[] = { 3, 0, 3, 5 };
	static const unsigned int places[] = { 4, 1, 4, 6, 4, 1 };

	(void)state;
	vm.nr_cpus = 6;
	assert_int_equal(place__init(&vm, pins, 4), 3);
	for (int n = 0; n < 6; n++)
		assert_int_equal(vm__vcpu(&vm, n)->place, places[n]);
	/* Those that no vCPU gets don't count. */
	vm.nr_cpus = 2;
	assert_int_equal(place__init(&vm, pins, 4), 2);
	vm.nr_cpus = 1;
	assert_int_equal(place__init(&vm, pins, 4), 1);
}

static int rung;

static void on_bell(int signo)
{
	(void)signo;
	rung++;
}

static void *idle(void *arg)
{
	struct kap_vcpu *vcpu = arg;

	__atomic_store_n(&vcpu->state, KAP_VCPU_IDLE, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&vcpu->pending, __ATOMIC_ACQUIRE))
		syscall(SYS_futex, &vcpu->pending, FUTEX_WAIT, 0, NULL, NULL, 0);
	return NULL;
}

static void ring(void **state)
{
	struct sigaction bell = { .sa_handler = on_bell };
	struct kap_vcpu *vcpu;
	pthread_t thread;

	(void)state;
	sigaction(KAP_BELL_SIGNAL, &bell, NULL);
	vm.nr_cpus = 2;
	/* As if this process were space 0: then its threads may be signalled. */
	vm.space0 = getpid();
	vcpu = vm__vcpu(&vm, 1);
	vcpu->host_pid = getpid();
	vcpu->host_tid = gettid();
	pthread_create(&thread, NULL, idle, vcpu);
	while (__atomic_load_n(&vcpu->state, __ATOMIC_ACQUIRE) != KAP_VCPU_IDLE)
		sched_yield();
	vm__ring(&vm, 1, KAP_BELL_DEV);
	pthread_join(thread, NULL);
	assert_int_equal(rung, 0);
	assert_int_equal(vcpu->pending, KAP_BELL_DEV);

	vcpu->state = KAP_VCPU_KERNEL;
	vcpu->pending = 0;
	vm__ring(&vm, 1, KAP_BELL_DEV);
	assert_int_equal(rung, 1);
	/* It has been told already. */
	vm__ring(&vm, 1, KAP_BELL_DEV);
	assert_int_equal(rung, 1);
	vm__ring(&vm, 1, KAP_BELL_DEV | KAP_BELL_POWER);
	assert_int_equal(rung, 2);
	vm__ring(&vm, 2, KAP_BELL_DEV);
	assert_int_equal(rung, 2);
	assert_int_equal(vm__vcpu(&vm, 2)->pending, 0);
	vm.space0 = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(spread, setup, teardown),
		cmocka_unit_test_setup_teardown(pinned, setup, teardown),
		cmocka_unit_test_setup_teardown(ring, setup, teardown),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
