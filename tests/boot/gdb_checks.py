# SPDX-License-Identifier: GPL-2.0-only
#
# What gdb checks in a guest, for gdb.t: one function for each session. Each check is a line "ok - ..."
# or "not ok - ..."; the guest is held, or runs, at the socket KAP_SOCKET.

import os
import re
import subprocess
import time

import gdb

CPUS = int(os.environ.get("CPUS", "1"))
SOCKET = os.environ.get("KAP_SOCKET", "")
OUT = os.environ.get("KAP_OUT", "")
SID = os.environ.get("KAP_SID", "")
BUILD = os.environ.get("KAP_BUILD", "build")
PROGRAM = os.environ.get("KAP_PROGRAM", "")
HOLE = range(0x640000000000, 0x700000000000)
WORD = (1 << 64) - 1


def ok(good, text, *got):
    print("%s - %s" % ("ok" if good else "not ok", text))
    if not good:
        for line in "\n".join(str(g) for g in got).splitlines()[-8:]:
            print("# " + line)
    return good


def run(command):
    """What it prints; an error as text."""
    try:
        return gdb.execute(command, False, True)
    except gdb.error as error:
        return "ERROR: %s\n" % error


STOPS = []


def go(command="continue"):
    """Something that lets the guest run; why it stopped: a breakpoint's number, or a signal."""
    STOPS.clear()
    before = {b.number: b.hit_count for b in gdb.breakpoints()}
    out = run(command)
    if out.startswith("ERROR"):
        return out
    event = STOPS[-1] if STOPS else None
    if isinstance(event, gdb.BreakpointEvent) and event.breakpoints[0].is_valid():
        # Those that were looked at and not hit are in the event, too.
        hit = [b.number for b in event.breakpoints if b.hit_count > before.get(b.number, 0)]
        return str(hit[0]) if hit else "none hit"
    if isinstance(event, gdb.BreakpointEvent):
        return "temporary"
    if isinstance(event, gdb.SignalEvent):
        return event.stop_signal
    return type(event).__name__


def value(expression):
    return int(gdb.parse_and_eval(expression)) & WORD


def pc():
    return value("$pc")


def here():
    frame = gdb.selected_frame()
    return frame.name() or hex(frame.pc())


def stack():
    names = []
    frame = gdb.newest_frame()
    while frame and len(names) < 60:
        names.append(frame.name() or hex(frame.pc()))
        frame = frame.older()
    return names


def breakpoint(where):
    """Sets one and returns its number."""
    out = run(where)
    found = re.search(r"(?:[Bb]reakpoint|[Ww]atchpoint|catchpoint) (\d+)", out)
    if not found:
        ok(False, where, out)
        return None
    return found.group(1)


def threads():
    """What `info threads` says of each vCPU, by its number in gdb."""
    found = {}
    for line in run("info threads").splitlines():
        match = re.match(r"[* ]+(\d+)\s+Thread (\S+) \((.*?)\)\s", line)
        if match:
            found[int(match.group(1))] = match.group(3)
    return found


def thread():
    return gdb.selected_thread().num


def vcpu():
    """gdb's own numbers are in the order in which it has met them."""
    return gdb.selected_thread().ptid[1] - 1


def pid_here():
    match = re.search(r"pid (\d+)", threads().get(thread(), ""))
    return int(match.group(1)) if match else None


def until(seconds, condition):
    """Something of the host's that comes true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def shown(text):
    with open(OUT, "rb") as file:
        return text.encode() in file.read()


def out_size():
    return os.stat(OUT).st_size


def connect():
    out = run("target remote " + SOCKET)
    return ok("ERROR" not in out, "gdb connects", out)


# Sends SIGINT to gdb, as a terminal does for Ctrl-C, when the guest was seen to run: $2 is "out" for
# more output, "cpu" for processor time of its processes.
CTRL_C = r"""
used()
{
	cat /proc/[0-9]*/stat 2>/dev/null | awk -v sid="$4" '{ sub(/.*\) /, "") }
		$4 == sid { n += $12 + $13 } END { print n + 0 }'
}
state()
{
	case $1 in out) wc -c <"$2" ;; cpu) echo $(($(used "" "" "" "$3") / 10)) ;; esac
}
before=$(state "$2" "$3" "$4")
i=0
while [ "$(state "$2" "$3" "$4")" = "$before" ] && [ $i -lt 400 ]; do sleep 0.05; i=$((i + 1)); done
kill -INT "$1"
"""


def ctrl_c(sign, text):
    with subprocess.Popen(["sh", "-c", CTRL_C, "sh", str(os.getpid()), sign, OUT, SID],
                          stdin=subprocess.DEVNULL):
        why = go()
    ok(why == "SIGINT", text, why)


def session(name):
    gdb.execute("set pagination off")
    gdb.execute("set confirm off")
    gdb.execute("set width 0")
    gdb.execute("set python print-stack full")
    gdb.events.stop.connect(STOPS.append)
    try:
        SESSIONS[name]()
    except Exception as error:  # pylint: disable=broad-except
        ok(False, "%s: no exception" % name, repr(error))
        raise
    print("session over")


# ---- from the first instruction on ---------------------------------------------------


def early():
    """Up to where other vCPUs come."""
    ok(pc() == value("(unsigned long)&kap_kernel_start"), "held at the kernel's first instruction",
       hex(pc()))
    before = pc()
    run("stepi")
    ok(pc() != before, "stepi from there", hex(pc()))
    number = breakpoint("hbreak start_kernel")
    run("continue")
    ok(here() == "start_kernel", "hbreak at start_kernel is hit", here())
    run("delete " + str(number))
    breakpoint("tbreak setup_arch")
    run("continue")
    ok(here() == "setup_arch", "break in setup_arch is hit", here())
    names = stack()
    ok(names[:2] == ["setup_arch", "start_kernel"], "a backtrace of early boot", names)


def early_source():
    caller = gdb.selected_frame().older()
    back = caller.pc()
    run("finish")
    ok(pc() == back and here() == "start_kernel", "finish ends right behind the call",
       hex(pc()), hex(back))
    line = gdb.selected_frame().find_sal().line
    run("next")
    after = gdb.selected_frame().find_sal().line
    ok(here() == "start_kernel" and after > line, "next goes to a later line", line, after)
    run("until")
    later = gdb.selected_frame().find_sal().line
    ok(here() == "start_kernel" and later > after, "until goes to a later line", after, later)
    run("advance mm_core_init")
    ok(here() == "mm_core_init", "advance", here())
    steps = 0
    while here() == "mm_core_init" and steps < 30:
        run("step")
        steps += 1
    names = stack()
    ok(names[1] == "mm_core_init" and names[2] == "start_kernel", "step goes into a function", names)


def boot_traps():
    breakpoint("tbreak kap_kernel_interrupt")
    run("continue")
    names = stack()
    ok(names[0] == "kap_kernel_interrupt" and len(names) > 2, "break in the interrupt path", names)
    breakpoint("tbreak kap_user_fault")
    run("continue")
    ok(here() == "kap_user_fault", "break in the fault path", here())
    about = threads()
    ok(re.search(r"pid \d+", about.get(thread(), "")), "info threads tells whose fault it is", about)


def data_points(writes, last):
    """The shell reads panic_timeout, writes 33 on the last vCPU, reads it again."""
    number = breakpoint("rwatch panic_timeout")
    why = go()
    ok(why == number and value("panic_timeout") == 0, "rwatch", why, here())
    run("delete " + number)
    why = go()
    ok(why == writes and value("panic_timeout") == 33,
       "watch, set before the other vCPUs came", why, here())
    ok(vcpu() == last, "it was vCPU %d" % last, threads(), vcpu())
    run("delete")
    run("set var panic_timeout = 77")
    number = breakpoint("awatch panic_timeout")
    why = go()
    ok(why == number and value("panic_timeout") == 77, "awatch", why, here())
    run("delete")


def system_call():
    number = breakpoint("break sys_getppid")
    # The shell makes this call, too, and the program compares with what the first one said.
    hits = 0
    while hits < 2:
        why = go()
        if why != number:
            break
        hits += threads()[thread()].startswith("debugged ")
    ok(why == number and here().endswith("sys_getppid"), "break in a system call", why, here())
    run("delete")
    run("finish")
    run("set $rax = 4242")
    ok(value("$rax") == 4242, "a register can be written")
    number = breakpoint("watch jiffies_64")
    old = value("jiffies_64")
    why = go()
    ok(why == number and value("jiffies_64") > old, "watch on jiffies_64", why, here(), old,
       value("jiffies_64"))
    run("delete")


def start():
    connect()
    writes = breakpoint("watch panic_timeout")
    early()
    early_source()
    number = breakpoint("break do_one_initcall if fn == (initcall_t)populate_rootfs")
    why = go()
    ok(why == number and value("fn") == value("(unsigned long)populate_rootfs"),
       "a conditional breakpoint is hit only where it shall be", why, here(), run("info args"))
    run("delete " + number)
    ok(value("int_sqrt(1764)") == 42, "a kernel function can be called")
    boot_traps()
    data_points(writes, CPUS - 1)
    system_call()
    run("detach")


# ---- a guest that runs already ---------------------------------------------------------


def attach():
    """Something prints all the time, each vCPU is idle most of the time."""
    idle = 0
    for _ in range(5):
        gdb.execute("target remote " + SOCKET)
        about = threads()
        if len(about) != CPUS or not all(
                re.match(r"\S.* pid \d+.*, (idle|kernel|user code of space \d+)$", text)
                for text in about.values()):
            ok(False, "info threads tells of each vCPU", about)
        idle += any(re.match(r"swapper/\d+ pid 0, idle", text) for text in about.values())
        run("detach")
        size = out_size()
        if not until(10, lambda: out_size() > size):
            ok(False, "the guest goes on after detach")
            return
    ok(idle, "attached and detached five times; info threads shows idle vCPUs")
    connect()
    size = out_size()
    ok(not until(0.5, lambda: out_size() > size), "a held guest prints nothing")
    ctrl_c("out", "Ctrl-C in an idle guest")
    ctrl_c("out", "and again")
    for where in ("0x10", "0x67ffffff0000", "0x670000000008", "0xffff888000000000"):
        begin = time.monotonic()
        out = run("x/gx " + where)
        took = time.monotonic() - begin
        ok(took < 5 and (where == "0x670000000008" or "Cannot access memory" in out),
           "reading %s: an answer" % where, out, took)
    out = run("set var *(int *)0x10 = 1")
    ok("Cannot access memory" in out, "writing to what isn't there: an error", out)
    run("break *0x67ffffff0000")
    out = run("continue")
    ok(out.startswith("ERROR"), "a breakpoint where nothing is: an error", out)
    run("delete")
    ok(value("((int (*)(unsigned long))int_sqrt)(81)") == 9, "a call of a function")
    for command, text in (("help", "monitor space PID"), ("spaces", " init "),
                          ("vcpu", "vCPU %d:" % (CPUS - 1)), ("vcpu 0", "host thread"),
                          ("queues", "virtio-console, status acknowledge driver"),
                          ("console", "Linux version"), ("space 99999", "99999"),
                          ("space x", "no pid"), ("nonsense", "help"), ("vcpu 64", "no vCPU")):
        out = run("monitor " + command)
        ok(text in out, "monitor " + command, out)
    number = breakpoint("break kap_idle")
    why = go()
    ok(why == number and here() == "kap_idle", "a breakpoint without debug information", why)
    why = go()
    ok(why == number, "which is hit again", why)
    run("delete")
    where = pc()
    run("stepi")
    ok(pc() != where, "stepi from there")
    run("detach")


def spin():
    """A program on each vCPU makes nothing but user code."""
    connect()
    ctrl_c("cpu", "Ctrl-C while all vCPUs spin")
    about = threads()
    ok(all("debugged" in text or "swapper" in text or "pid" in text for text in about.values())
       and any(re.match(r"debugged pid \d+, user code of space \d+", t) for t in about.values()),
       "they spin in user code", about)
    user = [n for n, text in about.items() if "user code" in text]
    run("thread %d" % user[0])
    saved = {name: value("$" + name) for name in ("rax", "rdi", "rsp")}
    out = run("print ((int (*)(unsigned long))int_sqrt)(81)")
    ok("ERROR" in out, "no kernel function is called from user code", out)
    for name, number in saved.items():
        run("set $%s = %d" % (name, number))
    run("add-symbol-file " + PROGRAM)
    before = value("counter")
    where = pc()
    run("stepi")
    ok(pc() != where and pc() not in HOLE, "stepi in user code", hex(where), hex(pc()))
    ok(value("counter") in (before, before + 1), "the others stand meanwhile")
    pids = processes("debugged")
    ok(len(pids) == CPUS, "monitor spaces shows them", run("monitor spaces"))
    for pid in pids:
        run("monitor space %d" % pid)
        if value("stop_now") != 0:
            ok(False, "it is another process's memory")
        run("set var stop_now = 1")
    ok(value("stop_now") == 1, "user memory of each process can be written")
    run("detach")


# ---- user code ---------------------------------------------------------------------


def processes(name):
    """pids, by `monitor spaces`."""
    return [int(m.group(1)) for m in
            re.finditer(r"^[* ]+\d+\s+(\d+)\s+%s\s" % name, run("monitor spaces"), re.M)]


def user():
    """Two processes run the same program."""
    connect()
    pids = processes("debugged")
    if not ok(len(pids) == 2, "monitor spaces shows both", run("monitor spaces")):
        return
    pid = pids[1]
    run("add-symbol-file " + PROGRAM)
    out = run("monitor space %d" % pid)
    ok("space" in out and "No space" not in out, "monitor space", out)
    number = breakpoint("break touched")
    wrong, counts = [], []
    for _ in range(6):
        why = go()
        if why != number or pid_here() != pid:
            wrong.append((why, threads(), thread()))
        counts.append(value("$rdi"))
    ok(not wrong, "a breakpoint in the program is hit in this process only", wrong)
    ok(counts == list(range(counts[0], counts[0] + 6)), "and each time", counts)
    names = stack()
    ok(names[:2] == ["touched", "main"], "its backtrace", names)
    run("delete")
    run("monitor space off")
    number = breakpoint("break touched")
    seen = set()
    for _ in range(20):
        go()
        seen.add(pid_here())
    ok(seen == set(pids), "with monitor space off, in both", seen, pids)
    run("delete")
    run("monitor space %d" % pid)
    number = breakpoint("hbreak half")
    why = go()
    ok(why == number and gdb.parse_and_eval("$xmm0.v2_double[0]") == 3.0, "xmm0 has the argument",
       why, run("info registers xmm0"))
    run("set var $xmm0.v2_double[0] = 16.0")
    run("delete")
    number = breakpoint("watch counter")
    before = value("counter")
    why = go()
    ok(why == number and value("counter") == before + 1, "watch of a program's variable", why)
    run("delete")
    into_kernel(pid)
    run("set var answer = 8")
    run("delete")
    run("detach")


def into_kernel(pid):
    number = breakpoint("break *&the_call")
    why = go()
    call = value("(unsigned long)&the_call")
    ok(why == number and pc() == call, "break at the program's system call instruction", why)
    run("delete")
    current = thread()
    run("stepi")
    ok(pc() in HOLE and thread() == current, "stepi goes into the kernel", hex(pc()), here())
    names = stack()
    ok("ask" in names and "main" in names[names.index("ask"):] and names[0] != "ask",
       "a backtrace from there shows both parts", names)
    for _ in range(20):
        run("stepi")
    ok(pc() in HOLE and thread() == current, "20 steps in the kernel", hex(pc()), here())
    number = breakpoint("break sys_getppid")
    why = go()
    while why == number and pid_here() != pid:
        why = go()
    run("delete")
    names = stack()
    ok(names[0].endswith("sys_getppid") and "main" in names,
       "the handler of the call, and its backtrace", why, names)
    calls = re.findall(r"(0x[0-9a-f]+) <[^\n]*call[^\n]*<kap_run_user>",
                       run("disassemble kap_user_loop"))
    numbers = [breakpoint("break *" + where) for where in calls]
    why = go()
    while why in numbers and pid_here() != pid:
        why = go()
    current = thread()
    ok(why in numbers, "on its way out", calls, why, threads())
    run("delete")
    run("stepi")
    ok(pc() == call + 2 and thread() == current, "the last step out of the kernel is behind the call",
       why, hex(pc()), here())
    ok(value("$rax") == 1 or value("$rax") in processes("sh"), "its result is there",
       value("$rax"), run("monitor spaces"))


def lanes(register):
    return [int(gdb.parse_and_eval("$%s.v4_int64[%d]" % (register, n))) & WORD for n in range(4)]


def vectors():
    """A program has 0x1000 * n + 1, ... + 4 in ymm n."""
    if shown("none\n"):
        print("skip - AVX registers")
        return
    connect()
    run("add-symbol-file " + PROGRAM)
    number = breakpoint("break *&the_vectors")
    why = go()
    wrong = [n for n in range(16)
             if lanes("ymm%d" % n) != [0x1000 * n + i for i in range(1, 5)]]
    ok(why == number and not wrong, "gdb sees all of the ymm registers", why, wrong,
       run("info registers ymm3"))
    run("set var $ymm3.v4_int64[3] = 0x77")
    run("set var $ymm15.v4_int64[1] = 0x55")
    ok(lanes("ymm3") == [0x3001, 0x3002, 0x3003, 0x77], "what it writes it reads back",
       run("info registers ymm3"))
    ok(value("$xmm15.v2_int64[1]") == 0x55, "xmm15 is the lower half of ymm15",
       run("info registers xmm15"))
    run("delete")
    run("detach")


# ---- modules -------------------------------------------------------------------------


def module():
    """The shell loads dummy, uses it, removes it and loads it again."""
    connect()
    number = breakpoint("break do_init_module")
    why = go()
    ok(why == number, "break before a module's init", why)
    init = value("(unsigned long)mod->init")
    text = run("output mod->name")
    ok("dummy" in text, "it is dummy", text)
    run("delete")
    number = breakpoint("break *0x%x" % init)
    why = go()
    ok(why == number and pc() == init, "a breakpoint in it, by address, before its init runs", why)
    names = stack()
    ok("do_one_initcall" in names, "called by", names)
    out = run("lx-symbols")
    ok("loading @" in out and "dummy" in out, "lx-symbols finds the module", out)
    number = breakpoint("break dummy_xmit")
    why = go()
    ok(why == number and here() == "dummy_xmit", "a breakpoint in it by name", why, here())
    names = stack()
    ok("packet_sendmsg" in names or len(names) > 4, "a backtrace from the module", names)
    old = pc()
    # Removed and loaded with breakpoints in it.
    why = go()
    ok(why == number, "is hit again, after it was removed and loaded again", why, here())
    print("# dummy_xmit was at %#x, is at %#x" % (old, pc()))
    run("delete")
    run("detach")


def commands():
    """The kernel's own."""
    connect()
    ok("swapper/0" in run("lx-ps"), "lx-ps", run("lx-ps"))
    ok("Linux version" in run("lx-dmesg"), "lx-dmesg")
    ok("Linux version" in run("lx-version"), "lx-version", run("lx-version"))
    ok(re.search(r"dummy", run("lx-lsmod")), "lx-lsmod", run("lx-lsmod"))
    ok(re.search(r"Online CPUs[^\n]*0", run("lx-cpus").replace("\n", " ")), "lx-cpus",
       run("lx-cpus"))
    out = run("print $lx_per_cpu(runqueues, %d).cpu" % (CPUS - 1))
    ok("= %d" % (CPUS - 1) in out, "$lx_per_cpu", out)
    out = run("print $lx_task_by_pid(1).comm")
    ok("init" in out, "$lx_task_by_pid", out)
    run("detach")


def ending():
    """The guest is held at its start, its command exits with 7."""
    connect()
    run("continue")
    ok(not gdb.selected_inferior().threads() and value("$_exitcode") == 7,
       "gdb sees the guest's end and its status", run("print $_exitcode"))


SESSIONS = {
    "ending": ending,
    "start": start,
    "attach": attach,
    "spin": spin,
    "user": user,
    "vectors": vectors,
    "module": module,
    "commands": commands,
}
