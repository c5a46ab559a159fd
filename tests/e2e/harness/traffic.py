"""Requests that go on while something else happens."""
import threading
import time

from .raw import Broken, get


class Traffic:
    """Asks from several threads until stopped; `statuses` holds what came, 0 for a request that got no answer."""

    def __init__(self, g, threads=4, pause=0.005):
        self.g, self.pause, self.statuses, self.going = g, pause, [], True
        self.threads = [threading.Thread(target=self.run) for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while self.going:
            try:
                status = get(self.g.port, "/x")[0].status
            except (OSError, Broken):
                status = 0
            self.statuses.append(status)
            time.sleep(self.pause)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.going = False
        for thread in self.threads:
            thread.join()
