"""Free ports on loopback, below the kernel's ephemeral range so that no outgoing connection takes one in between. Tests that run beside
each other draw from ranges of their own: one that was found free may be listened on much later."""
import os
import random
import socket

_taken = set()
_random = random.SystemRandom()
_beside = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_ports = range(12000, 32000)[int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))::_beside]


def free_port():
    for _ in range(1000):
        port = _random.choice(_ports)
        if port in _taken:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _taken.add(port)
        return port
    raise RuntimeError("no free port found")
