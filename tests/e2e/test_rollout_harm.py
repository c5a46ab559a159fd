"""A change that hurts: stopped before anybody has it, marked, and not tried again by machines; forced, it is taken back within seconds of
going live, and pipelines stand still for a while."""
import json
import re
import signal
import time

import pytest
from harness.rollout import TIGHT, Apply, Staged, callers, in_columns, masked

STOPPED = """\
 ✓ check  N errors, N warnings  N s
 ? plan  nothing is recorded (unproven)  N s
r2 STOPPED in shadow by weir (predictive): N known callers newly refused: N of N requests
r2 ← r1 by bot  N changes, class limit: limits.per-caller.rate N/s → N/min, …
 ✗ shadow  N requests: N known callers newly refused: N of N requests  N s
exit N  next: weir show r2 | weir apply FILE --retry --reason WHY
"""


@pytest.fixture
def harmed(gateway):
    """A gateway that has seen enough, every caller of it known, and a file that refuses nearly all of them."""
    s = Staged(gateway, rules={"shadow": "20s", "watch": "40s"})
    s.learn()
    s.tight()
    return s


@pytest.mark.slow
def test_a_limit_that_hurts_is_stopped_in_shadow_and_its_text_is_not_tried_again(harmed):
    """Sixty callers at 300 requests a second are 5 each; the new limit lets 0.1 pass. The judge closes a round every 10 s."""
    s, g = harmed, harmed.g
    with callers(g) as load:
        done = s.apply("--author", "bot", "--reason", "DDoS hardening")
    assert done.returncode == 3, done
    in_columns(done.stdout)
    assert masked(done.stdout) == STOPPED
    assert load.told["statuses"] == {"200": load.told["sent"]}, "nobody felt it"
    told = s.rollout
    assert (told["outcome"], told["mechanism"], told["stage"], told["exit_code"], told["live"]) == ("stopped", "predictive", "shadow", 3, False)
    refused = told["judge"]["refused"]
    assert refused["callers"] == 60 and 0.9 * refused["requests"] < refused["net"] <= refused["requests"] <= told["finished"][-1]["requests"]
    assert f"{refused['callers']} known callers newly refused: {refused['net']:,} of {refused['requests']:,} requests".replace(",", "") in done.stdout.replace(",", "")
    assert s.stages("r2")[-2:] == [("shadow", "failed"), ("review", "stopped")]
    assert s.states() == {"r2": "refused", "r1": "live"} and s.live() == "r1"
    assert "frozen" not in done.stdout and told["frozen_left_s"] is None, "nothing was rolled back"
    assert g.metric("weir_revision_drift") == 1 and "r2, refused" in g.command("status").stdout

    # Who presents it again: exit 3 with the verdict, no second shadow, one line of log.
    asked = g.metric("weir_apply_total", result="refused")
    for _ in range(20):
        g.signal(signal.SIGHUP)
        asked += 1
        g.eventually(lambda wanted=asked: g.metric("weir_apply_total", result="refused") == wanted, what="the HUP to be refused")
    assert g.stderr().count("not applied, r1 stays live") == 1
    again = s.apply("--person")
    assert again.returncode == 3 and "r2, refused" in again.stdout and "newly refused" in again.stdout and "--retry --reason" in again.stdout
    in_columns(again.stdout)
    rows = g.api("revisions")["revisions"]
    assert [row["revision"] for row in rows] == ["r2", "r1"] and rows[0]["presented"] == 21 and rows[0]["presented_at"] > rows[0]["at"]
    told = g.command("history").stdout
    in_columns(told)
    assert "presented again 21 times" in told
    in_columns(g.command("show", "r2").stdout.split("\n{\n")[0])
    assert s.rollout["revision"] == "r2" and s.stages("r2").count(("shadow", "failed")) == 1

    # Killed, it boots what was live, though the file is the bad one.
    s.kill()
    g.start()
    assert s.live() == "r1" and s.states() == {"r2": "refused", "r1": "live"}
    assert "r2, refused" in g.stderr() and "r1, which was live last, runs" in g.stderr()
    assert s.apply().returncode == 3

    # Who knows better says so; too little traffic since the start for stages, so it is live at once.
    tried = s.apply("--retry", "--reason", "they agreed to it", "--wait", "none")
    assert tried.returncode == 0 and s.reach("watch")["revision"] == "r3", tried
    assert s.states() == {"r3": "live", "r2": "refused", "r1": "replaced"}


@pytest.mark.slow
def test_what_is_forced_is_taken_back_within_seconds_and_pipelines_are_frozen(harmed):
    s, g = harmed, harmed.g
    with callers(g) as load:
        began = time.monotonic()
        apply = Apply(g, "--now", "--reason", "DDoS hardening", "--author", "bot", "--wait", "settled")
        assert s.reach("watch")["forced"]
        told = s.ended()
        took = time.monotonic() - began
        code, screen, _ = apply.end()
        assert code == 3 and took < 25, (took, screen)
        assert (told["outcome"], told["mechanism"], told["live"], told["notes"]) == ("rolled back", "predictive", True, "forced: no plan and no stages")
        assert screen.splitlines()[1].startswith("r2 ROLLED BACK in watch by weir (predictive)"), screen
        refused = told["judge"]["refused"]   # whom it refuses stays known: callers are not strangers because of it
        assert refused["callers"] == 60 and refused["requests"] > 0.8 * told["finished"][-1]["requests"] and refused["net"] > 0.8 * refused["requests"], refused
        assert "r2 ← r1 by bot (forced)" in screen and re.search(r"exit 3   pipelines frozen for (30m00s|29m5\ds)   next: weir show r2", screen), screen
        in_columns(screen)
        assert g.get("/x", headers=["X-Forwarded-For: 192.0.2.99"])[0].status == 200
    assert load.told["endings"]["answered"] == load.told["sent"] and set(load.told["statuses"]) == {"200", "429"}
    assert s.states() == {"r2": "taken_back", "r1": "live"} and s.live() == "r1"
    row = s.revision("r2")
    assert row["forced"] and row["way"] == "apply" and row["ended_by"] == "weir" and "newly refused" in row["ended_reason"]
    assert "apply, forced" in g.command("history").stdout
    assert g.stderr().count("r2 is rolled back by weir") == 1

    # Pipelines wait, a person does not.
    g.write(limits=[{"name": "per-caller", "key": "caller", "rate": "150/s", "burst": 300}])
    for words in ((), ("--now", "--reason", "it must go out")):
        frozen = s.apply(*words)
        assert frozen.returncode == 5 and re.search(r"pipelines are frozen for (30|29) more min, since a change was rolled back for harm; a person may apply",
                                                    frozen.stdout), frozen
        assert "--person" in frozen.stdout
    g.signal(signal.SIGHUP)
    g.eventually(lambda: g.stderr().count("pipelines are frozen") == 1, what="HUP to be refused as a pipeline's")
    assert s.live() == "r1" and list(s.states()) == ["r2", "r1"]
    assert s.apply("--person", "--wait", "none").returncode == 0 and s.reach("shadow")["person"]
    assert g.command("rollback", "--author", "ada").returncode == 0

    # Nor does a restart end it.
    s.kill()
    g.start()
    g.write(limits=[{"name": "per-caller", "key": "caller", "rate": "160/s", "burst": 300}])
    frozen = s.apply()
    assert frozen.returncode == 5 and re.search(r"pipelines are frozen for (30|29) more min", frozen.stdout), frozen
    assert s.apply("--person", "--wait", "none").returncode == 0 and s.reach("watch")["person"]   # too few requests since the start for stages


def test_who_is_locked_out_by_it_forces_and_confirms(gateway):
    s = Staged(gateway, route={"match": {"hosts": ["a.test"], "path": "/*"}}, rules={"watch": "60s"})
    g = s.g
    g.write(routes=[{**g.config["routes"][0], "match": {"hosts": ["b.test"], "path": "/*"}}])
    for words in ((), ("--now", "--reason", "moved"), ("--confirm-within", "5s"), ("--person",)):
        done = s.apply(*words)
        assert done.returncode == 1 and "no route is left for a.test" in done.stdout, done
        assert "--now --reason WHY --confirm-within 10m" in " ".join(done.stdout.split()), done
        assert s.live() == "r1" and s.states() == {"r1": "live"}
    done = s.apply("--now", "--reason", "moved", "--confirm-within", "2s")
    assert done.returncode == 0 and s.live() == "r2", done
    assert "confirm" in s.g.command("status").stdout
    told = s.ended(10)
    assert (told["mechanism"], told["why"], told["exit_code"], told["outcome"]) == ("unconfirmed", "not confirmed in time", 4, "rolled back")
    assert g.get("/x", host="a.test")[0].status == 200 and s.live() == "r1"


def test_what_is_closed_of_the_admin_api_is_a_lockout_too(gateway):
    s = Staged(gateway)
    text = s.g.file.read_text()
    config = json.loads(text)
    config.pop("admin")
    s.g.file.write_text(json.dumps(config))
    done = s.apply("--person")
    assert done.returncode == 1 and f"the admin API at 127.0.0.1:{s.g.admin_port} is closed" in done.stdout, done
    assert s.live() == "r1"


@pytest.mark.slow
def test_harm_is_not_taken_back_to_endpoints_that_are_gone_and_the_commands_that_decide_are_named(gateway, drill):
    """The change leads away from an upstream that has died, and refuses nearly everybody: both ways are bad, so a person decides."""
    old, new = (drill("upstream", "--latency", "1ms", "--workers", "64", "--queue", "1000") for _ in range(2))
    check = {"path": "/x", "interval": "200ms", "timeout": "500ms", "rise": 1, "fall": 2}
    pool = [{"name": "main", "endpoints": [f"127.0.0.1:{old.port}"], "health_check": check}]
    s = Staged(gateway, old.port, upstreams=pool, rules={"shadow": "20s", "watch": "60s"})
    g = s.g
    s.learn()
    g.write(upstreams=[{**pool[0], "endpoints": [f"127.0.0.1:{new.port}"]}], limits=[TIGHT])
    with callers(g):
        apply = Apply(g, "--now", "--reason", "away from it", "--author", "bot", "--wait", "settled")
        s.reach("watch")
        old.process.terminate()
        code, screen, _ = apply.end()
        assert code == 3, screen
        told = s.rollout
        assert told["outcome"] == "under way" and told["live"] and s.live() == "r2", told
        said = " ".join(g.command("status").stdout.split())
        assert "Not rolled back: none of r1's endpoints of upstream main answers, and others do now" in said, said
        assert "weir rollback --person takes all of it back" in said and "weir diff r1 r2" in said
        assert g.stderr().count("r2 is not rolled back") == 1, "said once, tried every second"
    assert g.command("rollback", "--person", "--author", "ada").returncode == 0
    assert s.ended()["mechanism"] == "person" and s.live() == "r1"
