# SPDX-License-Identifier: GPL-2.0-only
#
# What `kap gdb` adds to gdb: backtraces that go on from the kernel into the user code that entered
# it, symbols of guest programs, and the kernel's own lx- commands with the folder that its
# modules were built in.

import os
import re
import stat
import struct
import sys
import time

import gdb
import gdb.unwinder

# struct kap_regs (kernel-shim/include/kap/regs.h), 8 bytes each. gdb has no orig_ax without
# a Linux target description, so not all of them need to exist.
KAP_REGS = (
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx",
    "rsi", "rdi", "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds",
    "es", "fs", "gs",
)
KAP_REGS_SIZE = 8 * len(KAP_REGS)
SHORT_REGS = ("cs", "eflags", "ss", "ds", "es", "fs", "gs")
WORD = (1 << 64) - 1

# Bytes at the beginning of vector_interrupt and vector_trap (kernel-shim/x86/entry.S) before
# rbx points to the registers that they saved.
VECTOR_PROLOGUE = 14


def kernel_file():
    for objfile in gdb.objfiles():
        if objfile.filename and os.path.basename(objfile.filename).startswith("vmlinux"):
            return os.path.realpath(objfile.filename)
    return None


def has_debug_info():
    try:
        gdb.lookup_type("struct task_struct")
        return True
    except gdb.error:
        return False


# ---- backtraces ---------------------------------------------------------------


class Functions:
    """Where the functions are at which a kernel stack begins, or changes its registers."""

    ROLES = {
        "kap_user_loop": "user",
        "kap_user_loop.cold": "user",
        "kap_task_start": "task",
        "vector_interrupt": "vector",
        "vector_trap": "vector",
    }

    def __init__(self):
        self.found = []
        self.stack_size = 0x4000

    def look(self):
        """Not to be called while frames are unwound: gdb looks at the frame to evaluate."""
        self.found = []
        for name, role in self.ROLES.items():
            start = self.address(name)
            if start:
                self.found.append((start, self.end(name, start), role))
        try:
            self.stack_size = gdb.lookup_type("union thread_union").sizeof
        except gdb.error:
            pass

    @staticmethod
    def address(name):
        try:
            return int(gdb.parse_and_eval("(unsigned long)&'%s'" % name)) & WORD
        except gdb.error:
            return None

    @staticmethod
    def end(name, start):
        """Also without debug information, and for assembly."""
        def inside(addr):
            text = gdb.execute("info symbol 0x%x" % addr, False, True)
            return re.match(re.escape(name) + r"( \+ \d+)? in section", text) is not None

        step = 4096
        end = start
        while step:
            while inside(end + step) and end - start < 1 << 20:
                end += step
            step //= 2
        return end + 1

    def role(self, pc):
        # A call that doesn't return may be the last instruction: its return address is the end.
        for start, end, role in self.found:
            if start <= pc <= end:
                return role, start
        return None, None


class FrameId:
    def __init__(self, sp, pc):
        self.sp = gdb.Value(sp)
        self.pc = gdb.Value(pc)


class KernelUnwinder(gdb.unwinder.Unwinder):
    def __init__(self, functions):
        super().__init__("kap")
        self.functions = functions

    def __call__(self, pending):
        pc = int(pending.read_register("rip")) & WORD
        role, start = self.functions.role(pc)
        if not role:
            return None
        sp = int(pending.read_register("rsp")) & WORD
        if role == "vector":
            at = sp
            if pc - start >= VECTOR_PROLOGUE:
                at = int(pending.read_register("rbx")) & WORD
            if at & 7 or not sp <= at < sp + self.functions.stack_size:
                return None
            regs = self.saved(at)
        else:
            at = (sp & -self.functions.stack_size) + self.functions.stack_size - KAP_REGS_SIZE
            regs = self.saved(at)
            # A kernel thread has none; what has not started its program yet neither.
            if regs and struct.unpack_from("<Q", regs, 8 * KAP_REGS.index("cs"))[0] & 3 != 3:
                return None
        return self.unwind(pending, FrameId(at, start), regs) if regs else None

    @staticmethod
    def saved(addr):
        try:
            return bytes(gdb.selected_inferior().read_memory(addr, KAP_REGS_SIZE))
        except gdb.error:
            return None

    @staticmethod
    def unwind(pending, frame_id, regs):
        info = pending.create_unwind_info(frame_id)
        word = gdb.lookup_type("unsigned long")
        short = gdb.lookup_type("unsigned int")
        for i, name in enumerate(KAP_REGS):
            value = gdb.Value(regs[8 * i:8 * i + 8], word)
            if name in SHORT_REGS:
                value = gdb.Value(regs[8 * i:8 * i + 4], short)
            try:
                info.add_saved_register(name, value)
            except (ValueError, gdb.error):
                # The target doesn't tell this register.
                pass
        return info


FUNCTIONS = Functions()


def on_new_objfile(event):
    if not FUNCTIONS.found:
        FUNCTIONS.look()


# ---- the kernel's own commands --------------------------------------------------


def trusted(path):
    """As gdb's auto-load safe-path has it: nobody else wrote what is executed here."""
    try:
        st = os.stat(path)
    except OSError:
        return False
    return st.st_uid in (0, os.geteuid()) and not st.st_mode & stat.S_IWOTH


def source(script):
    """Python gives a script that another one loads the other's __file__."""
    main = sys.modules["__main__"]
    own = getattr(main, "__file__", None)
    main.__file__ = script
    try:
        gdb.execute("source " + script)
    except gdb.error as error:
        gdb.write("kap: %s: %s\n" % (script, error), gdb.STDERR)
    main.__file__ = own


def current_cpu():
    """A thread of gdb is a vCPU, its id the vCPU's number + 1."""
    thread = gdb.selected_thread()
    if thread is None:
        raise gdb.GdbError("there is no guest; connect to one first")
    connection = getattr(gdb.selected_inferior(), "connection", None)
    if connection is not None and connection.type == "remote":
        return thread.ptid[1] - 1
    return thread.num - 1


def current_task(cpus, cpu):
    """$lx_current() knows where x86 keeps it; kap doesn't keep it at all."""
    return cpus.per_cpu(gdb.parse_and_eval("&runqueues"), cpu)["curr"].dereference()


def load_kernel_commands():
    """lx-symbols and the others, with the folder of the kernel's modules."""
    kernel = kernel_file()
    if not kernel:
        return
    folder = os.path.dirname(kernel)
    for script in (folder + "/vmlinux-gdb.py", folder + "/kernel/vmlinux-gdb.py"):
        if "linux.symbols" not in sys.modules and trusted(script):
            source(script)
    if "linux.symbols" not in sys.modules:
        return
    if FUNCTIONS.found:
        cpus = sys.modules["linux.cpus"]
        cpus.get_current_cpu = current_cpu
        cpus.get_current_task = lambda cpu: current_task(cpus, cpu)
    modules = folder + "/kernel" if os.path.isdir(folder + "/kernel") else folder

    class Symbols(sys.modules["linux.symbols"].LxSymbols):
        __doc__ = sys.modules["linux.symbols"].LxSymbols.__doc__

        def invoke(self, arg, from_tty):
            super().invoke(arg + " " + modules, from_tty)

        def _section_arguments(self, module, module_addr):
            """Also the code that runs once, while it is there: for breakpoints in it."""
            arguments = super()._section_arguments(module, module_addr)
            try:
                base = int(module["mem"][int(gdb.parse_and_eval("MOD_INIT_TEXT"))]["base"])
            except gdb.error:
                base = 0
            if base:
                arguments += " -s .init.text 0x%x" % base
            # Position-independent code has data with addresses in it in sections of their own.
            attrs = module["sect_attrs"]
            for i in range(int(attrs["nsections"])):
                attr = attrs["attrs"][i]
                name = attr["battr"]["attr"]["name"].string()
                if name.startswith(".data.rel"):
                    arguments += " -s %s 0x%x" % (name, int(attr["address"]))
            return arguments

    Symbols()


# ---- kap's commands ---------------------------------------------------------------


class Kap(gdb.Command):
    """What kap adds to gdb:

kap-user PROGRAM [PID [OFFSET]]  symbols of a program that runs in the guest
kap-bt PID                       backtrace of a task that does not run
kap-connect                      connects again, to a guest that has rebooted
lx-symbols [FOLDER...]           symbols of modules, also from the kernel's build folder
monitor help                     what the monitor can tell and do

Backtraces from a system call, fault or interrupt go on into what was interrupted."""

    def __init__(self):
        super().__init__("kap", gdb.COMMAND_SUPPORT)

    def invoke(self, arg, from_tty):
        gdb.write(self.__doc__ + "\n")


class Elf:
    """What kap-user must know of a program's file."""

    ET_EXEC, ET_DYN, PT_LOAD, PF_X = 2, 3, 1, 1

    def __init__(self, path):
        with open(path, "rb") as file:
            head = file.read(64)
            if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
                raise ValueError("not a program for 64 bits")
            self.type, = struct.unpack_from("<H", head, 16)
            offset, = struct.unpack_from("<Q", head, 32)
            size, count = struct.unpack_from("<HH", head, 54)
            self.text = None
            for i in range(count):
                file.seek(offset + i * size)
                entry = file.read(56)
                if len(entry) < 56:
                    raise ValueError("it is cut off")
                kind, flags, _, addr = struct.unpack_from("<IIQQ", entry)
                if kind == self.PT_LOAD and flags & self.PF_X:
                    self.text = addr if self.text is None else min(addr, self.text)
        if self.text is None or self.type not in (self.ET_EXEC, self.ET_DYN):
            raise ValueError("it has no code to execute")


def task_of(pid):
    """The task_struct with this pid, of a process or a thread of it."""
    init = gdb.parse_and_eval("init_task")
    task_type = gdb.lookup_type("struct task_struct")

    def container(node, of, member):
        offset = [f for f in of.fields() if f.name == member][0].bitpos // 8
        return gdb.Value(int(node) - offset).cast(of.pointer()).dereference()

    def each(head, of, member):
        node = head["next"]
        for _ in range(1 << 22):
            if node == head.address:
                return
            yield container(node, of, member)
            node = node["next"]

    for process in each(init["tasks"], task_type, "tasks"):
        if int(process["pid"]) == pid:
            return process
        for thread in each(process["signal"]["thread_head"], task_type, "thread_node"):
            if int(thread["pid"]) == pid:
                return thread
    return None


class KapUser(gdb.Command):
    """Loads the symbols of a program that runs in the guest: kap-user PROGRAM [PID [OFFSET]]

PROGRAM is the file on this side, with its debug information. PID is the process as the guest
calls it: breakpoints in user code then count only there, and user memory is that process's
(`monitor space PID`). OFFSET is how far from its link address the program is loaded; kap finds it
when the kernel has debug information and PID is given. (For a shared library, give it:
the address of its first mapping in the guest's /proc/PID/maps.)"""

    def __init__(self):
        super().__init__("kap-user", gdb.COMMAND_FILES, gdb.COMPLETE_FILENAME)

    @staticmethod
    def number(text, what):
        try:
            return int(text, 0)
        except ValueError:
            raise gdb.GdbError("kap-user: '%s' is no %s; see `help kap-user`" % (text, what))

    @staticmethod
    def find_offset(elf, program, pid):
        if pid is None or not has_debug_info():
            raise gdb.GdbError(
                "kap-user: %s is position independent: give %s"
                % (program, "the PID that runs it" if has_debug_info() else
                   "PID and OFFSET, as the kernel has no debug information to find it"))
        task = task_of(pid)
        if task is None:
            raise gdb.GdbError("kap-user: the guest has no process %d; see lx-ps" % pid)
        if not int(task["mm"]):
            raise gdb.GdbError("kap-user: %d is a kernel thread, which runs no program" % pid)
        offset = int(task["mm"]["start_code"]) - elf.text
        if offset & 4095 or offset < 0:
            raise gdb.GdbError("kap-user: process %d does not run %s; for a shared library, give "
                               "its OFFSET" % (pid, program))
        return offset

    def invoke(self, arg, from_tty):
        args = gdb.string_to_argv(arg)
        if not 1 <= len(args) <= 3:
            raise gdb.GdbError("kap-user: PROGRAM [PID [OFFSET]] is wanted; see `help kap-user`")
        program = os.path.abspath(os.path.expanduser(args[0]))
        pid = self.number(args[1], "process id") if len(args) > 1 else None
        offset = self.number(args[2], "offset") if len(args) > 2 else None
        try:
            elf = Elf(program)
        except (OSError, ValueError, struct.error) as error:
            raise gdb.GdbError("kap-user: %s: %s; give the program's file on this side"
                               % (program, getattr(error, "strerror", None) or error))
        if offset is None:
            offset = 0
            if elf.type == Elf.ET_DYN:
                offset = self.find_offset(elf, program, pid)
        if pid is not None:
            gdb.execute("monitor space %d" % pid)
        gdb.execute("add-symbol-file '%s' -o 0x%x" % (program, offset))


class KapBacktrace(gdb.Command):
    """Backtrace of a task that does not run: kap-bt PID

A vCPU that stands in the kernel lends its registers for the moment. In a core file, or when all
vCPUs are in user code, it is the chain of frame pointers, without arguments."""

    # What __switch_to leaves at thread.sp (struct inactive_task_frame).
    SAVED = ("r15", "r14", "r13", "r12", "rbx", "rbp", "rip")

    def __init__(self):
        super().__init__("kap-bt", gdb.COMMAND_STACK)

    def invoke(self, arg, from_tty):
        if not has_debug_info():
            raise gdb.GdbError("kap-bt: this kernel has no debug information; "
                               "`kap build --config debug` builds one that has")
        pid = KapUser.number(arg.strip(), "process id")
        task = task_of(pid)
        if task is None:
            raise gdb.GdbError("kap-bt: the guest has no task %d; see lx-ps" % pid)
        if int(task["on_cpu"]):
            raise gdb.GdbError("kap-bt: %d is running; see `info threads`" % pid)
        sp = int(task["thread"]["sp"]) & WORD
        saved = bytes(gdb.selected_inferior().read_memory(sp, 8 * len(self.SAVED)))
        values = dict(zip(self.SAVED, struct.unpack("<%dQ" % len(self.SAVED), saved)))
        values["rsp"] = sp + len(saved)
        before = gdb.selected_thread()
        if not self.lend(values):
            self.walk(values["rip"], values["rbp"], sp)
        if before is not None and before.is_valid():
            before.switch()

    @staticmethod
    def lend(values):
        for thread in gdb.selected_inferior().threads():
            thread.switch()
            gdb.execute("frame 0", False, True)
            own = {name: int(gdb.parse_and_eval("(unsigned long)$" + name)) & WORD
                   for name in values}
            if not 0x660000000000 <= own["rip"] < 0x6b0000000000:
                continue
            done = []
            try:
                for name in values:
                    gdb.execute("set var $%s = %d" % (name, values[name]), False, True)
                    done.append(name)
                gdb.execute("backtrace")
                return True
            except gdb.error:
                if len(done) == len(values):
                    raise
            finally:
                for name in done:
                    gdb.execute("set var $%s = %d" % (name, own[name]), False, True)
        return False

    @staticmethod
    def walk(ip, bp, low):
        for number in range(64):
            gdb.write("#%-2d 0x%016x %s" % (
                number, ip, gdb.execute("info symbol 0x%x" % ip, False, True)))
            if bp <= low or bp & 7 or bp - low > 0x10000:
                return
            low = bp
            try:
                bp, ip = struct.unpack(
                    "<QQ", bytes(gdb.selected_inferior().read_memory(bp, 16)))
            except gdb.error:
                return
            if not ip:
                return


class KapConnect(gdb.Command):
    """Connects again to the guest that gdb was connected to last: kap-connect

A guest that reboots begins anew, which ends the connection. One that `kap gdb` started is
held at its first instruction again."""

    PATIENCE = 3    # seconds that a reboot may take

    def __init__(self):
        super().__init__("kap-connect", gdb.COMMAND_RUNNING)
        self.last = None
        gdb.events.stop.connect(self.on_stop)

    def on_stop(self, event):
        connection = getattr(gdb.selected_inferior(), "connection", None)
        if connection is not None and connection.type == "remote":
            self.last = connection.details

    def invoke(self, arg, from_tty):
        if not self.last:
            raise gdb.GdbError("kap-connect: there was no connection; use `target remote`")
        until = time.monotonic() + self.PATIENCE
        while True:
            try:
                gdb.execute("target remote " + self.last, from_tty)
                return
            except gdb.error as error:
                if time.monotonic() > until:
                    raise gdb.GdbError("kap-connect: %s; has the guest ended without a reboot?"
                                       % str(error).rstrip("."))
            time.sleep(0.02)


def begin():
    FUNCTIONS.look()
    gdb.unwinder.register_unwinder(None, KernelUnwinder(FUNCTIONS), replace=True)
    gdb.events.new_objfile.connect(on_new_objfile)
    Kap()
    KapUser()
    KapBacktrace()
    KapConnect()
    load_kernel_commands()
    if kernel_file() and not has_debug_info():
        gdb.write("kap: this kernel has no debug information: functions have names and nothing "
                  "else; `kap build --config debug` builds one that has\n", gdb.STDERR)


begin()
