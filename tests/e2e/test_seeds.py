"""Four real outages as pushes on the testbed T0: what weir plan says of them with yesterday's traffic at hand."""
import json

import pytest
from harness import t0
from harness.gateway import run_weir
from harness.seeds import PUSHES

HARMLESS, HARM = 0, 3


class Recorded:
    """T0's configuration and a data_dir that remembers a week of callers and a day of traffic."""

    def __init__(self, folder, **day):
        self.folder = folder
        self.past = t0.Past()
        t0.remember(folder, folder / "data", self.past.week(folder / "week.log"), self.past.day(folder / "day.log", **day))
        self.text = (folder / "gateway.yaml").read_text()

    def plan(self, text, *words):
        (self.folder / "candidate.yaml").write_text(text)
        return run_weir("plan", "candidate.yaml", "--base", "gateway.yaml", "--recording", "data", *words, cwd=self.folder, timeout=600)

    def judged(self, text):
        done = self.plan(text, "-o", "json")
        report = json.loads(done.stdout)
        assert report["exit"] == done.returncode and report["requests"]["judged"] == len(self.past.arrivals), done.stderr
        return done.returncode, report

    def refused_by_a_bucket(self, rate, burst, key):
        """How many a bucket that fills continuously refuses; `key` of an arrival: which bucket, None for none."""
        levels, refused = {}, 0
        for at, identity, caller, *_ in sorted(self.past.arrivals):
            if (bucket := key(identity, caller)) is None:
                continue
            level, then = levels.get(bucket, (burst, at))
            level = min(burst, level + (at - then) * rate)
            refused += level < 1
            levels[bucket] = (level - (level >= 1), at)
        return refused


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return Recorded(tmp_path_factory.mktemp("t0"))


@pytest.mark.parametrize("name", PUSHES)
def test_the_neighbour_of_each_push_is_harmless(recorded, name):
    code, report = recorded.judged(PUSHES[name].neighbour(recorded.text))
    assert code == HARMLESS, report["reasons"]
    assert report["requests"]["newly_refused"] == 0


def test_nothing_is_refused_where_nothing_is_changed(recorded):
    code, report = recorded.judged(recorded.text)
    assert code == HARMLESS and report["callers"]["known"] == report["callers"]["active"] == 2006


def refused_by(recorded, name, bucket):
    """Plan refuses the push, and for what its limit alone does."""
    push = PUSHES[name]
    text = push.candidate(recorded.text)
    code, report = recorded.judged(text)
    assert code == HARM, report["reasons"]
    refused = {limit["name"]: limit["refused"] for limit in report["limits"] if limit["refused"]}
    assert set(refused) == {push.what}
    # The log has milliseconds, so a few requests at the edge fall to the other side.
    assert refused[push.what] == pytest.approx(recorded.refused_by_a_bucket(*bucket), rel=0.005)
    assert report["callers"]["known_newly_refused"] > 1000
    said = recorded.plan(text).stdout
    assert said.startswith("HARM") and f"{push.what}  {push.harmful[0]} burst {push.harmful[1]}   refuses {refused[push.what]:,}" in said
    assert "known callers refused" in said.splitlines()[-1]


def test_000_a_limit_that_is_too_tight_is_refused_by_plan(recorded):
    refused_by(recorded, "limit-too-tight", (3, 6, lambda identity, caller: caller if identity == "partner" else None))


def test_002_a_shared_limit_below_what_all_ask_is_refused_by_plan(recorded):
    refused_by(recorded, "shared-limit-low", (190, 95, lambda identity, caller: "all"))


def test_003_a_timeout_below_what_auth_takes_is_refused_by_plan(recorded):
    text = PUSHES["auth-timeout"].candidate(recorded.text)
    code, report = recorded.judged(text)
    assert code == HARM and report["requests"]["newly_refused"] == 0, report["reasons"]
    cut, = (timeout for timeout in report["timeouts"] if timeout["high"] > 0)
    assert cut["route"] == "auth" and cut["phase"] == "response" and cut["timeout_ms"] == 12
    longer = [took > 0.012 for _, _, _, route, took in recorded.past.arrivals if route == "auth"]
    assert (cut["cut"], cut["of"]) == (sum(longer), len(longer))
    assert 0.15 < cut["cut_share"] < 0.25   # lognormal(8ms 0.5): 21 % above 12 ms, 19 % above 12.5, which the log rounds down
    assert "auth  response 12ms would cut" in recorded.plan(text).stdout


def test_004_weights_that_overload_an_endpoint_are_refused_by_plan(recorded):
    text = PUSHES["weights-wrong"].candidate(recorded.text)
    code, report = recorded.judged(text)
    assert code == HARM and report["requests"]["newly_refused"] == 0, report["reasons"]
    over = [part for part in report["balance"] if part["picks_per_s"] > 1.5 * part["sustained_per_s"]]
    assert [part["endpoint"] for part in over] == ["127.0.0.1:9201"]
    assert over[0]["share"] == pytest.approx(10 / 13, rel=0.001)
    # It gets 10/13 of what four have shared until now.
    assert over[0]["picks_per_s"] / over[0]["sustained_per_s"] == pytest.approx(10 / 13 * 4, rel=0.02)
    assert "127.0.0.1:9201" in recorded.plan(text).stdout


@pytest.mark.long
def test_the_same_over_a_day_of_two_and_a_half_million_requests(tmp_path):
    """A minute of every ten at T0's full rate."""
    recorded = Recorded(tmp_path, every=600)
    assert len(recorded.past.arrivals) > 2_500_000
    for name, push in PUSHES.items():
        assert recorded.judged(push.neighbour(recorded.text))[0] == HARMLESS, name
    test_000_a_limit_that_is_too_tight_is_refused_by_plan(recorded)
    test_002_a_shared_limit_below_what_all_ask_is_refused_by_plan(recorded)
    test_003_a_timeout_below_what_auth_takes_is_refused_by_plan(recorded)
    test_004_weights_that_overload_an_endpoint_are_refused_by_plan(recorded)
