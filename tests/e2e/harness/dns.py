"""A name server of the test's own: UDP, A records with a TTL (RFC 1035), changed while it runs; all else does not exist."""
import socket
import struct
import threading


class Names:
    def __init__(self, ttl=1):
        self.records, self.ttl, self.asked, self.silent = {}, ttl, [], False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.going = True
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.going = False
        self.thread.join()
        self.socket.close()

    def _serve(self):
        while self.going:
            try:
                query, peer = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            if not self.silent:
                self.socket.sendto(self._answer(query), peer)

    def _answer(self, query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += query[at] + 1
        question = query[12:at + 5]
        kind = struct.unpack("!H", query[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        addresses = self.records.get(name)
        if kind == 1:
            self.asked.append(name)
        given = addresses if addresses and kind == 1 else []
        flags = 0x8180 if addresses is not None else 0x8183   # an answer; NXDOMAIN
        out = query[:2] + struct.pack("!HHHHH", flags, 1, len(given), 0, 0) + question
        for address in given:
            out += struct.pack("!HHHIH", 0xC00C, 1, 1, self.ttl, 4) + socket.inet_aton(address)
        return out
