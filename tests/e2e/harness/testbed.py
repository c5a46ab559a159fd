"""T0 running: `weir drill run` of examples/drill/t0.yaml for as long as a test wants, with the gateway's own command line at hand.
The gateway records nothing, so that no plan has a day to go by; it knows its callers from the week before (t0.py)."""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from datetime import datetime, timezone

import yaml

from . import t0
from .gateway import binary, run_weir


class Testbed:
    __test__ = False

    def __init__(self, folder, rollout, scenario=lambda scenario: scenario, gateway=lambda text: text):
        """`rollout`: of the configuration; `scenario` and `gateway` change what T0 is. Traffic flows when it returns."""
        self.folder, self.kept = folder, folder / "k"
        self.data = self.kept / "conf/weir-data"
        self.data.mkdir(parents=True)
        self.know_callers()
        text = gateway(t0.GATEWAY.read_text()) + f"\nrecord: {{enabled: false}}\naccess_log: /access.log\nrollout: {json.dumps(rollout)}\n"
        (folder / "t0-gateway.yaml").write_text(text)
        (folder / "t0.yaml").write_text(yaml.safe_dump(scenario(self.scenario())))
        self.process = subprocess.Popen([binary(), "drill", "run", "t0.yaml", "-o", "json", "--keep", str(self.kept)], cwd=folder,
                                        stdin=subprocess.DEVNULL, stdout=(folder / "report.json").open("w"), stderr=subprocess.PIPE,
                                        text=True, env={**os.environ, "TMPDIR": str(folder)})
        while "traffic for" not in (line := self.process.stderr.readline()):
            assert line, "the drill ended early"
        self.began = time.time()
        self.text = (self.kept / "conf/t0-gateway.yaml").read_text()
        self.candidates = 0

    def know_callers(self):
        past = t0.Past()
        t0.remember(self.folder, self.data, past.week(self.folder / "week.log"))
        shutil.rmtree(self.data / "segments")

    @staticmethod
    def scenario():
        """T0 without an end and without expectations. Of those who are refused or time out half try again, as clients do."""
        scenario = yaml.safe_load(t0.SCENARIO.read_text())
        scenario.pop("expect")
        scenario["duration"] = "6h"
        scenario["traffic"][0]["retry"] = {"times": 3, "share": "50%", "after": "50ms", "on": ["limit_rejected", "response_timeout"]}
        return scenario

    def stop(self):
        """The report of the traffic."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stderr.close()
        return json.loads((self.folder / "report.json").read_text())

    # -- what is done to it
    def candidate(self, text):
        self.candidates += 1
        path = self.folder / f"candidate-{self.candidates}.yaml"
        path.write_text(text)
        return path

    def command(self, *words, timeout=60.0):
        return run_weir(*map(str, words), "--admin", str(self.data / "admin.sock"), cwd=self.folder, timeout=timeout)

    def api(self, path):
        connection = http.client.HTTPConnection("localhost", timeout=10)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(10)
        connection.sock.connect(str(self.data / "admin.sock"))
        connection.request("GET", "/api/v1/" + path)
        response = connection.getresponse()
        with connection.sock or response:
            body = response.read()
        assert response.status == 200, (path, response.status, body[:300])
        return json.loads(body)

    def rollout(self):
        """The change under way, or the last one."""
        return self.api("rollout")["rollout"]

    # -- what comes of it
    def exchanges(self, since=0.0):
        """Lines of the access log from `since` (Unix time) on, as (Unix time, line)."""
        with (self.kept / "access.log").open() as file:
            for text in file:
                if not text.endswith("\n"):
                    return
                line = json.loads(text)
                at = datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc).timestamp()
                if at >= since:
                    yield at, line


class Harm:
    """What a push did, by the access log: of the exchanges under a revision those that ended with its cause, and whose they are."""

    def __init__(self, lines, revision, is_hurt):
        self.requests = self.hurt = 0
        self.first = self.last = None
        self.callers, self.callers_hurt = set(), set()
        for at, line in lines:
            if f"r{line['revision']}" != revision:
                continue
            self.first, self.last = self.first or at, at
            who = line.get("caller") or line["client"]
            self.requests += 1
            self.callers.add(who)
            if is_hurt(line):
                self.hurt += 1
                self.callers_hurt.add(who)

    @property
    def seconds(self):
        """From the first exchange under the revision to the last one that arrived under it."""
        return 0.0 if self.first is None else self.last - self.first

    @property
    def share_of_users(self):
        return len(self.callers_hurt) / max(1, len(self.callers))
