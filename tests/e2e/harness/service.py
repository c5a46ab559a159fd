"""One endpoint of a service, as scripted as a test needs it: what it answers, how late, what its health path says."""
import threading
import time

from .raw import OK, Broken


class Service:
    """`answer`: bytes, a function that gives them, or None, which resets the connection. `methods` and `heads` hold those of the
    requests taken, health checks aside; all of it may be changed while it runs."""

    def __init__(self, upstream, answer=OK, delay=0.0, health=OK):
        self.answer, self.delay, self.health, self.methods, self.heads = answer, delay, health, [], []
        self._lock = threading.Lock()
        self.peer = upstream(default=self._serve)
        self.port = self.peer.port

    @property
    def taken(self):
        return len(self.methods)

    def _serve(self, connection):
        while True:
            try:
                head, _ = connection.read_request()
            except (Broken, OSError):
                return
            if head.target == "/healthz":
                connection.send(self.health)
                continue
            with self._lock:
                self.methods.append(head.method)
                self.heads.append(head)
            answer = self.answer() if callable(self.answer) else self.answer
            if answer is None:
                connection.reset()
                return
            time.sleep(self.delay)
            connection.send(answer)
