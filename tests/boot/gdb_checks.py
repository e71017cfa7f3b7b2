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
    if isinstance(event, gdb.BreakpointEvent):
        # Those that were looked at and not hit are in the event, too.
        hit = [b.number for b in event.breakpoints if b.hit_count > before.get(b.number, 0)]
        return str(hit[0]) if hit else "none hit"
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
    ok(thread() == last + 1, "it was vCPU %d" % last, threads(), thread())
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
    ok(why == number and value("jiffies_64") == old + 1, "watch on jiffies_64", why, here(), old,
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


SESSIONS = {
    "start": start,
}
