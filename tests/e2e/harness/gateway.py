"""weir as a process: started on free ports with a configuration made for the test and a data_dir of its own, ready when
start() returns, stopped by its pid. What it wrote to stderr is kept for whoever reads a failure."""
import contextlib
import ctypes
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

from .ports import free_port
from .raw import Broken, connect, get

ROOT = Path(__file__).parents[3]

# Laid over a configuration: a change is live as soon as it is made.
AT_ONCE = {"rollout": {"shadow": "none", "canary": [], "watch": "none"}}

# A prefix. What is counted is what is kept: large pages count whole, and the system goes on making them of small ones while it runs.
SMALL_PAGES = ["/usr/bin/env", "GLIBC_TUNABLES="]


def binary():
    path = Path(os.environ.get("WEIR", ROOT / "build/dev/weir"))
    assert path.exists(), f"{path} does not exist: ./dev build"
    return str(path)


def merged(base, over):
    """`over` laid over `base`; mappings are merged, everything else is replaced."""
    if not (isinstance(base, dict) and isinstance(over, dict)):
        return over
    return {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}


PR_SET_CHILD_SUBREAPER = 36   # prctl(2)


def _links(folder):
    """What each descriptor of such a folder of proc(5) is."""
    for one in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):   # closed meanwhile
            yield os.readlink(one)


class Successor:
    """What a gateway left behind after a hand-over, with as much of a Popen as stop() needs."""

    def __init__(self, pid):
        self.pid = pid

    def send_signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout=10.0):
        """Its exit code; None where whoever started it has waited for it."""
        until = time.monotonic() + timeout
        while True:
            with contextlib.suppress(ChildProcessError):   # it is ours once the process that started it has ended
                ended, status = os.waitpid(self.pid, os.WNOHANG)
                if ended:
                    return os.waitstatus_to_exitcode(status)
            if not Path(f"/proc/{self.pid}").exists():
                return None
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(f"weir {self.pid}", timeout)
            time.sleep(0.01)


def end(process, timeout):
    """The exit code after TERM, then once more, then KILL."""
    for patience in (timeout, 5.0):
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(patience)
    process.kill()
    return process.wait(5.0)


class Gateway:
    def __init__(self, folder, *upstream_ports, listener=None, route=None, args=(), files=None, prefix=(), **over):
        """listener=, route=: laid over the one listener and the one route; other keywords over the whole configuration.
        files: the soft and hard limit of descriptors; prefix: words before the command, that end in exec. Nothing is started yet."""
        self.folder = Path(folder)
        self.port, self.admin_port = free_port(), free_port()
        self.args, self.files, self.prefix = list(args), files, list(prefix)
        self.process, self.successors = None, {}
        self.may_end_with = 0   # before stop()
        self.data = self.folder / "data"
        self.file = self.folder / "gateway.yaml"
        self.errors = self.folder / "stderr"
        self.output = self.folder / "stdout"
        base = {
            "version": 1,
            "listeners": [merged({"name": "public", "address": f"127.0.0.1:{self.port}"}, listener or {})],
            "admin": {"address": f"127.0.0.1:{self.admin_port}"},
            "data_dir": str(self.data),
            "upstreams": [{"name": "main", "endpoints": [f"127.0.0.1:{port}" for port in upstream_ports]}] if upstream_ports else [],
            "routes": [merged({"name": "all", "match": {"path": "/*"}, **({"upstream": "main"} if upstream_ports else {})}, route or {})],
        }
        # Most tests ask what a change does, not how it comes to be live: then it is at once, and nothing watches it.
        base.update(AT_ONCE)
        self.config = merged(base, over)
        self.write()

    def write(self, **over):
        """Writes the configuration, changed by `over`; JSON is YAML."""
        self.config = merged(self.config, over)
        # Whole or not at all, as an operator's tool would: the gateway may read at any time.
        draft = self.file.with_suffix(".new")
        draft.write_text(json.dumps(self.config, indent=1) + "\n")
        draft.rename(self.file)

    # -- the process
    def start(self, ready=True, timeout=20.0):
        def limits():
            if self.files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.files, self.files))
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)   # a successor's exit code is for stop() to see
        self.process = subprocess.Popen([*self.prefix, binary(), "run", "-c", str(self.file), *self.args], cwd=self.folder, preexec_fn=limits,
                                        stdin=subprocess.DEVNULL, stdout=self.output.open("ab"), stderr=self.errors.open("ab"))
        if ready:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=20.0):
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"weir ended with {self.process.returncode} instead of starting:\n{self.stderr()}")
            try:
                if get(self.admin_port, "/readyz", host=f"127.0.0.1:{self.admin_port}", timeout=1)[0].status == 200:
                    return
            except (OSError, AssertionError):
                pass
            time.sleep(0.02)
        raise AssertionError(f"weir was not ready within {timeout} s:\n{self.stderr()}")

    def signal(self, number):
        os.kill(self.pid, number)

    @contextlib.contextmanager
    def standing_still(self):
        """STOP, and CONT at the end; no thread of it runs in between."""
        self.signal(signal.SIGSTOP)
        try:
            self.eventually(lambda: all(task.read_text().rpartition(")")[2].split()[0] == "T" for task in
                                        Path(f"/proc/{self.pid}/task").glob("*/stat")), what="all its threads to stand")
            yield
        finally:
            self.signal(signal.SIGCONT)

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def pids(self):
        """Every process that runs this configuration: after a hand-over (USR2) the new one is another process."""
        wanted, found = str(self.file).encode(), []
        for path in Path("/proc").iterdir():
            try:
                words = (path / "cmdline").read_bytes().split(b"\0") if path.name.isdigit() else []
                if wanted in words and b"run" in words:
                    found.append(int(path.name))
            except OSError:
                pass
        for pid in found:
            if self.process is not None and pid != self.pid:
                self.successors.setdefault(pid, Successor(pid))
        return sorted(found)

    def wait(self, timeout=10.0):
        return self.process.wait(timeout)

    def stop(self, timeout=10.0):
        """TERM, then once more. Whoever ends with another code than 0 is a failure, one that needs KILL among them; so is whoever had
        ended already, with neither 0 nor what the test expects."""
        if self.process is None:
            return None
        self.pids()   # a hand-over may have left successors
        problems = []
        if not self.running():
            if self.process.returncode not in (0, self.may_end_with):
                problems.append(f"weir ended on its own with {self.process.returncode}")
        elif code := end(self.process, timeout):
            problems.append(f"weir ended with {code} when it was told to stop")
        while self.successors:
            pid, successor = self.successors.popitem()
            if code := end(successor, timeout):
                problems.append(f"the successor {pid} ended with {code}")
        assert not problems, "; ".join(problems) + f":\n{self.stderr()[-4000:]}"
        return self.process.returncode

    def stderr(self):
        return self.errors.read_text(errors="replace") if self.errors.exists() else ""

    def stdout(self):
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    # -- memory, processor time, descriptors
    def memory_kib(self, what="VmRSS"):
        return int(re.search(rf"^{what}:\s+(\d+)", Path(f"/proc/{self.pid}/status").read_text(), re.M)[1])

    def cpu_seconds(self):
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def worker_tables(self):
        """What each worker has open in a table of its own: {thread name: [what each descriptor is]}."""
        tables = {}
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):   # the thread ended meanwhile
                if (name := (task / "comm").read_text().strip()).startswith("worker-"):
                    tables[name] = list(_links(task / "fd"))
        return tables

    def process_table(self):
        return list(_links(Path(f"/proc/{self.pid}/fd")))

    def descriptors(self):
        """What is open: of the process, and of workers what the process has not."""
        of_process = self.process_table()
        of_workers = {link for links in self.worker_tables().values() for link in links}
        return len(of_process) + len(of_workers - set(of_process))

    # -- talking to it
    def get(self, target="/", **options):
        return get(self.port, target, **options)

    def connect(self, **options):
        return connect(self.port, **options)

    def admin(self, path, method="GET", body=None, headers=None):
        """(status, headers, body) through data_dir/admin.sock, as the command line does it."""
        connection = http.client.HTTPConnection("localhost", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(10)
        connection.sock.connect(str(self.data / "admin.sock"))
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        with connection.sock or response:
            return response.status, response.headers, response.read()

    def api(self, path):
        status, _, body = self.admin("/api/v1/" + path)
        assert status == 200, (path, status, body[:300])
        return json.loads(body)

    def exchange(self, head):
        """What is kept of the exchange that `head` answered; soon after its answer, not with it."""
        def kept():
            status, _, body = self.admin("/api/v1/exchanges/" + head.get("X-Request-Id"))
            return json.loads(body) if status == 200 else None
        return self.eventually(kept, what="the exchange is kept")

    def metrics(self):
        """Series as {'name{labels}': value}."""
        head, body = get(self.admin_port, "/metrics", host=f"127.0.0.1:{self.admin_port}")
        assert head.status == 200, head
        series = {}
        for line in body.decode().split("\n"):
            if line and not line.startswith("#"):
                name, value = re.match(r"(\w+(?:\{.*\})?) (\S+)", line).groups()
                series[name] = float(value)
        return series

    def metric(self, name, **labels):
        """The sum of all series of `name` that carry these labels."""
        total = 0.0
        for series, value in self.metrics().items():
            if series.split("{")[0] == name and all(f'{key}="{wanted}"' in series for key, wanted in labels.items()):
                total += value
        return total

    def eventually(self, condition, timeout=5.0, what="condition"):
        """For what becomes true soon but not at once (records reach the metrics through mailboxes). A connection that is
        refused or reset counts as not yet."""
        def now():
            try:
                return condition()
            except (OSError, Broken):
                return None
        until = time.monotonic() + timeout
        while not (result := now()):
            assert time.monotonic() < until, f"not within {timeout} s: {what}\n{self.stderr()[-2000:]}"
            time.sleep(0.05)
        return result

    def all_judged(self, count):
        """The follower has decided so many again, and none came out otherwise."""
        self.eventually(lambda: self.api("status")["replay"]["judged"] >= count, timeout=10, what="the follower to judge all")
        replay = self.api("status")["replay"]
        assert replay["mismatches"] == 0, replay["examples"]

    def command(self, *words, timeout=30.0, config=True, **options):
        """Runs `weir WORDS`, told of this gateway's file by -c where `config`."""
        told = ["-c", str(self.file)] if config else []
        return run_weir(*words, *told, cwd=self.folder, timeout=timeout, **options)


def run_weir(*words, cwd=None, timeout=30.0, env=None, **options):
    """`input`, where given, is what it reads on standard input."""
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    return subprocess.run([binary(), *words], cwd=cwd, timeout=timeout, text=True, capture_output=True,
                          env={**os.environ, "NO_COLOR": "1", **(env or {})}, **options)
