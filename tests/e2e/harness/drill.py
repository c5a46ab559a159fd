"""The processes of a drill by themselves: `weir drill upstream` and `weir drill fault`, started on free ports, changed through
their control endpoint, ended by their pid."""
import http.client
import json
import re
import signal
import subprocess

from .gateway import binary


class DrillProcess:
    def __init__(self, *words):
        self.process = subprocess.Popen([binary(), "drill", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        match = re.fullmatch(r"listens on 127\.0\.0\.1:(\d+)   control 127\.0\.0\.1:(\d+)\n", line)
        assert match, (line, self.process.stderr.read() if not line else "")
        self.port, self.control = int(match[1]), int(match[2])

    def ask(self, method="GET", body=None, path="/"):
        """(status, text) of the control endpoint."""
        connection = http.client.HTTPConnection("127.0.0.1", self.control, timeout=5)
        connection.request(method, path, body)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    def set(self, yaml):
        status, text = self.ask("PUT", yaml)
        assert status == 200, text
        return json.loads(text)

    def state(self):
        return json.loads(self.ask()[1])

    def counts(self):
        return self.state()["counts"]

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("a process of the drill did not end on TERM") from None
        errors = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        assert code == 0 and not errors, (code, errors)
