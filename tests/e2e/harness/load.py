"""Load with a count of what failed, and of what that was: keep-alive clients, clients with a new connection for every
request, and wrk for sheer numbers."""
import collections
import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from .raw import Broken, connect

# overload= of a gateway of which no request may fail. Where the machine has no time for it, it refuses what waited too long, rightly; that is
# not what these tests ask about.
PATIENT = {"queue_delay": "1s"}


class Load:
    """Threads that ask until stop(). A request fails when its answer is not `expect` or does not come. With
    tolerate_idle_close a kept connection that ends before any byte of an answer is opened anew and asked once more, as
    every HTTP client does (RFC 9112 9.3.1); it is counted apart."""

    def __init__(self, port, keep_alive=0, new=0, target="/", host="a.test", expect=b"ok", headers=(), pause=0.0, tolerate_idle_close=False):
        self.port, self.expect, self.pause, self.tolerate = port, expect, pause, tolerate_idle_close
        lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *headers]
        self.request = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self.request_close = "\r\n".join([*lines, "Connection: close"]).encode() + b"\r\n\r\n"
        self.done, self.failed, self.reopened = 0, collections.Counter(), 0
        self._lock, self._stop = threading.Lock(), threading.Event()
        self.slowest = 0.0
        self.threads = [threading.Thread(target=self._keep_alive, daemon=True) for _ in range(keep_alive)]
        self.threads += [threading.Thread(target=self._new, daemon=True) for _ in range(new)]
        for thread in self.threads:
            thread.start()

    def _note(self, failure=None, took=0.0):
        with self._lock:
            if failure is None:
                self.done += 1
                self.slowest = max(self.slowest, took)
            else:
                self.failed[failure] += 1

    def _ask(self, connection, request):
        began = time.monotonic()
        connection.send(request)
        head, body = connection.read_response()
        if head.status != 200 or body != self.expect:
            self._note(f"{head.start} {body[:120]!r}")
        else:
            self._note(took=time.monotonic() - began)
        return head

    def _keep_alive(self):
        connection, fresh = None, True
        while not self._stop.is_set():
            try:
                if connection is None:
                    connection, fresh = connect(self.port), True
                before = connection.received
                head = self._ask(connection, self.request)
                fresh = False
                if head.get("connection", "").lower() == "close":
                    connection.close()
                    connection = None
            except (OSError, Broken) as error:
                closed = isinstance(error, (Broken, ConnectionError)) and connection is not None and connection.received == before
                if self.tolerate and closed and not fresh:
                    with self._lock:
                        self.reopened += 1
                else:
                    self._note(f"keep-alive: {type(error).__name__} {error}")
                if connection is not None:
                    connection.close()
                connection = None
            time.sleep(self.pause)

    def _new(self):
        while not self._stop.is_set():
            try:
                connection = connect(self.port)
                try:
                    self._ask(connection, self.request_close)
                finally:
                    connection.close()
            except (OSError, Broken) as error:
                self._note(f"new: {type(error).__name__} {error}")
            time.sleep(self.pause)

    def stop(self):
        self._stop.set()
        for thread in self.threads:
            thread.join(15)
        return self


class Bystanders:
    """A Load in a process of its own, so that what the test does meanwhile cannot slow it down."""
    def __init__(self, port):
        self.process = subprocess.Popen([sys.executable, "-m", "harness.load", str(port)], cwd=Path(__file__).parents[1],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def stop(self):
        """{"done", "failed", "slowest"}"""
        self.process.send_signal(signal.SIGTERM)
        return json.loads(self.process.communicate(timeout=30)[0])


def _bystanders(port):
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    load = Load(port, keep_alive=2, new=2, pause=0.01)
    signal.sigwait({signal.SIGTERM})
    load.stop()
    print(json.dumps({"done": load.done, "failed": dict(load.failed), "slowest": load.slowest}))


def wrk(port, connections=64, seconds=3, path="/", headers=(), threads=1, timeout="10s"):
    """{"requests", "errors", "bad", "rps"}; errors are connect, read, write and timeout errors together."""
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}", "--timeout", timeout]
    for header in headers:
        command += ["-H", header]
    out = subprocess.run([*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, timeout=seconds + 60).stdout
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return {"requests": int((re.search(r"(\d+) requests in", out) or [0, 0])[1]), "errors": sum(map(int, errors.groups())) if errors else 0,
            "bad": int(bad[1]) if bad else 0, "rps": float((re.search(r"Requests/sec:\s+([\d.]+)", out) or [0, 0])[1]), "text": out}


class Highest:
    """The highest value of a function, looked at every few milliseconds while the block runs."""
    def __init__(self, read, every=0.02):
        self.read, self.every, self.value = read, every, read()

    def __enter__(self):
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def _watch(self):
        while not self._stop.wait(self.every):
            try:
                self.value = max(self.value, self.read())
            except OSError:
                return

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


if __name__ == "__main__":
    _bystanders(int(sys.argv[1]))
