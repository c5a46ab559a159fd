"""Free ports on loopback, below the kernel's ephemeral range so that no outgoing connection takes one in between."""
import random
import socket

_taken = set()
_random = random.SystemRandom()


def free_port():
    for _ in range(1000):
        port = _random.randrange(12000, 32000)
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
