"""Four real outages as pushes on the running testbed T0, with no recorded day for a plan to go by: which stage stops each, and by
what. Then forced past all stages: how soon each is taken back, and how many users felt it.

With --all the stages are as long as they are by default, and each push is forced five times; SEEDS_RUNS says how often else."""
import os
import statistics
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness.seeds import PUSHES
from harness.testbed import Harm, Testbed

pytestmark = pytest.mark.alone

# A minute of picks is what the load of an endpoint is told by.
SHORT = {"shadow": "65s", "canary": [{"1%": "20s"}, {"5%": "20s"}, {"25%": "20s"}], "watch": "5m", "max_hold": "5s"}
HELD, HARM = 4, 3
CAUSES = {"limit-too-tight": {"limit_rejected"}, "shared-limit-low": {"limit_rejected"}, "auth-timeout": {"response_timeout"},
          "weights-wrong": {"response_timeout", "upstream_error"}}


@contextmanager
def running(rollout, warm):
    """T0 with `rollout`, after so many seconds of traffic. Its folder has a short path: unix sockets have room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="weir-seeds-") as folder:
        bed = Testbed(Path(folder), rollout)
        try:
            time.sleep(warm)
            yield bed
        finally:
            bed.stop()


@pytest.fixture(scope="module")
def bed():
    with running(SHORT, warm=15) as bed:
        yield bed


def push(bed, text, *words, timeout=1500):
    """Applies it and waits for the end: (exit code, the rollout as it ended, when it began)."""
    began = time.time()
    done = bed.command("apply", bed.candidate(text), "-o", "json", "--person", "--reason", "a push", "--wait", "settled", *words, timeout=timeout)
    rollout = bed.rollout()
    assert rollout["exit_code"] == done.returncode, (done.returncode, done.stdout, done.stderr)
    return done.returncode, rollout, began


def felt(bed, name, rollout, since):
    return Harm(bed.exchanges(since), rollout["revision"], lambda line: line["cause"] in CAUSES[name])


def told(name, rollout):
    return f"{name}: {rollout['outcome']} in {rollout['stage']} by {rollout['mechanism']}: {rollout['why']}"


@pytest.mark.parametrize("name", ["limit-too-tight", pytest.param("shared-limit-low", marks=pytest.mark.long)])
def test_a_limit_that_refuses_known_callers_fails_in_shadow(bed, name):
    code, rollout, began = push(bed, PUSHES[name].candidate(bed.text))
    assert (code, rollout["outcome"], rollout["stage"], rollout["mechanism"]) == (HARM, "stopped", "shadow", "predictive"), told(name, rollout)
    failure = rollout["judge"]["failure"]
    assert (failure["kind"], failure["stage"]) == ("refused", "shadow")
    assert rollout["judge"]["refused"]["net"] > 0 and rollout["judge"]["refused"]["callers"] >= 5
    assert felt(bed, name, rollout, began).requests == 0   # nobody was answered under it


def test_a_timeout_below_what_auth_takes_fails_before_five_per_cent(bed):
    code, rollout, began = push(bed, PUSHES["auth-timeout"].candidate(bed.text))
    assert (code, rollout["outcome"]) == (HARM, "stopped"), told("auth-timeout", rollout)
    if rollout["stage"] == "shadow":
        assert rollout["mechanism"] == "predictive" and rollout["judge"]["failure"]["kind"] == "cut"
    else:
        assert rollout["stage"] == "canary" and rollout["mechanism"] in ("guard", "predictive")
        assert [each["share"] for each in rollout["finished"] if each["stage"] == "canary"] == [0.01]
    harm = felt(bed, "auth-timeout", rollout, began)
    assert harm.hurt <= 0.001 * 300 * 3600   # a thousandth of an hour's requests


@pytest.mark.long   # a shadow and a hold
def test_weights_that_overload_an_endpoint_are_held_by_what_it_never_bore(bed):
    code, rollout, began = push(bed, PUSHES["weights-wrong"].candidate(bed.text))
    assert (code, rollout["outcome"], rollout["stage"], rollout["mechanism"]) == (HELD, "stopped", "shadow", "hold"), told("weights-wrong", rollout)
    hot = next(each for upstream in bed.api("upstreams")["upstreams"] if upstream["name"] == "catalog" for each in upstream["endpoints"][:1])
    load, = (each for each in rollout["missing"] if each["kind"] == "load")
    assert load["subject"] == hot["name"] and load["needs"] > load["has"] > 0, rollout["missing"]
    assert "load" in rollout["why"]
    assert felt(bed, "weights-wrong", rollout, began).requests == 0


def test_forced_it_is_taken_back_by_itself(bed):
    seconds, share = forced(bed, "limit-too-tight")
    assert seconds <= 60 and share < 1


def forced(bed, name):
    """(seconds from going live to the rollback, share of the active users who felt it)"""
    code, rollout, began = push(bed, PUSHES[name].candidate(bed.text), "--now", "--retry")
    harm = felt(bed, name, rollout, began)
    print(f"{told(name, rollout)}\n   live for {harm.seconds:.1f} s, {harm.hurt} of {harm.requests} requests, "
          f"{len(harm.callers_hurt)} of {len(harm.callers)} users ({harm.share_of_users:.1%})")
    assert (code, rollout["outcome"]) == (HARM, "rolled back")
    assert rollout["mechanism"] in ("predictive", "guard") and rollout["forced"]
    return harm.seconds, harm.share_of_users


@pytest.mark.long
@pytest.mark.parametrize("name", PUSHES)
def test_forced_each_is_taken_back_within_a_minute(name):
    """Each run on a testbed of its own: the harm of one is no past for the next, and no endpoint is out from before."""
    runs = []
    for _ in range(int(os.environ.get("SEEDS_RUNS", "5"))):
        with running({}, warm=30) as bed:
            runs.append(forced(bed, name))
    seconds, share = (statistics.median(each) for each in zip(*runs, strict=True))
    print(f"{name}: medians of {len(runs)} runs: {seconds:.1f} s, {share:.1%} of the users")
    assert seconds <= 60


@pytest.mark.long
def test_each_is_stopped_by_stages_of_full_length():
    with running({"max_hold": "1m"}, warm=60) as bed:
        for name in ("limit-too-tight", "shared-limit-low"):
            test_a_limit_that_refuses_known_callers_fails_in_shadow(bed, name)
        test_a_timeout_below_what_auth_takes_fails_before_five_per_cent(bed)
        test_weights_that_overload_an_endpoint_are_held_by_what_it_never_bore(bed)


@pytest.mark.long
@pytest.mark.parametrize("name", PUSHES)
def test_the_neighbour_of_each_is_not_stopped_in_shadow(name):
    """Nor for lack of data: it goes on to the canary, where a person takes it back."""
    with running({}, warm=20) as bed:
        bed.command("apply", bed.candidate(PUSHES[name].neighbour(bed.text)), "--person", "--reason", "a push", "--wait", "none")
        until = time.time() + 300
        while (rollout := bed.rollout())["stage"] in ("check", "plan", "shadow") and rollout["outcome"] == "under way":
            assert time.time() < until, rollout["missing"]
            time.sleep(1)
        assert (rollout["outcome"], rollout["stage"]) == ("under way", "canary"), told(name, rollout)
        assert next(each for each in rollout["finished"] if each["stage"] == "shadow")["result"] == "passed"
