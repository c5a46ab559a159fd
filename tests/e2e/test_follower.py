"""Live against replay: the follower decides every recorded request again and compares it with what live answered, over a
change of policy, new and revoked keys and a restart. What was sent, and what was answered, is counted by the clients; the
gateway must have judged exactly so many verdicts, all equal. The short form runs always, the half hour under --all."""
import collections
import concurrent.futures
import json
import random
import re
import signal
import subprocess
import threading
import time

import pytest
from harness.gateway import run_weir
from harness.raw import Broken, connect

LISTENER = {"trusted_proxies": ["127.0.0.0/8"]}
IDENTITY = [{"name": "partner", "api_key": {"header": "X-Api-Key", "file": "keys.yaml"}}]


def limits(per_caller):
    return [{"name": "per-ip", "key": "client_ip", "rate": "60/s", "burst": 120, "before_auth": True},
            {"name": "per-caller", "key": "caller", "rate": f"{per_caller}/s", "burst": 2 * per_caller},
            {"name": "per-tenant", "key": "header:X-Tenant", "rate": "40/s", "burst": 80},
            {"name": "everybody", "key": "all", "rate": "400/s", "burst": 200}]


ROUTES = [{"name": "orders", "match": {"path": "/orders/*"}, "upstream": "main", "limits": ["per-ip", "per-caller", "per-tenant", "everybody"]},
          {"name": "partners", "match": {"path": "/partners/*"}, "upstream": "main", "auth": {"require": ["partner"]},
           "limits": ["per-ip", "per-caller", "everybody"]},
          {"name": "free", "match": {"path": "/free/*"}, "upstream": "main"}]


class Clients:
    """Threads that ask for all kinds of things, at about `rate` a second together, and count what they are answered."""

    def __init__(self, port, keys, rate, threads=8):
        self.port, self.keys, self.pause = port, keys, threads / rate
        self.statuses, self.broken = collections.Counter(), []
        self._lock, self._stop = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(threads)]
        for thread in self.threads:
            thread.start()

    def _request(self, draw):
        caller = min(int(draw.expovariate(0.35)), 15)   # few ask much, many little
        path = draw.choices([f"/orders/{draw.randrange(10 ** 6)}", f"/partners/{draw.randrange(100)}", "/free/x", "/nowhere"], [70, 15, 10, 5])[0]
        lines = [f"GET {path} HTTP/1.1", "Host: a.test", f"X-Forwarded-For: 192.0.2.{caller}"]
        if caller % 3:
            lines.append(f"X-Api-Key: {draw.choice(self.keys) if draw.random() < 0.9 else 'no-such-key'}")
        if caller % 2:
            lines.append(f"X-Tenant: t{caller % 5}")
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def _run(self, number):
        draw, connection = random.Random(number), None
        while not self._stop.is_set():
            try:
                connection = connection or connect(self.port)
                connection.send(self._request(draw))
                head, _ = connection.read_response()
                with self._lock:
                    self.statuses[head.status] += 1
                if head.get("connection", "").lower() == "close":
                    connection = connection.close()
            except (OSError, Broken) as error:
                with self._lock:
                    self.broken.append(error)
                connection = None
            time.sleep(self.pause * draw.uniform(0.5, 1.5))

    def stop(self):
        self._stop.set()
        for thread in self.threads:
            thread.join(20)
        assert not self.broken, self.broken[:5]
        return self.statuses


def add_key(g, name):
    done = g.command("keys", "add", name)
    assert done.returncode == 0, done.stderr
    return max(re.findall(r"[A-Za-z0-9_\-]{24,}", done.stdout), key=len)


def unjudged(replay):
    return sum(replay["unjudged"].values())


def all_followed(g, sent):
    """The follower's counts once it has seen everything that was sent."""
    g.eventually(lambda: (r := g.api("status")["replay"])["judged"] + unjudged(r) >= sent, timeout=20, what=f"{sent} followed")
    return g.api("status")["replay"]


def made(gateway, upstream, workers):
    g = gateway(upstream(), start=False, workers=workers, listener=LISTENER, identity=IDENTITY, limits=limits(30), routes=ROUTES)
    (g.folder / "keys.yaml").write_text("[]\n")
    return g


def run(g, seconds, rate):
    """Two runs of the gateway over one recording: what each was asked and what its follower found."""
    keys = [add_key(g, f"caller-{n}") for n in range(5)]
    found = []
    for part in range(2):
        g.start()
        clients = Clients(g.port, keys, rate)
        time.sleep(seconds / 4)
        revoked = g.command("keys", "revoke", f"caller-{part}")
        assert revoked.returncode == 0, revoked.stderr
        time.sleep(seconds / 8)
        g.write(limits=limits(10 + part))
        done = g.command("apply", str(g.file), config=False)
        assert done.returncode == 0, done.stderr + done.stdout
        time.sleep(seconds / 8)
        statuses = clients.stop()
        found.append((statuses, all_followed(g, statuses.total()), g.metrics()))
        assert g.api("status")["revision"] == f"r{part + 2}"   # the second run starts with what the first ended with
        g.stop()
    return found


def check(found):
    statuses = sum((each for each, _, _ in found), collections.Counter())
    sent = statuses.total()
    assert statuses[429] >= sent / 20, statuses      # at least 5 % refused
    for wanted in (200, 401, 404):
        assert statuses[wanted] > 0, statuses
    for each, replay, metrics in found:
        assert replay["judged"] == each.total(), replay
        assert unjudged(replay) == 0, replay
        assert replay["mismatches"] == 0, replay["examples"]
        assert metrics["weir_replay_judged_total"] == each.total()
        assert metrics["weir_replay_mismatch_total"] == 0
    return sent


@pytest.mark.slow
def test_with_one_worker_every_verdict_is_equal(gateway, upstream):
    found = run(made(gateway, upstream, workers=1), seconds=12, rate=600)
    sent = check(found)
    assert sent > 2000
    assert all(replay["reordered"] == 0 for _, replay, _ in found)


@pytest.mark.slow
def test_with_two_workers_only_order_within_a_millisecond_differs(gateway, upstream):
    found = run(made(gateway, upstream, workers=2), seconds=12, rate=600)
    sent = check(found)
    # 7,000 requests cannot show a rate of 1 in 10,000, and a pair that changed places is two: half an hour below does. This
    # bound tells a stamp that is taken too early (1 in 500) from one that is not.
    assert sum(replay["reordered"] for _, replay, _ in found) <= sent / 1000


@pytest.mark.slow
def test_while_a_change_goes_out_in_stages_every_enforced_verdict_is_equal(gateway, upstream):
    """A canary of half the callers, live, and rolled back: two policies decide, each in its own limits; an override comes over both in the
    canary and goes when places have changed. One worker, so that there is one order; another rate for each caller and for all, and a
    route more."""
    quick = {"shadow": "1s", "canary": [{"50%": "2s"}], "watch": "1m", "harm_budget": {"known_callers": 1000, "requests": "100%"}}
    g = gateway(upstream(), workers=1, listener=LISTENER, limits=limits(30), routes=ROUTES[:1] + ROUTES[2:], rollout=quick)
    clients = Clients(g.port, ["x"], 500)
    g.eventually(lambda: clients.statuses.total() > 1500, what="1,500 requests")
    tight = limits(10)
    tight[-1]["rate"] = "150/s"
    g.write(limits=tight, routes=[*g.config["routes"], {"name": "nowhere", "match": {"path": "/nowhere"}, "upstream": "main"}])
    done = g.command("apply", str(g.file), "--person", "--author", "ops", "--wait", "none", config=False)
    assert done.returncode == 0, done.stderr + done.stdout

    def until(reached):
        def look():
            rollout = g.api("rollout")["rollout"]
            if not reached(rollout):
                promoted = g.command("promote", "--person", "--author", "ops")
                assert promoted.returncode == 0, promoted.stderr + json.dumps(rollout)
            return reached(rollout)
        g.eventually(look, timeout=20, what="the next stage")
    until(lambda rollout: rollout["stage"] == "canary" and rollout["share"] == 0.5)
    time.sleep(0.5)
    laid = g.command("override", "add", "block", "net", "192.0.2.2/31", "--reason", "test", "--person", "--yes")
    assert laid.returncode == 0, laid.stderr + laid.stdout
    time.sleep(1)
    until(lambda rollout: rollout["live"])
    time.sleep(1)
    lifted = g.command("override", "remove", "o1")
    assert lifted.returncode == 0, lifted.stderr + lifted.stdout
    time.sleep(0.5)
    back = g.command("rollback", "--person", "--author", "ops", "--reason", "test")
    assert back.returncode == 0, back.stderr + back.stdout
    time.sleep(1)
    statuses = clients.stop()
    assert g.api("status")["revision"] == "r1" and statuses[429] > statuses.total() / 20 and statuses[403] > 50
    replay = all_followed(g, statuses.total())
    assert replay["mismatches"] == 0, replay["examples"]
    assert replay["reordered"] == 0
    warming = replay["unjudged"]["warming"]
    assert unjudged(replay) == warming < statuses.total() / 20, replay
    exported = run_weir("export", str(g.data))
    assert exported.returncode == 0, exported.stderr
    by = collections.Counter(json.loads(line)["revision"] for line in exported.stdout.splitlines())
    assert by[1] > 1000 and by[2] > 200, by


@pytest.mark.long
def test_half_an_hour(gateway, upstream):
    """With one worker and with two, side by side."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        both = [pool.submit(run, made(gateway, upstream, workers), seconds=1800, rate=300) for workers in (1, 2)]
        for running, share in zip(both, (0, 1 / 10_000), strict=True):
            found = running.result()
            sent = check(found)
            assert sent > 100_000
            assert sum(replay["reordered"] for _, replay, _ in found) <= sent * share


def test_status_says_it_in_words(gateway, upstream):
    g = gateway(upstream())
    for _ in range(3):
        g.get("/")
    all_followed(g, 3)
    assert "3 verdicts decided again, all equal" in g.command("status").stdout


def test_a_snapshot_is_left_with_each_segment(gateway, upstream):
    g = gateway(upstream(), limits=[{"name": "few", "key": "all", "rate": "1/h", "burst": 4}], route={"limits": ["few"]})
    for _ in range(6):
        g.get("/")
    g.eventually(lambda: g.api("status")["replay"]["snapshots"] == 1, timeout=10)
    snapshot, = (g.data / "segments").glob("*.weirsnap")
    segment, = (g.data / "segments").glob("*.weirseg")
    assert snapshot.stem == segment.stem
    assert snapshot.stat().st_mode & 0o077 == 0 and snapshot.read_bytes().startswith(b"weirsnp\x01")


@pytest.mark.slow
def test_a_plan_begins_where_the_snapshot_of_its_first_segment_stands(gateway, upstream):
    """Four of an hour were spent in the first segment. Only its snapshot tells a replay of the second that nothing is left."""
    g = gateway(upstream(), limits=[{"name": "few", "key": "all", "rate": "1/h", "burst": 4}], route={"limits": ["few"]},
                record={"keep": "40s"})             # a segment lasts an eighth of that where there is little traffic
    folder = g.data / "segments"
    assert [g.get("/")[0].status for _ in range(6)] == [200] * 4 + [429] * 2
    g.eventually(lambda: g.api("status")["replay"]["snapshots"] == 2, timeout=20)
    assert [g.get("/")[0].status for _ in range(2)] == [429] * 2
    all_followed(g, 8)
    g.stop()
    first, *_ = sorted(folder.glob("*.weirseg"))
    first.unlink()
    first.with_suffix(".weirsnap").unlink()

    def plan():
        done = run_weir("plan", str(g.file), "--recording", str(g.data), "-o", "json")
        return json.loads(done.stdout)["requests"]
    assert (plan()["total"], plan()["newly_allowed"]) == (2, 0)
    for snapshot in folder.glob("*.weirsnap"):
        snapshot.unlink()
    assert (plan()["total"], plan()["newly_allowed"]) == (2, 2)   # every bucket full, as it was not


def test_segments_removed_under_it_are_missing_and_it_goes_on(gateway, upstream):
    g = gateway(upstream())
    for _ in range(5):
        g.get("/")
    all_followed(g, 5)
    segment, = (g.data / "segments").glob("*.weirseg")
    segment.unlink()                                  # the scribe still writes to it, the follower still reads it
    for _ in range(5):
        g.get("/")
    replay = all_followed(g, 10)
    assert replay["mismatches"] == 0 and replay["judged"] == 10


def test_kill_under_load_costs_at_most_the_last_second(gateway, upstream):
    """The recording of a gateway that was killed in the middle is read: all that was answered a second before is in it."""
    g = gateway(upstream(), listener=LISTENER)
    clients = Clients(g.port, ["x"], 500)
    time.sleep(4)
    with clients._lock:
        answered = clients.statuses.total()
    time.sleep(1.3)                                   # a second, and the turns of worker and scribe
    g.signal(signal.SIGKILL)
    g.process.wait()
    g.may_end_with = -signal.SIGKILL
    clients._stop.set()
    for thread in clients.threads:
        thread.join(20)
    done = run_weir("export", str(g.data))
    assert done.returncode == 0, done.stderr
    rows = len(done.stdout.splitlines())
    assert answered > 500 and answered <= rows <= clients.statuses.total() + 8, (answered, rows, clients.statuses.total(), done.stderr)


@pytest.fixture
def small_disk(folder):
    """A file system of 4 MiB; mounting needs a right that not everybody has."""
    place = folder / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a small disk here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_stops_the_recording_and_nothing_else(gateway, upstream, small_disk):
    g = gateway(upstream(), data_dir=str(small_disk), workers=1, start=False)   # a gap shows by what comes after it
    g.data = small_disk
    g.start()
    assert g.get("/")[0].status == 200
    all_followed(g, 1)
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(3_950_000))
    g.eventually(lambda: g.api("status")["recording"]["stopped_for_disk"], what="recording stopped")
    for _ in range(20):
        assert g.get("/")[0].status == 200
    ballast.unlink()
    g.eventually(lambda: not g.api("status")["recording"]["stopped_for_disk"], what="recording goes on")
    before = len(list((small_disk / "segments").glob("*.weirseg")))
    assert before == 2                             # shapes that were lost would be missed in the old one
    for _ in range(5):
        assert g.get("/")[0].status == 200
    replay = all_followed(g, 26)
    assert replay["unjudged"]["missing"] == 20 and replay["mismatches"] == 0, replay
    assert replay["judged"] + replay["unjudged"]["warming"] == 6
