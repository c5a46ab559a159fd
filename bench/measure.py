"""Measuring one running proxy: processor time of all its tasks per request (schedstat, nanoseconds), memory (PSS), load
by wrk, idle connections. Everything runs on loopback, the proxy on one core, load and backend on another."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from proxies import Setup

PROXY_CORE, LOAD_CORE = "0", "1"


def pinned(core, command):
    return ["taskset", "-c", core, *command]


def session_pids(session):
    """Every process of the session that the proxy began: workers and successors included."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                found.append(int(entry))
    return found


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def answers(port, path="/2", host="localhost"):
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        return b" 200 " in s.recv(4096).split(b"\r\n")[0]


class Running:
    """A proxy under test, from start to stop."""
    def __init__(self, proxy, folder, backend, **wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        folder.chmod(0o777)   # nginx drops its rights
        port, admin_port = free_ports(2)
        self.proxy, self.setup = proxy, Setup(folder, port, admin_port, backend, **wanted)
        self.write()
        began = time.monotonic()
        self.process = subprocess.Popen(pinned(PROXY_CORE, proxy.command(self.setup)), stdin=subprocess.DEVNULL,
                                        stdout=(folder / "stdout").open("w"), stderr=(folder / "stderr").open("w"), start_new_session=True)
        self.tasks = {}
        while True:
            try:
                if answers(port):
                    break
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - began > 60:
                self.stop()
                raise RuntimeError(f"{proxy.name} did not start: {(folder / 'stderr').read_text()[-2000:]}")
            time.sleep(0.01)
        self.started_in = time.monotonic() - began
        time.sleep(0.5)
        self.started_kib = self.pss_kib()   # what is configured costs; what traffic costs comes later

    def write(self):
        for name, text in self.proxy.files(self.setup).items():
            draft = self.setup.folder / (name + ".new")
            draft.write_text(text)
            draft.rename(self.setup.folder / name)

    def cpu_ns(self):
        """Of all tasks; those that ended since keep their last value."""
        for pid in session_pids(self.process.pid):
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    self.tasks[pid, task] = int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
            except OSError:
                pass
        return sum(self.tasks.values())

    def pss_kib(self):
        total = 0
        for pid in session_pids(self.process.pid):
            try:
                total += int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1])
            except (OSError, TypeError):
                pass
        return total

    def reload(self, *words):
        """Takes a changed file into use; seconds until that is done, where it can be told."""
        self.setup.revision += 1
        self.write()
        if self.proxy.name == "weir":
            began = time.monotonic()
            done = subprocess.run(pinned(LOAD_CORE, [self.proxy.program, "apply", f"{self.setup.folder}/gateway.yaml", "-c",
                                                     f"{self.setup.folder}/gateway.yaml", *words]), capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError(f"weir apply: {done.stderr}")
            return time.monotonic() - began
        os.kill(self.process.pid, getattr(signal, "SIG" + self.proxy.reload))
        return None

    def stop(self):
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGKILL):
            pids = session_pids(self.process.pid)
            for pid in pids:
                try:
                    os.kill(pid, number)
                except OSError:
                    pass
            until = time.monotonic() + 1.5
            while session_pids(self.process.pid) and time.monotonic() < until:
                self.process.poll()
                time.sleep(0.02)
        self.process.wait()


_UNITS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}


def wrk(running, connections, seconds, path="/100", close=False, script=None, during=None):
    """{"us" per request, "requests", "rps", "p50", "p99" in microseconds, "errors", "refused"}."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency"] + (["-H", "Connection: close"] if close else [])
    if script:
        file = running.setup.folder / "load.lua"
        file.write_text(script)
        command += ["-s", str(file)]
    before = running.cpu_ns()
    load = subprocess.Popen(pinned(LOAD_CORE, [*command, f"http://127.0.0.1:{running.setup.port}{path}"]), stdout=subprocess.PIPE, text=True)
    extra = during() if during else {}
    out = load.communicate()[0]
    spent = running.cpu_ns() - before
    requests = int((re.search(r"(\d+) requests in", out) or [0, 0])[1])
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", out)

    def latency(percent):
        match = re.search(rf"^\s+{percent}%\s+([\d.]+)(\w+)", out, re.M)
        return float(match[1]) * _UNITS[match[2]] if match else None
    return {"us": spent / 1e3 / requests if requests else None, "requests": requests, "rps": requests / seconds, "p50": latency(50), "p99": latency(99),
            "errors": sum(map(int, errors.groups())) if errors else 0, "refused": int(refused[1]) if refused else 0, **extra}


# Opens N connections, each used once, keeps them, says how many are open, and at the end how many still are.
_IDLE = r"""
import socket, sys
IP_BIND_ADDRESS_NO_PORT = 24   # the port is chosen at connect: ports that another proxy's test left in TIME_WAIT will do
port, count, held, bad = int(sys.argv[1]), int(sys.argv[2]), [], 0
for n in range(count):
    s = socket.socket(); s.settimeout(5); s.setsockopt(0, IP_BIND_ADDRESS_NO_PORT, 1); s.bind(("127.0.0.%d" % (2 + n // 9000), 0))
    try:
        s.connect(("127.0.0.1", port)); s.sendall(b"GET /100 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        if b" 200 " not in s.recv(4096)[:20]: bad += 1
        held.append(s)
    except OSError: bad += 1
print(len(held), bad, flush=True); sys.stdin.readline(); alive = 0
for s in held:
    s.setblocking(False)
    try: alive += s.recv(1) != b""
    except BlockingIOError: alive += 1
    except OSError: pass
print(alive, flush=True)
"""


_SETTLED = 6   # seconds


def idle(running, count):
    """Memory per idle connection, what the proxy burns while they rest, and a request's cost beside them."""
    # What requests leave behind, such as buffers that go round and what follows some seconds later, is there before.
    wrk(running, 64, 2)
    time.sleep(_SETTLED)
    before = running.pss_kib()
    holder = subprocess.Popen(pinned(LOAD_CORE, [sys.executable, "-c", _IDLE, str(running.setup.port), str(count)]),
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    opened, bad = map(int, holder.stdout.readline().split())
    time.sleep(_SETTLED)
    after, cpu = running.pss_kib(), running.cpu_ns()
    time.sleep(2)
    resting = (running.cpu_ns() - cpu) / 2e9 * 100
    beside = wrk(running, 64, 2)
    holder.stdin.write("\n")
    holder.stdin.flush()
    alive = int(holder.stdout.readline())
    holder.wait()
    return {"kib": (after - before) / max(1, opened), "opened": opened, "errors": bad + opened - alive, "resting_percent": resting, "us": beside["us"],
            "refused": beside["errors"] + beside["refused"]}
