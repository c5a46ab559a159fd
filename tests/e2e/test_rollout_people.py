"""What people do about a change on its way: take it back in any stage, promote it, confirm it, protect it, put another in its place. What
pipelines may not."""
import json
import signal

import pytest
from harness.rollout import Apply, Staged, in_columns

LONG = {"shadow": "60s", "canary": [{"50%": "60s"}], "watch": "60s", "max_hold": "60s"}


@pytest.fixture
def on_its_way(gateway):
    """Stages that end only when somebody ends them, and a harmless file."""
    s = Staged(gateway, rules=LONG)
    s.learn()
    s.harmless()
    return s


@pytest.mark.parametrize("stage", ["shadow", "canary", "watch"])
def test_a_person_takes_it_back_in_any_stage_and_its_text_is_marked(on_its_way, stage):
    s, g = on_its_way, on_its_way.g
    waits = s.bring_to(stage)
    assert (s.live(), s.rollout["live"]) == (("r2", True) if stage == "watch" else ("r1", False))
    done = g.command("rollback", "--author", "ada", "--reason", "checkout fails")
    assert done.returncode == 0 and "r1 is live" in done.stdout, done
    assert ("it was not live yet: what was live stays" in done.stdout) == (stage != "watch")
    told = s.rollout
    assert (told["outcome"], told["mechanism"], told["by"], told["why"], told["exit_code"]) == (
        "rolled back" if stage == "watch" else "stopped", "person", "ada", "checkout fails", 3)
    code, screen, _ = waits.end()
    assert code == 3 and "by ada (person): checkout fails" in screen and screen.endswith("weir apply FILE --retry --reason WHY\n"), screen
    in_columns(screen)
    assert s.states() == {"r2": "taken_back" if stage == "watch" else "refused", "r1": "live"} and s.live() == "r1"
    assert s.stages("r2")[-2:] == [("canary 50 %" if stage == "canary" else stage, "ended"), ("review", told["outcome"])]
    assert told["frozen_left_s"] is None
    again = s.apply()
    assert again.returncode == 3 and "by ada: checkout fails" in again.stdout, again
    # It freezes nobody: pipelines go on with what is better.
    s.harmless(22)
    assert s.apply("--wait", "none").returncode == 0 and s.reach("shadow")["revision"] == "r3"


def test_what_pipelines_may_not_and_a_person_may(on_its_way):
    s, g = on_its_way, on_its_way.g
    assert s.apply("--wait", "none", "--protect", "--author", "bot").returncode == 0
    s.reach("shadow")
    refused = g.command("promote")
    assert refused.returncode == 1 and "promote is a person's" in refused.stderr + refused.stdout and "--person" in refused.stderr + refused.stdout, refused
    s.harmless(22)
    busy = s.apply()
    assert busy.returncode == 5 and "r2 is under way (shadow)" in busy.stdout and "A person may take its place" in busy.stdout, busy
    kept = g.command("rollback")
    assert kept.returncode == 1 and "r2 is protected: only a person rolls it back" in kept.stdout and "r1 is live" not in kept.stdout, kept
    for stage in ("canary", "watch"):
        assert g.command("promote", "--person").returncode == 0
        s.reach(stage)
    assert g.command("rollback").returncode == 1 and s.live() == "r2"
    assert "protected" in g.command("show", "r2").stdout
    # What came before it by name is a rollback too, and so is one of what has settled.
    assert g.command("rollback", "r1").returncode == 1 and s.live() == "r2"
    assert g.command("promote", "--person").returncode == 0 and s.ended()["outcome"] == "settled"
    for words in ((), ("r1",)):
        kept = g.command("rollback", *words)
        assert kept.returncode == 1 and "r2 is protected" in kept.stdout and s.live() == "r2", kept
    assert g.command("rollback", "--person").returncode == 0 and s.live() == "r1"


def test_a_person_puts_another_in_its_place_before_it_is_live_and_after(on_its_way):
    s, g = on_its_way, on_its_way.g
    first = Apply(g, "--author", "bot", "--wait", "settled")
    s.reach("shadow")
    s.harmless(22)
    done = s.apply("--person", "--author", "ada", "--wait", "none")
    assert done.returncode == 0, done
    now = s.reach("shadow")
    assert (now["revision"], now["before"]) == ("r3", "r1") and s.states() == {"r3": "candidate", "r2": "stopped", "r1": "live"}
    assert s.revision("r2")["ended_by"] == "ada" and "another change took its place" in s.revision("r2")["ended_reason"]
    assert first.end()[0] == 5, "whoever waited is told that another took its place"
    for stage in ("canary", "watch"):
        assert g.command("promote", "--person").returncode == 0
        s.reach(stage)
    s.harmless(23)
    assert s.apply("--person", "--author", "eve", "--wait", "none").returncode == 0
    now = s.reach("shadow")
    assert (now["revision"], now["before"]) == ("r4", "r3") and s.states() == {"r4": "candidate", "r3": "live", "r2": "stopped", "r1": "replaced"}
    # Nothing is held against what only had to make room.
    assert g.command("rollback").returncode == 0
    s.harmless(22)
    assert s.apply("--wait", "none").returncode == 0


def test_what_is_confirmed_stays_and_what_is_not_goes_by_itself(gateway):
    s = Staged(gateway, rules={"watch": "60s"})
    g = s.g
    s.harmless()
    nothing = g.command("confirm")
    assert nothing.returncode == 1 and "no change is under way" in nothing.stderr + nothing.stdout, nothing
    waits = Apply(g, "--now", "--reason", "outage", "--confirm-within", "1s", "--author", "ada", "--wait", "settled", "-o", "json")
    s.reach("watch")
    assert s.live() == "r2"
    told = s.ended(10)
    code, out, _ = waits.end()
    answer = json.loads(out)
    assert (code, answer["live"], answer["revision"], answer["hash"]) == (4, False, "r1", s.revision("r1")["hash"]) and answer["rollout"]["outcome"] == "rolled back"
    assert (told["outcome"], told["mechanism"], told["exit_code"], told["frozen_left_s"]) == ("rolled back", "unconfirmed", 4, None) and s.live() == "r1"
    assert "r2 is rolled back by weir: not confirmed in time; r1 is live again" in g.stderr()

    s.harmless(22)
    assert s.apply("--now", "--reason", "outage", "--confirm-within", "3s").returncode == 0
    assert "weir confirm" in g.command("status").stdout
    confirmed = g.command("confirm", "-o", "json")
    assert confirmed.returncode == 0 and json.loads(confirmed.stdout)["rollout"]["confirm_left_s"] is None
    began = s.rollout["stage_s"]
    g.eventually(lambda: s.rollout["stage_s"] > began + 3.5, what="its time to be confirmed to be over")
    assert s.live() == "r3" and s.rollout["outcome"] == "under way"
    twice = g.command("promote", "--person")
    assert twice.returncode == 0 and s.ended()["outcome"] == "settled"


@pytest.mark.slow
def test_what_nobody_confirmed_before_weir_was_killed_has_to_be_confirmed_after(gateway):
    s = Staged(gateway, rules={"watch": "60s"})
    g = s.g
    s.harmless()
    assert s.apply("--now", "--reason", "outage", "--confirm-within", "3s").returncode == 0 and s.live() == "r2"
    s.kill()
    g.start()
    assert s.reach("watch")["confirm_left_s"] is not None and s.live() == "r2"
    assert s.ended(10)["mechanism"] == "unconfirmed" and s.live() == "r1"

    s.harmless(22)
    assert s.apply("--now", "--reason", "outage", "--confirm-within", "3s").returncode == 0
    assert g.command("confirm").returncode == 0
    assert ("confirm", "passed") in s.stages("r3")
    s.kill()
    g.start()
    assert s.reach("watch")["confirm_left_s"] is None and s.live() == "r3"


def test_a_pipeline_queues_where_the_rules_say_so(gateway):
    s = Staged(gateway, rules={**LONG, "busy": "queue"})
    g = s.g
    s.learn()
    s.harmless()
    assert s.apply("--wait", "none").returncode == 0
    s.reach("shadow")
    s.harmless(22)
    waits = Apply(g, "--wait", "none")
    g.eventually(lambda: s.rollout["stage_s"] > 1, what="a while")
    assert s.rollout["revision"] == "r2" and waits.process.poll() is None, "it neither takes its place nor is refused"
    assert g.command("rollback").returncode == 0
    assert waits.end()[0] == 0 and s.reach("shadow")["revision"] == "r3"


def test_a_stale_change_and_a_broken_one_leave_alone_what_is_under_way(on_its_way):
    s, g = on_its_way, on_its_way.g
    waits = s.bring_to("canary")
    good = g.file.read_text()
    s.harmless(22)
    stale = s.apply("--base", "r2", "--person")
    assert stale.returncode == 5 and "it was made for r2, and r1 is live by now" in stale.stdout, stale
    g.file.write_text("version: 1\nroutes:\n  - {name: x\n")
    broken = g.command("apply", str(g.file), "--admin", str(g.data / "admin.sock"), "--person", config=False)   # which says not where it runs
    assert broken.returncode == 1 and "gateway.yaml:" in broken.stdout and "NOT APPLIED, r1 stays live and untouched" in broken.stdout, broken
    g.signal(signal.SIGHUP)
    g.eventually(lambda: "not applied, r1 stays live" in g.stderr(), what="HUP to be refused")
    g.file.write_text(good)
    assert (s.rollout["revision"], s.rollout["stage"], s.rollout["outcome"]) == ("r2", "canary", "under way")
    assert s.states() == {"r2": "candidate", "r1": "live"} and waits.process.poll() is None
    assert g.command("rollback").returncode == 0 and waits.end()[0] == 3


def test_a_hold_names_what_is_missing_and_ends_unpromoted(gateway):
    """Nobody calls: the canary has nobody to see. A hold of two seconds."""
    s = Staged(gateway, rules={"shadow": "30s", "canary": [{"50%": "1s"}], "watch": "60s", "max_hold": "4s"})
    g = s.g
    s.learn()
    s.harmless()
    waits = Apply(g, "--author", "ada")
    s.reach("shadow")
    held = g.command("promote", "--person", "--author", "ada")
    assert held.returncode == 0
    g.eventually(lambda: s.rollout["held_s"] is not None, what="the hold")
    now = s.rollout
    assert ("units", 0, 3) in [(each["kind"], each["has"], each["needs"]) for each in now["missing"]]
    status = g.command("status").stdout
    in_columns(status)
    assert "now: weir promote | weir rollback" in status and "callers with the change: 0 of 3" in " ".join(status.split()), status
    told = s.ended(10)
    assert (told["outcome"], told["mechanism"], told["exit_code"], told["live"]) == ("stopped", "hold", 4, False)
    code, screen, _ = waits.end()
    assert code == 4 and "r2 STOPPED in the canary of 50 % by weir (hold): not enough data within max_hold: " in screen and "units" in screen.splitlines()[3], screen
    in_columns(screen)
    # Nothing speaks against it: it is taken again as it is, and the last line says so.
    assert screen.splitlines()[-1] == "exit 4   next: weir show r2 | weir apply FILE"
    assert s.states() == {"r2": "stopped", "r1": "live"} and s.live() == "r1"
    assert s.apply("--wait", "none").returncode == 0
    s.reach("shadow")
    for stage in ("canary", "watch"):   # a person goes on without the data, and it is told as unproven
        assert g.command("promote", "--person", "--author", "ada").returncode == 0
        s.reach(stage)
    assert s.live() == "r3" and s.rollout["unproven"]


def test_a_shadow_that_lacks_requests_is_promoted_watched_where_the_rules_say_so(gateway):
    s = Staged(gateway, rules={"shadow": "1s", "canary": [{"50%": "1s"}], "watch": "60s", "max_hold": "1s", "on_not_enough_data": "promote_watched"})
    s.learn()
    s.harmless()
    done = s.apply("--wait", "live")
    assert done.returncode == 0 and s.live() == "r2", done
    in_columns(done.stdout)
    told = s.rollout
    shadow = told["finished"][2]
    assert (shadow["result"], told["unproven"], told["stage"]) == ("unproven", True, "watch") and "requests" in shadow["text"]
    assert " ? shadow" in done.stdout and "canary" not in done.stdout
