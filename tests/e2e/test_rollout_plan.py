"""What plan says of a change, and what comes of it: the same figures, and the overrides in force in both."""
import copy

import pytest
from harness.rollout import Staged, callers

EVERY_CALLER = {"name": "per-caller", "key": "caller", "rate": "4/s", "burst": 1}


# The kinds of harmless change that tests/sim/pushes.cc draws, each laid over the one before.
HARMLESS = {
    "limit loosened": lambda c: c["limits"][0].update(rate="120/s", burst=240),
    "timeout above all durations": lambda c: c["routes"][0].update(timeouts={"response": "90s"}),
    "route that nobody takes": lambda c: c["routes"].insert(0, {"name": "new", "match": {"path": "/new/*"}, "upstream": "main"}),
    "weights moved a little": lambda c: c["upstreams"][0]["endpoints"][0].update(weight=7),
    "limit that nobody reaches": lambda c: (c["limits"].append({"name": "new", "key": "client_ip", "rate": "500/s"}), c["routes"][-1].update(limits=["new", "per-caller"])),
    "header added": lambda c: c["routes"][-1].update(response_headers={"set": {"X-Served-By": "weir"}}),
    "route split in two": lambda c: c["routes"].insert(0, {"name": "reading", "match": {"path": "/x", "methods": ["GET"]}, "upstream": "main", "limits": ["new", "per-caller"]}),
    "other balance": lambda c: c["upstreams"][0].update(balance="least_request"),
}


def recorded(gateway, limit, *upstreams):
    """60 callers of 5 requests a second each, for eight seconds: recorded, and enough for stages."""
    s = Staged(gateway, *upstreams, limits=[limit], record={"enabled": True}, rules={"canary": [], "watch": "6s"})
    s.learn(2400, 300)
    s.g.eventually(lambda: s.g.api("status")["recording"]["arrivals"] >= 2395, what="the requests to be recorded")
    return s


def plan_of(s):
    return next(stage for stage in s.rollout["finished"] if stage["stage"] == "plan")


@pytest.mark.slow
def test_what_plan_predicted_of_harmless_changes_is_what_is_seen(gateway, drill):
    """A limit of 4/s without a burst refuses 1.25 / 2.25 of a Poisson stream of 5/s (a dead time of 250 ms after each that passes); at 100/s none:
    as many are newly allowed. The next one allows nobody anew, although the recording begins with those that the first refused."""
    upstream = drill("upstream", "--latency", "1ms", "--workers", "64", "--queue", "1000")
    s = recorded(gateway, EVERY_CALLER, upstream.port)
    for revision, rate in (("r2", "100/s"), ("r3", "150/s")):
        s.g.write(limits=[{**EVERY_CALLER, "rate": rate, "burst": 10}])
        with callers(s.g):
            done = s.apply("--fast", "--wait", "settled")
        assert done.returncode == 0, done
        told = {each["what"]: each for each in s.revision(revision)["steps"][-1]["facts"]["prediction"]}
        assert set(told) == {"requests newly refused", "requests newly allowed", "requests newly cut by a timeout", "known callers newly refused"}
        assert all(each["within"] for each in told.values()), told
        refused, allowed = told["requests newly refused"], told["requests newly allowed"]
        assert refused["seen"] == 0 and refused["of"] > 1500 and refused["seen_of"] > 1500
        if revision == "r2":
            assert abs(allowed["high"] / allowed["of"] - 0.556) < 0.06 and abs(allowed["seen"] / allowed["seen_of"] - 0.556) < 0.06, allowed
        else:
            assert (allowed["high"], allowed["seen"]) == (0, 0), allowed
        review = " ".join(line.strip("# ") for line in s.g.command("show", revision).stdout.splitlines() if line.startswith("#"))
        assert f"requests newly allowed: {allowed['high']:,} of {allowed['of']:,}; of {allowed['seen_of']:,} seen" in review, review
        assert "not as predicted" not in review


@pytest.mark.long   # eight changes, a shadow and a watch each
def test_of_each_kind_of_harmless_change_what_plan_predicted_is_what_is_seen(gateway, drill):
    upstreams = [drill("upstream", "--latency", "1ms", "--workers", "64", "--queue", "1000") for _ in range(2)]
    s = recorded(gateway, {**EVERY_CALLER, "rate": "60/s", "burst": 120}, *(each.port for each in upstreams))
    s.g.write(upstreams=[{"name": "main", "endpoints": [{"address": f"127.0.0.1:{each.port}", "weight": 8} for each in upstreams]}])
    assert s.apply("--now", "--reason", "weights, the same").returncode == 0
    for revision, (kind, change) in enumerate(HARMLESS.items(), start=3):
        config = copy.deepcopy(s.g.config)
        change(config)
        s.g.write(**config)
        with callers(s.g):
            done = s.apply("--fast", "--wait", "settled")
        assert done.returncode == 0, (kind, done)
        told = {each["what"]: each for each in s.revision(f"r{revision}")["steps"][-1]["facts"]["prediction"]}
        assert told["requests newly refused"]["of"] > 2000 and told["requests newly refused"]["seen_of"] > 1500, (kind, told)
        assert all(each["within"] for each in told.values()), (kind, told)
        assert all(each["seen"] == 0 for each in told.values()), (kind, told)


@pytest.mark.slow
def test_plan_decides_with_the_overrides_in_force(gateway):
    """The new limit would refuse nearly all; an override makes it observe."""
    wide = {**EVERY_CALLER, "rate": "100/s", "burst": 100}
    s = recorded(gateway, wide)
    s.g.write(limits=[{**wide, "rate": "6/min", "burst": 1}])
    laid = s.g.command("override", "add", "observe", "limit", "per-caller", "--author", "ada", "--reason", "trying it")
    assert laid.returncode == 0, laid
    with callers(s.g):
        assert s.apply("--wait", "none").returncode == 0
        s.reach("shadow")
        plan = plan_of(s)
        assert plan["result"] in ("passed", "unproven"), plan
        assert s.g.command("rollback", "--author", "ada").returncode == 0
        assert s.ended()["mechanism"] == "person"
    # Without it the same text is harm.
    name = next(iter(s.g.api("overrides")["overrides"]))["override"]
    assert s.g.command("override", "remove", name).returncode == 0
    done = s.apply("--retry", "--reason", "again")
    assert plan_of(s)["result"] == "failed" and done.returncode == 3, done


def test_a_change_does_not_widen_the_budget_that_judges_it(gateway):
    """What is live allows no harm; the change would let itself harm everybody."""
    wide = {**EVERY_CALLER, "rate": "100/s", "burst": 100}
    s = recorded(gateway, wide)
    s.g.write(limits=[{**wide, "rate": "6/min", "burst": 1}],
              rollout={**s.g.config["rollout"], "harm_budget": {"known_callers": 1_000_000, "requests": "100%"}})
    done = s.apply("--wait", "live")
    assert done.returncode == 3 and plan_of(s)["result"] == "failed", done
    # By itself, asked what it would do under its own budget, it is within it.
    by_hand = s.g.command("plan", str(s.g.file), "--recording", str(s.g.data), config=False)
    assert by_hand.returncode == 0, by_hand
