# SPDX-License-Identifier: GPL-2.0-only
"""Runs modules of Python's own regression tests, the same way in a guest and natively.

python-run.py [-j JOBS] [-t SECONDS] [MODULE...]   (no module: all that there are)

MODULE:PATTERN is those of its tests whose names match. Each module has a process of its own. For
each test a line
    @@ test MODULE RESULT NAME          (RESULT: ok, fail, error, skip)
and for each module
    @@ module MODULE STATUS SECONDS     (STATUS: of regrtest, or timeout)
with the end of what a module said, as comments, when its status is neither 0 nor a skip's.
"""
import argparse
import concurrent.futures
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

SIOCGIFFLAGS, SIOCSIFFLAGS = 0x8913, 0x8914
IFF_UP = 1
LINES = 60  # of the output of a module that failed


def loopback_up():
    """A new network has its loopback interface down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def result_of(case):
    for kind in ("error", "failure", "skipped"):
        if case.find(kind) is not None:
            return {"error": "error", "failure": "fail", "skipped": "skip"}[kind]
    return "ok" if case.get("result") == "completed" else "skip"


def cases(path):
    """Results by name; a name that comes more than once has its worst result."""
    worst = {}
    order = ("skip", "ok", "fail", "error")
    try:
        tree = ElementTree.parse(path)
    except (OSError, ElementTree.ParseError):
        return worst
    for case in tree.iter("testcase"):
        name = " ".join(case.get("name", "?").split())
        worst[name] = max(worst.get(name, "skip"), result_of(case), key=order.index)
    return worst


def run(module, limit):
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, \
            open(os.path.join(folder, "out"), "w+b") as out:
        xml = os.path.join(folder, "xml")
        command = [sys.executable, "-m", "test", "-v", "--timeout", str(limit),
                   "--junit-xml", xml, *module.split(":", 1)[:1]]
        if ":" in module:
            command[-1:-1] = ["-m", module.split(":", 1)[1]]
        # A session of its own: what a test leaves behind must not meet the next one.
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.STDOUT, cwd=folder,
                              start_new_session=True) as process:
            try:
                status = process.wait(limit + 30)
            except subprocess.TimeoutExpired:
                status = "timeout"
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        out.seek(0)
        text = out.read().decode("utf-8", "backslashreplace").splitlines()
        if status == 1 and any(line.startswith("Timeout (") for line in text):
            status = "timeout"
        lines = [f"@@ test {module} {result} {name}" for name, result in cases(xml).items()]
    # regrtest says 4 when no test ran, 3 when only the environment was changed: with -v a module
    # that is skipped as a whole ends with 0 or 4.
    if status not in (0, 4):
        lines += [f"# {module}: {line}" for line in text[-LINES:]]
    lines.append(f"@@ module {module} {status} {time.monotonic() - began:.1f}")
    return "\n".join(lines)


def all_modules():
    text = subprocess.run([sys.executable, "-m", "test", "--list-tests"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return text.split()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-j", type=int, default=1)
    parser.add_argument("-t", type=int, default=300)
    parser.add_argument("--list", action="store_true", help="only name the modules")
    parser.add_argument("module", nargs="*")
    args = parser.parse_args()
    os.environ.update(PYTHONDONTWRITEBYTECODE="1", LC_ALL="C.UTF-8", TERM="dumb", HOME="/tmp",
                      PATH="/usr/sbin:/usr/bin:/sbin:/bin")
    if args.list:
        print("\n".join(all_modules()))
        return
    loopback_up()
    # Whoever started this may ignore them, and what is ignored stays so through exec.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    with concurrent.futures.ThreadPoolExecutor(args.j) as pool:
        running = [pool.submit(run, module, args.t) for module in args.module or all_modules()]
        for done in concurrent.futures.as_completed(running):
            print(done.result(), flush=True)
    print("@@ finished", flush=True)


if __name__ == "__main__":
    main()
