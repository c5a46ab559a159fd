"""A gateway through which changes go by stages, short ones; callers who ask meanwhile; and an apply that is followed while it waits.

A shadow asks for as many requests as a minute brings, 1,000 at least (rollout/judge.h), so callers come seldom before a change and often
during it; whoever needs no verdict promotes."""
import contextlib
import json
import os
import re
import signal
import subprocess

from .gateway import binary
from .load import PATIENT

CALLERS = 60      # arms are drawn by caller from 50 on (rollout/staging.h)
RULES = {"shadow": "4s", "canary": [{"4%": "3s"}], "watch": "8s", "max_hold": "20s"}
LIMIT = {"name": "per-caller", "key": "caller", "rate": "200/s", "burst": 400}
TIGHT = {"name": "per-caller", "key": "caller", "rate": "6/min", "burst": 1}
BEHIND_PROXY = {"trusted_proxies": ["127.0.0.0/8"]}


class Callers:
    """weir load in the background: an open loop, callers told apart by X-Forwarded-For."""

    def __init__(self, g, rate, seconds=120, callers=CALLERS):
        self.process = subprocess.Popen([binary(), "load", f"http://127.0.0.1:{g.port}/x", "--rate", rate, "--for", f"{round(1000 * seconds)}ms", "--callers", str(callers), "-o", "json"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.told = None

    def stop(self):
        """Its report."""
        if self.told is None:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGINT)
            out, errors = self.process.communicate(timeout=30)
            assert out, (self.process.returncode, errors)
            self.told = json.loads(out)
        return self.told

    def wait(self):
        self.process.wait(60)
        return self.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Apply:
    """weir apply while it waits for its change."""

    def __init__(self, g, *words, file=None):
        self.g = g
        self.process = subprocess.Popen([binary(), "apply", str(file or g.file), "-c", str(g.file), *words], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"})

    def end(self, timeout=60.0):
        """(exit code, standard output, standard error)"""
        out, errors = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, errors


class Staged:
    """A gateway with stages, and what is asked of it again and again."""

    def __init__(self, gateway, *upstreams, rules=None, start=True, **over):
        over = {"listener": BEHIND_PROXY, "limits": [LIMIT], "record": {"enabled": False}, "overload": PATIENT, "rollout": {**RULES, **(rules or {})}, "workers": 2, **over}
        route = {"limits": ["per-caller"], **({} if upstreams else {"respond": {"status": 200, "body": "ok"}}), **over.pop("route", {})}
        self.g = gateway(*upstreams, route=route, start=start, **over)

    def learn(self, requests=2400, rate=2400, **more):
        """As many requests that every change has stages, and that every caller is known: 20 of 95 % fine."""
        done = Callers(self.g, f"{rate}/s", seconds=requests / rate, **more).wait()
        self.g.eventually(lambda: self.g.api("status")["requests"]["total"] >= requests - 5, what="the requests to be counted")
        return done

    # -- the file, changed
    def harmless(self, seconds=21):
        """A timeout that nothing comes near."""
        self.g.write(defaults={"timeouts": {"response": f"{seconds}s"}})

    def tight(self):
        """Refuses all but ten a minute of each caller."""
        self.g.write(limits=[TIGHT])

    # -- a change
    def apply(self, *words, timeout=60.0):
        return self.g.command("apply", str(self.g.file), *words, timeout=timeout)

    @property
    def rollout(self):
        return self.g.api("rollout")["rollout"]

    def reach(self, stage, timeout=20.0):
        """Once the change under way is in this stage; `live` and canary are as they are enforced."""
        def there():
            now = self.rollout
            return now if now and now["stage"] == stage and now["stage_of_s"] is not None and (stage != "watch" or now["live"]) else None
        return self.g.eventually(there, timeout, what=f"the stage {stage}; now {self.rollout}")

    def bring_to(self, stage):
        """Applies the file, and promotes it on until it is in this stage: the Apply, which waits until it is settled."""
        waits = Apply(self.g, "--person", "--wait", "settled")
        now = self.reach("shadow")
        while now["stage"] != stage:
            done = self.g.command("promote", "--person")
            assert done.returncode == 0, done
            before = now["stage"]
            now = self.g.eventually(lambda was=before: self.rollout if self.rollout["stage"] != was else None, what=f"the end of {before}")
        self.reach(stage)
        return waits

    def ended(self, timeout=30.0):
        """What became of it."""
        def over():
            now = self.rollout
            return now if now and now["outcome"] != "under way" else None
        return self.g.eventually(over, timeout, what="the end of the change")

    def live(self):
        return self.g.api("status")["revision"]

    def states(self):
        return {row["revision"]: row["state"] for row in self.g.api("revisions")["revisions"]}

    def revision(self, name):
        return self.g.api(f"revisions/{name}")

    def stages(self, name):
        """[(stage, verdict)] as the history keeps them."""
        return [(step["stage"], step["verdict"]) for step in self.revision(name)["steps"]]

    def kill(self):
        os.kill(self.g.pid, signal.SIGKILL)
        self.g.wait()


def masked(text):
    """Its layout: T a time, H a hash, P a path, N a number; blanks of columns are two."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "T", text)
    text = re.sub(r"\b[0-9a-f]{32}\b", "H", text)
    text = re.sub(r"/\S*gateway\.yaml", "P", text)
    text = re.sub(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?=\b|[a-z])", "N", text)
    text = re.sub(r"Nm\d\ds", "N s", text)
    return "\n".join(re.sub(r"(?<=\S) {2,}", "  ", line).rstrip() for line in text.splitlines()) + "\n"


def in_columns(text, columns=100):
    for line in text.splitlines():
        assert len(line) <= columns, line
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text), "control bytes reached the terminal"


@contextlib.contextmanager
def callers(g, rate="300/s", **more):
    load = Callers(g, rate, **more)
    try:
        yield load
    finally:
        load.stop()
