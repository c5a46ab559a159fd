"""`weir change`: a deploy behind the gateway is announced, and what was seen since is held against what was seen before."""
import concurrent.futures
import contextlib
import json
import re
import signal
import subprocess
import time

import pytest
from harness.gateway import ROOT, binary, run_weir
from harness.raw import Broken
from harness.service import Service
from test_top import SERVICES, Caller

BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"


@pytest.fixture
def town(gateway, upstream):
    """Three services behind the gateway, asked by five callers; a fourth service is asked by nobody."""
    peers = {name: Service(upstream) for name in ("orders", "stock", "mail", "quiet")}
    g = gateway(identity=SERVICES,
                upstreams=[{"name": name, "endpoints": [f"127.0.0.1:{peer.port}"]} for name, peer in peers.items()],
                routes=[{"name": f"to-{name}", "match": {"path": f"/{name}"}, "upstream": name} for name in peers])
    callers = {name: Caller(g.port, name, rate, target) for name, rate, target in
               (("web", 50, "/orders"), ("shop", 50, "/stock"), ("worker", 20, "/mail"), ("report", 50, "/mail"), ("leaver", 50, "/mail"))}
    yield g, peers, callers
    for caller in callers.values():
        caller.stop()


def announce(g, *words):
    done = g.command("change", *words)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202e]", done.stdout), done.stdout
    assert max(map(len, done.stdout.splitlines()), default=0) <= 100, done.stdout
    return done


def changes(g):
    return {change["subject"]: change for change in g.api("changes")["changes"]}


@pytest.mark.slow
def test_each_deploy_is_told_what_came_of_it(town):
    g, peers, callers = town
    # C(12 + 7, 7) = 50,388: twelve seconds before are enough for a run of seven of eight.
    time.sleep(14)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = {subject: pool.submit(announce, g, subject, version, "--watch", "8s", "--author", "ci", "--reason", "CHG-7")
                 for subject, version in (("orders", "v42"), ("stock", "v7"), ("worker", "v9"), ("report", "v3"), ("leaver", "v2"), ("quiet", "v1"))}
        g.eventually(lambda: len(changes(g)) == 6, what="all six are watched")
        assert re.search(r"^  deploy +stock v7: under way, ", g.command("status").stdout, re.M)
        assert {each["subject"] for each in g.api("status")["deploys"]} == {"orders", "stock", "worker", "report", "leaver"}
        peers["orders"].answer, callers["worker"].rate = BUSY, 200
        callers["leaver"].stop()
        done = {subject: each.result() for subject, each in asked.items()}
    codes = {subject: each.returncode for subject, each in done.items()}
    assert codes == {"orders": 3, "stock": 0, "worker": 3, "report": 0, "leaver": 4, "quiet": 4}, {s: d.stdout + d.stderr for s, d in done.items()}

    seen = changes(g)
    assert {subject: change["exit_code"] for subject, change in seen.items()} == codes
    assert all(change["author"] == "ci" and change["reason"] == "CHG-7" and change["watch_s"] == 8 and change["left_s"] == 0 for change in seen.values())
    (orders,) = seen["orders"]["as"]
    (failing,) = orders["harms"]
    # A run is seven bad seconds of eight: 0.875 where the first bad answer comes up to a second after the announcement, less what rates scatter.
    assert orders["role"] == "upstream" and failing["signal"] == "bad" and failing["usual"] == failing["highest"] == 0 and failing["now"] > 0.85
    assert orders["before"]["rate"] == pytest.approx(50, rel=0.2) and orders["before"]["bad_share"] == 0 and orders["before"]["seconds"] >= 12
    (worker,) = seen["worker"]["as"]
    (running,) = [harm for harm in worker["harms"] if harm["signal"] == "rate"]
    assert worker["role"] == "caller" and running["usual"] == pytest.approx(20, rel=0.2) and running["now"] > 100
    (stock,) = seen["stock"]["as"]
    assert stock["answer"] == "healthy" and stock["harms"] == [] and stock["after"]["rate"] == pytest.approx(50, rel=0.2)
    assert seen["quiet"]["as"][0]["lack"] == "past" and seen["leaver"]["as"][0]["lack"] == "silent"
    assert g.api("status")["deploys"] == []

    assert done["orders"].stdout.startswith("orders v42: HARMED   announced 20")
    assert "next: return orders to what ran before v42" in done["orders"].stdout
    assert "weir override add cap caller worker " in done["worker"].stdout and "next: return worker to what ran before v9" in done["worker"].stdout
    assert done["stock"].stdout.startswith("stock v7: healthy ") and "next:" not in done["stock"].stdout

    announced = json.loads(g.command("change", "shop", "v2", "--no-wait", "-o", "json").stdout)
    assert announced["answer"] == "under way" and announced["exit_code"] is None and announced["as"][0]["role"] == "caller"
    assert announced["watch_s"] == 3600
    with concurrent.futures.ThreadPoolExecutor() as pool:   # nobody waits for a gateway that has ended
        waits = pool.submit(announce, g, "mail", "v7")
        g.eventually(lambda: changes(g).get("mail"), what="it is watched")
        g.signal(signal.SIGTERM)
        assert waits.result().returncode == 5


class Steady(Caller):
    """Connects again, as callers do."""

    def _run(self):
        while not self.stopped.is_set():
            with contextlib.suppress(Broken, OSError):
                super()._run()
            self.stopped.wait(0.1)


@pytest.mark.slow
def test_a_killed_gateway_goes_on_with_what_was_announced_and_knows_what_it_had_found(gateway, upstream):
    orders, stock = Service(upstream), Service(upstream)
    g = gateway(identity=SERVICES,
                upstreams=[{"name": name, "endpoints": [f"127.0.0.1:{peer.port}"]} for name, peer in (("orders", orders), ("stock", stock))],
                routes=[{"name": f"to-{name}", "match": {"path": f"/{name}"}, "upstream": name} for name in ("orders", "stock")])
    callers = [Steady(g.port, "web", 60, "/orders"), Steady(g.port, "shop", 60, "/stock")]
    try:
        time.sleep(14)
        assert announce(g, "nobody", "v1", "--author", "ci").returncode == 4
        with concurrent.futures.ThreadPoolExecutor() as pool:
            # C(13 + 8, 8) = 203,490 against 6,000 x 13 places for a run of eight.
            asked = {subject: pool.submit(announce, g, subject, "v42", "--watch", "20s") for subject in ("orders", "stock")}
            g.eventually(lambda: len(changes(g)) == 3, what="they are watched")
            before = changes(g)
            time.sleep(1)
            g.process.kill()
            g.process.wait()
            time.sleep(1)
            g.start()
            again = changes(g)
            assert set(again) == set(before) and again["nobody"] == before["nobody"]
            assert again["orders"]["began_at"] == before["orders"]["began_at"] and again["orders"]["kept"]
            assert again["orders"]["as"][0]["before"] == before["orders"]["as"][0]["before"]
            orders.answer = BUSY
            done = {subject: each.result() for subject, each in asked.items()}
        assert {subject: each.returncode for subject, each in done.items()} == {"orders": 3, "stock": 0}, {s: d.stdout + d.stderr for s, d in done.items()}
        g.eventually(lambda: all(each["kept"] for each in changes(g).values()), what="they are kept")
        found = changes(g)
        time.sleep(0.5)
        g.stop()
        g.start()
        assert changes(g) == found
        out = g.command("change", "list").stdout
        for line in ("healthy +stock v42 by [^ ]+", "harmed +orders v42 by [^ ]+", "not enough data nobody v1 by ci"):
            assert re.search(rf"^ +[123]  20[^ ]+Z  {line}$", out, re.M), out
        shown = g.command("change", "show", str(found["orders"]["id"]))
        assert shown.returncode == 0 and shown.stdout.startswith("orders v42: HARMED "), shown.stdout
        assert announce(g, "nobody", "v2").returncode == 4 and g.api("changes")["changes"][0]["id"] == 4, "numbers go on"
        missing = g.command("change", "show", "99")
        assert missing.returncode == 1 and "no deploy has this number" in missing.stderr
    finally:
        for caller in callers:
            caller.stop()


def test_what_nobody_knows_or_can_be_asked_for_is_said_at_once(gateway, upstream):
    g = gateway(upstream())
    done = announce(g, "nobody", "v1")
    assert done.returncode == 4 and "no upstream has this name, and no caller of it was seen" in done.stdout
    for words, what in ((("main", "v1", "--watch", "1s"), "from 5s to 24h"), (("main", "v1", "--watch", "soon"), "watch"),
                        (("m" * 101, "v1"), "longer than 100 bytes"), (("", "v1"), "needed")):
        done = announce(g, *words)
        assert done.returncode == 1 and what in done.stderr, done.stdout + done.stderr
    assert announce(g, "main", "v\x1b[31m").returncode == 4
    assert announce(g, "main").returncode == 2
    g.stop()
    done = announce(g, "main", "v1")
    assert done.returncode == 5 and done.stderr.startswith("weir: "), done.stderr


@pytest.mark.long
def test_a_deployed_service_that_runs_away_is_named_while_the_drill_goes_on(folder):   # seed 001
    drill = subprocess.Popen([binary(), "drill", "run", str(ROOT / "examples/drill/runaway-service.yaml"), "-o", "json"],
                             env={"TMPDIR": str(folder), "PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        began = time.monotonic()
        while not (sockets := list(folder.glob("**/admin.sock"))):
            assert drill.poll() is None and time.monotonic() - began < 20, drill.stderr.read()
            time.sleep(0.1)
        time.sleep(25)
        done = run_weir("change", "worker", "v9", "--watch", "1h", "--admin", str(sockets[0]), timeout=45)
        assert done.returncode == 3 and done.stdout.startswith("worker v9: HARMED"), done.stdout + done.stderr
        assert "as caller    harmed" in done.stdout and re.search(r"^  rate +(1\d|2\d)/s usual, ", done.stdout, re.M), done.stdout
        report, errors = drill.communicate(timeout=60)
        assert drill.returncode == 0, report[-2000:] + errors
    finally:
        if drill.poll() is None:
            drill.terminate()
            drill.wait(10)
