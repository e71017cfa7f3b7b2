// SPDX-License-Identifier: GPL-2.0-only
/* Host processes of the VM that are killed from outside; the command line says which. */
#include "lib.h"

#define AT	0x300000000000UL

USER_PROGRAM(call, "syscall; jmp .");

static struct user victim, waiter;

static int works(void)
{
	static struct user u;
	int ok;

	user_create(&u, NULL);
	user_load(&u, call);
	ok = user_run(&u) == KAP_TRAP_SYSCALL;
	if (!ok)
		say("# trap kind %u, space %u\n", u.trap.kind, u.space->info.id);
	user_destroy(&u);
	return ok;
}

static void while_running(void)
{
	user_create(&victim, NULL);
	user_load(&victim, call);
	ask_script(&victim, "kill-running");
	check_eq(victim.trap.kind, KAP_TRAP_DEAD, "a space that is killed while it runs is dead");
	check_eq(user_run(&victim), KAP_TRAP_DEAD, "and stays dead");
	kap_space_map(victim.space, AT, kap_phys(victim.data), PAGE, KAP_PROT_READ);
	kap_space_sync(victim.space);
	check(1, "kap_space_sync of a dead space returns");
	user_destroy(&victim);
}

/* The kernel does not notice before it wants something of it. */
static void while_stopped(const char *what, int map)
{
	user_create(&victim, NULL);
	user_load(&victim, call);
	user_run(&victim);
	say("VICTIM %s %d\n", what, kap_vcpu(0)->runner_tid);
	ask_script(&waiter, what);
	if (map) {
		kap_space_map(victim.space, AT, kap_phys(victim.data), PAGE, KAP_PROT_READ);
		kap_space_sync(victim.space);
		check(1, "kap_space_sync of a space that was killed returns");
	}
	check_eq(user_run_for(&victim, 100000000), KAP_TRAP_DEAD,
		 "a space that was killed is dead");
	user_destroy(&victim);
}

static void in_use(void)
{
	user_create(&waiter, NULL);
	while_running();
	check(works(), "other spaces work");
	while_stopped("kill-stopped", 0);
	while_stopped("kill-queued", 1);
	user_create(&victim, NULL);
	user_load(&victim, call);
	user_run(&victim);
	say("VICTIM kill-destroyed %d\n", kap_vcpu(0)->runner_tid);
	ask_script(&waiter, "kill-destroyed");
	user_destroy(&victim);
	check(1, "a space that was killed can be destroyed");
	for (int i = 0; i < 20; i++)
		if (!works())
			give_up("space %d after that does not work", i);
	check(1, "20 new spaces work");
}

/* Everything but the monitor, space 0 and the waiter's space is killed, the zygote too. */
static void pool(void)
{
	struct kap_space space[3];
	int good = 0;

	for (int i = 0; i < 3; i++)
		kap_space_create(&space[i]);
	for (int i = 0; i < 3; i++)
		kap_space_destroy(&space[i]);
	user_create(&waiter, NULL);
	say("SPACE0 %d\n", kap_vcpu(0)->host_pid);
	ask_script(&waiter, "kill-pool");
	for (int i = 0; i < 10; i++)
		good += works();
	check_eq(good, 10, "new spaces work");
	user_load(&waiter, call);
	check_eq(user_run(&waiter), KAP_TRAP_SYSCALL, "spaces that live go on");
}

void test(void)
{
	if (asked("in-use")) {
		in_use();
	} else if (asked("pool")) {
		pool();
	} else {
		user_create(&waiter, NULL);
		say("SPACE0 %d\n", kap_vcpu(0)->host_pid);
		ask_script(&waiter, "kill-vm");
		say("# still here\n");
	}
}
