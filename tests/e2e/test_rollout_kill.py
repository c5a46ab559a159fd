"""A change that meets with an accident: the process killed in each of its stages, a disk that is full when it goes live; and traffic of which
little can be told: none, one caller, three, a request every five seconds."""
import random
import subprocess
from pathlib import Path

import pytest
from harness.raw import OK
from harness.rollout import Callers, Staged, callers, in_columns
from harness.service import Service

FAILED = b"HTTP/1.1 500 Failed\r\nContent-Length: 0\r\n\r\n"
LONG = {"shadow": "60s", "canary": [{"50%": "60s"}], "watch": "60s", "max_hold": "60s"}


@pytest.mark.parametrize("stage", ["shadow", "canary", "watch"])
def test_killed_in_any_stage_what_was_live_boots_whole(gateway, stage):
    """Before it is live, the file that waits to be judged does not boot: it may be what ended the process."""
    s = Staged(gateway, rules=LONG)
    g = s.g
    s.learn()
    s.harmless()
    waits = s.bring_to(stage)
    after = {"shadow": "plan", "canary": "shadow", "watch": "live"}[stage]
    g.eventually(lambda: after in [name for name, _ in s.stages("r2")], what="the history to have it")
    s.kill()
    assert waits.end()[0] == 5, "nobody answers whoever waits"
    g.start()
    if stage == "watch":
        assert s.live() == "r2" and s.states() == {"r2": "live", "r1": "replaced"}
        now = s.reach("watch")
        assert (now["revision"], now["before"], now["outcome"]) == ("r2", "r1", "under way")
        assert g.command("rollback", "--author", "ada").returncode == 0 and s.live() == "r1"
        assert s.states() == {"r2": "taken_back", "r1": "live"}
        return
    assert s.live() == "r1" and s.states() == {"r2": "stopped", "r1": "live"}
    row = s.revision("r2")
    assert row["ended_reason"] == f"interrupted: weir ended after {after}" and s.stages("r2")[-1] == ("interrupted", "ended")
    assert "interrupted" in g.command("history").stdout
    assert "r2, which was on its way when weir ended" in g.stderr() and "r1, which was live last, runs" in g.stderr()
    status = g.command("status").stdout
    in_columns(status)
    assert "is r2, stopped" in status
    # A second start is no other; and it is taken again as it is, at the next number.
    g.stop()
    g.start()
    assert s.live() == "r1"
    assert s.apply().returncode == 0 and s.live() == "r3"   # too few requests since the start: live, and watched
    assert s.reach("watch")["notes"].startswith("fewer than 1,000 requests")


@pytest.mark.long
def test_killed_while_two_policies_are_compared_what_is_live_boots_and_is_watched_anew(gateway, upstream):
    """The service fails half of all requests once everybody has the change, whoever's doing that is: half of the callers go back to r1."""
    service = Service(upstream)
    s = Staged(gateway, service.port, rules=LONG)
    g = s.g
    s.learn(rate=600)
    s.harmless()
    waits = s.bring_to("watch")
    service.answer = lambda: random.choice((OK, FAILED))
    with callers(g, "200/s"):
        g.eventually(lambda: s.rollout["comparing"], timeout=40, what=f"a comparison; now {s.rollout}")
        s.kill()
    assert waits.end()[0] == 5, "nobody answers whoever waits"
    service.answer = OK
    g.start()
    assert s.live() == "r2" and s.states() == {"r2": "live", "r1": "replaced"}
    now = s.reach("watch")
    assert (now["revision"], now["before"], now["outcome"], now["comparing"], now["share"]) == ("r2", "r1", "under way", False, 1)
    assert [g.get("/x", headers=[f"X-Forwarded-For: 192.0.2.{i}"])[0].status for i in range(20)] == [200] * 20
    assert g.command("rollback", "--author", "ada").returncode == 0 and s.live() == "r1"
    assert s.states() == {"r2": "taken_back", "r1": "live"}


# ---- a full disk

def fill(disk):
    with (disk / "filler").open("ab", buffering=0) as filler:
        for size in (1 << 16, 1):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                pass


def test_a_disk_that_is_full_when_it_goes_live_leaves_what_was_live(gateway, folder):
    place = folder / "disk"
    place.mkdir()
    prefix = ["unshare", "-Urm", "sh", "-c", f'mount -t tmpfs -o size={16 << 20} none "$0" && exec "$@"', str(place)]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount a file system of its own (unshare -Urm)")
    s = Staged(gateway, rules=LONG, start=False, data_dir=str(place / "data"), prefix=prefix)
    g = s.g
    g.start(ready=False)
    disk = Path(f"/proc/{g.pid}/root{place}")
    g.eventually(lambda: (disk / "data/admin.sock").exists(), timeout=20, what="it to start")
    g.data = disk / "data"
    g.wait_ready()
    socket = ["--admin", str(g.data / "admin.sock")]

    def command(*words):
        return g.command(*words, *socket, config=False)
    s.learn()
    s.harmless()
    assert command("apply", str(g.file), "--wait", "none").returncode == 0
    s.reach("shadow")
    assert command("promote", "--person").returncode == 0
    s.reach("canary")
    fill(disk)
    with callers(g, "100/s") as load:
        assert command("promote", "--person").returncode == 0
        told = s.ended()
    assert load.told["statuses"] == {"200": load.told["sent"]}
    assert (told["outcome"], told["mechanism"], told["exit_code"], told["live"]) == ("stopped", "failed", 1, False)
    assert "full" in told["why"] and s.live() == "r1"
    assert "r2 is stopped, and the history does not say so" in g.stderr() and "full" in g.stderr()
    status = command("status").stdout
    assert "r2 stopped by weir" in status and "full" in status, status
    (disk / "filler").unlink()
    assert command("apply", str(g.file), "--wait", "none").returncode == 0
    assert s.reach("shadow")["revision"] == "r3" and s.states() == {"r3": "candidate", "r2": "stopped", "r1": "live"}


# ---- little traffic

@pytest.mark.parametrize("callers,rate,requests", [(0, "", 0), (1, "0.2/s", 1)], ids=["nobody", "a request in five seconds"])
def test_with_next_to_no_traffic_it_is_live_at_once_and_watched_until_enough_was_seen(gateway, callers, rate, requests):
    """By the rules: fewer than 1,000 requests in the last hour, no stages; watched until 10,000 were seen."""
    s = Staged(gateway, rules={"watch": "1s"})
    g = s.g
    load = Callers(g, "12/min", seconds=60, callers=1) if callers else None
    s.harmless()
    done = s.apply("--author", "ada")
    if load:
        g.eventually(lambda: g.api("status")["requests"]["total"] >= requests, timeout=10)
    assert done.returncode == 0 and s.live() == "r2", done
    in_columns(done.stdout)
    assert "no shadow, no canary" in " ".join(done.stdout.split()) and done.stdout.splitlines()[-1].startswith("next: settled in "), done.stdout
    g.eventually(lambda: s.rollout["held_s"] is not None, what="the watch to be over")
    now = s.rollout
    assert now["outcome"] == "under way" and now["held_left_s"] is None and ("requests", "") in [(each["kind"], each["subject"]) for each in now["missing"]]
    status = g.command("status").stdout
    in_columns(status)
    assert "settled once it has seen enough" in status and "weir promote | weir rollback r1" in status, status
    # It is in nobody's way, and a person ends it.
    s.harmless(22)
    assert s.apply().returncode == 0 and s.live() == "r3"
    assert g.command("promote", "--person").returncode == 0 and s.ended()["outcome"] == "settled"
    if load:
        assert set(load.stop()["statuses"]) == {"200"}


@pytest.mark.parametrize("many,rate", [(1, "400/s"), (3, "30/s")], ids=["one caller, fast", "three callers"])
def test_few_callers_harm_nobody_and_are_not_stuck(gateway, many, rate):
    """Too few to draw arms by: requests are drawn. A shadow of a second has not seen a minute's worth."""
    s = Staged(gateway, rules={"shadow": "1s", "canary": [{"50%": "1s"}], "watch": "1s", "max_hold": "2s"},
               limits=[{"name": "per-caller", "key": "caller", "rate": "5000/s", "burst": 5000}])
    g = s.g
    s.learn(callers=many)
    s.harmless()
    with callers(g, rate, callers=many) as load:
        done = s.apply("--author", "ada")
        told = s.rollout
    in_columns(done.stdout)
    assert load.told["statuses"] == {"200": load.told["sent"]}
    assert (told["unit"], told["outcome"], told["mechanism"], done.returncode) == ("request", "stopped", "hold", 4), done
    assert "requests" in told["why"] and done.stdout.splitlines()[-1] == "exit 4   next: weir show r2 | weir apply FILE", done.stdout
