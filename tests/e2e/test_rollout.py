"""A harmless change on its way: check, plan, shadow, canary, live and watched, settled. What is told of it, in which words, and that
nobody but who looks at it notices."""
import json
import re
import signal
import socket
import time

import pytest
from harness.ports import free_port
from harness.rollout import Apply, Staged, callers, in_columns, masked
from harness.traffic import Traffic


def clock(seconds):
    """A time as the screens write it: 9.4 s, 12 s, 1m07s."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60}m{whole % 60:02}s"


STAGES = """\
 ✓ check  N errors, N warnings  N s
 ? plan  nothing is recorded (unproven)  N s
 ✓ shadow  N requests: N differ  N s
 ✓ canary  N %  N requests, N callers: nothing worse  N s
"""
APPLIED = STAGES + """\
r2 SETTLED
r2 ← r1 by ops  N changes, class timeout: defaults.timeouts.response Ns → Ns, …
 ✓ watch  N requests: nothing worse  N s
next: weir show r2 | weir history
"""
HISTORY = """\
         came  by  way  then
▸ r2  T  ops  apply  live
         slow reports
  r1  T  start  start  until T
next: weir show rN | weir diff rN | weir rollback rN
"""
SHOWN = """\
# r2  live
# came T by ops (apply), when r1 was live
# slow reports
# hash H
# T  check  passed  N errors, N warnings
# T  plan  unproven  nothing is recorded (unproven)
# T  shadow  passed  N requests: N differ
# T  canary N %  passed  N requests, N callers: nothing worse
# T  live
# T  watch  passed  N requests: nothing worse
# T  review  settled
# r2 by ops: settled
# What changed
#  defaults.timeouts.response: Ns → Ns
#  routes.all.timeouts.response: Ns → Ns
#  because: slow reports
# What plan said
#  nothing is recorded (unproven)
# What was seen
#  shadow: N requests: N differ (N s)
#  canary N %: N requests, N callers: nothing worse (N s)
#  watch: N requests: nothing worse (N s)
#  bad: N %, control N %, evidence N of N
#  refused: N %, control N %, evidence N of N
#  slow: N %, control N %, evidence N of N
#  volume: N %, control N %, evidence N of N
# Who was hurt
#  nobody that the judge could see
# What stayed unproven
#  plan: nothing is recorded (unproven)
"""
DIFF = """\
r1 → r2  N changes
  ~ defaults.timeouts.response  Ns → Ns
  ~ routes.all.timeouts.response  Ns → Ns
"""


def layout(text):
    """Whether a stage waited for its last requests is the machine's speed."""
    in_columns(text)
    return masked(text).replace("; after a hold", "")


@pytest.mark.slow
def test_a_harmless_change_goes_through_every_stage_is_settled_and_costs_no_request(gateway, drill):
    """The shadow asks for what a minute brings at the rate before it: 1,300 requests in about 5 s are 260/s, so 15,600 at most."""
    upstream = drill("upstream", "--latency", "1ms", "--workers", "64", "--queue", "1000")
    s = Staged(gateway, upstream.port)
    g = s.g
    began = time.monotonic()
    s.learn(1300, 1300, callers=250)
    old = [g.connect() for _ in range(20)]
    ask = b"GET /x HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n"
    for connection in old:
        connection.send(ask)
        assert connection.read_response()[0].status == 200
    time.sleep(max(0.0, 5 - (time.monotonic() - began)))
    s.harmless()
    with callers(g, "3000/s", callers=250) as load, Traffic(g, threads=2, pause=0.02) as new:   # which opens a connection for each request
        apply = Apply(g, "--wait", "settled", "--author", "ops", "--reason", "slow reports")
        seen = []
        while apply.process.poll() is None:
            now = s.rollout
            if now and (not seen or seen[-1] != (now["stage"], now["share"], now["live"])):
                seen.append((now["stage"], now["share"], now["live"]))
            time.sleep(0.1)
        code, screen, errors = apply.end()
    assert code == 0 and errors == "", (code, screen, errors)
    endings = {what: count for what, count in load.told["endings"].items() if count and what != "never_sent"}   # when it was told to end
    assert set(new.statuses) == {200} and len(new.statuses) > 500
    assert endings == {"answered": load.told["sent"]} and load.told["statuses"] == {"200": load.told["sent"]}, (load.told["endings"], g.api("status")["requests"]["by_cause"], g.stderr())
    for connection in old:   # opened before the change
        connection.send(ask)
        assert connection.read_response()[0].status == 200
        connection.close()
    seen = [each for each in seen if each[0] not in ("check", "plan") and each != ("watch", 0, False)]   # a moment each, while an order is carried out
    assert seen == [("shadow", 0, False), ("canary", 0.04, False), ("watch", 1, True)]

    # What is printed stands in the JSON, and every stage is told once.
    told = s.rollout
    check, plan, shadow, canary, watch = told["finished"]
    assert (told["outcome"], told["exit_code"], told["forced"], told["mechanism"]) == ("settled", 0, False, "none")
    lines = [line for line in screen.splitlines() if line[:2] in (" ✓", " ?")]
    wanted = [(" ✓ check", "0 errors, 0 warnings", check), (" ? plan", "nothing is recorded (unproven)", plan),
              (" ✓ shadow", f"{shadow['requests']:,} requests: {shadow['differ']} differ", shadow),
              (f" ✓ canary    {100 * canary['share']:g} %", f"{canary['requests']:,} requests, {canary['units']} callers: nothing worse", canary),
              (" ✓ watch", f"{watch['requests']:,} requests: nothing worse", watch)]
    for line, (label, text, stage) in zip(lines, wanted, strict=True):
        assert line.startswith(label) and line[18:].startswith(text) and line.endswith(" " + clock(stage["took_s"])), (line, stage)
    assert len({len(line) for line in lines}) == 1, "the times stand below one another"
    # Each stage saw what was sent meanwhile, so that figures are no invention: of 251 callers 4 % are 10 on average.
    assert shadow["requests"] > 1000 and shadow["units"] == 251 and shadow["differ"] == 0
    assert 3 <= canary["units"] <= 40 and canary["took_s"] >= 3 and shadow["took_s"] >= 4 and watch["took_s"] >= 8
    assert canary["requests"] < 0.2 * 3000 * canary["took_s"] and watch["requests"] > 0.9 * 3000 * 8 * 0.5

    assert layout(screen) == APPLIED
    assert layout(g.command("history").stdout) == HISTORY
    shown = g.command("show", "r2").stdout
    assert layout(shown[:shown.index("\n{\n") + 1]) == SHOWN and shown.endswith(g.file.read_text())
    assert layout(g.command("diff", "r1", "r2").stdout) == DIFF
    assert s.stages("r2") == [("check", "passed"), ("plan", "unproven"), ("shadow", "passed"), ("canary 4 %", "passed"), ("live", ""),
                              ("watch", "passed"), ("review", "settled")]
    review = s.revision("r2")["steps"][-1]["facts"]
    assert [stage["requests"] for stage in review["finished"]] == [stage["requests"] for stage in told["finished"]]
    row = s.g.api("revisions")["revisions"][0]
    assert row["settled_at"] >= row["at"] and not row["forced"]
    changes = g.api("status")["changes"]
    assert (changes["applied"], changes["refused"]) == (1, 0) and changes["last"]["live"]
    assert g.stderr().count("r2 is live") == 1 and g.stderr().count("r2 is settled") == 1


PRESENT = """\
r2 ← r1 by root  N changes, class timeout: defaults.timeouts.response Ns → Ns, …
 ✓ check  N errors, N warnings  N s
 ? plan  nothing is recorded (unproven)  N s
 » shadow  N requests: N differ; promoted by ada  N s
 ▸ canary  N %  N requests, N callers  N s of N s
     bad share  N %  control N %  evidence N, rolls back at N
     known refused  N %  control N %  evidence N
     slower than p99 N %  control N %  evidence N
     gone silent  N %  control N %  evidence N
     not seen yet  GET on all · N of the top N callers (watched singly)
next: live in N s  now: weir promote | weir rollback
"""


def test_whom_apply_waits_for_is_said_and_ctrl_c_leaves_the_change_alone(gateway):
    """1,500 requests, then none: the stages are promoted by hand."""
    s = Staged(gateway, rules={"shadow": "60s", "canary": [{"50%": "60s"}], "watch": "60s"})
    g = s.g
    s.learn()
    s.harmless()
    apply = Apply(g)
    s.reach("shadow")
    apply.process.send_signal(signal.SIGINT)
    code, screen, errors = apply.end()
    assert code == 130 and "detached: the change goes on" in errors and "weir rollback" in errors, (code, screen, errors)
    assert s.rollout["outcome"] == "under way" and s.rollout["stage"] == "shadow"

    # The same text again is the same change, told at once, and waits with it.
    again = s.apply("--wait", "none")
    assert again.returncode == 0 and again.stdout == "r2 is on its way, r1 stays live until then\nnext: weir status | weir promote | weir rollback\n", again
    live, settled = Apply(g, "--wait", "live"), Apply(g, "--wait", "settled", "-o", "json")
    g.eventually(lambda: s.rollout["judge"] is not None, what="the judge to begin")
    now = g.command("promote", "--person", "--author", "ada")
    assert now.returncode == 0
    screen, told = now.stdout, s.reach("canary")   # nobody calls: but for the clock it says the same
    assert layout(screen) == PRESENT.replace("root", told["author"])
    lines = [re.sub(" +", " ", line) for line in screen.splitlines()]
    bad, refused, slow, volume = told["judge"]["guards"]
    for name, guard in (("bad share", bad), ("known refused", refused), ("slower than p99", slow), ("gone silent", volume)):
        wanted = f" {name} {100 * guard['share']:.1f} % control {100 * guard['control_share']:.1f} % evidence {guard['evidence']:.1f}"
        assert [line for line in lines if line.startswith(wanted)], (wanted, lines)
    assert f", rolls back at {told['judge']['rolls_back_at']:,}" in screen
    assert f"▸ canary {100 * told['share']:g} % {told['requests']} requests, {told['units']} callers" in "\n".join(lines)
    assert f"{told['not_seen'][0]} · {told['callers_not_seen']} of the top 100 callers" in screen
    assert g.command("promote", "--person", "--author", "ada").returncode == 0
    s.reach("watch")
    code, screen, _ = live.end()
    assert code == 0 and " » shadow" in screen and " » canary   50 %" in screen and "promoted by ada" in screen, screen
    in_columns(screen)
    assert settled.process.poll() is None and s.live() == "r2"
    assert g.command("promote", "--person", "--author", "ada").returncode == 0
    code, told, _ = settled.end()
    told = json.loads(told)
    assert code == 0 and told["live"] and told["under_way"] == "r2" and told["rollout"]["outcome"] == "settled" and told["rollout"]["unproven"]
    assert (told["revision"], told["hash"]) == ("r2", s.revision("r2")["hash"])
    assert [row for row in s.states()] == ["r2", "r1"]
    assert [verdict for _, verdict in s.stages("r2")] == ["passed", "unproven", "promoted", "promoted", "", "promoted", "settled"]


def test_a_change_that_nobody_watches_goes_live_after_its_shadow(gateway):
    s = Staged(gateway, rules={"canary": [], "watch": "none"})
    s.learn()
    s.harmless()
    waits = Apply(s.g, "--person", "--wait", "settled")
    s.reach("shadow")
    assert s.g.command("promote", "--person").returncode == 0
    assert s.ended()["outcome"] == "settled" and s.live() == "r2"
    assert waits.end()[0] == 0
    assert s.g.get("/x")[1] == b"ok"
    assert s.states() == {"r2": "live", "r1": "replaced"}


def test_a_revision_that_was_never_live_is_nothing_to_return_to(gateway):
    s = Staged(gateway)
    s.learn()
    s.harmless()
    waits = Apply(s.g, "--person", "--wait", "settled")
    s.reach("shadow")
    assert s.g.command("rollback", "--author", "ada", "--reason", "not yet").returncode == 0
    waits.end()
    done = s.g.command("rollback", "r2", "--author", "ci")
    assert done.returncode == 1 and "r2 never was live" in done.stdout + done.stderr and "--retry" in done.stdout + done.stderr, done
    assert s.live() == "r1"


def test_a_port_that_was_taken_meanwhile_stops_a_change_before_the_history_calls_it_live(gateway):
    s = Staged(gateway)
    s.learn()
    port = free_port()
    s.g.write(listeners=[*s.g.config["listeners"], {"name": "second", "address": f"127.0.0.1:{port}"}])
    waits = Apply(s.g, "--person", "--wait", "settled")
    s.reach("shadow")
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert s.g.command("promote", "--person").returncode == 0
        ended = s.ended()
    assert (ended["outcome"], ended["mechanism"]) == ("stopped", "failed") and str(port) in ended["why"], ended
    assert waits.end()[0] == 1
    assert s.live() == "r1" and s.states()["r1"] == "live"
