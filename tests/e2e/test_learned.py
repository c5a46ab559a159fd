"""Learned caps: a service's past is imported from a log, and its own rate holds it from the next configuration on; who has no
past meets the default; the follower decides all of it again. The figures are worked by hand: a peak of 4 requests a second,
three times that is 12/s, and two seconds of it, 24, at once."""
import datetime
import json
import signal
import time

import pytest
from harness.gateway import run_weir
from harness.raw import connect

IDENTITY = [{"name": "services", "service": {"header": "X-Service", "from": ["127.0.0.0/8"]}}]
LIMITS = [{"name": "service-cap", "key": "caller", "for": {"identity": ["services"]}, "learned": {"default": "5/s"}}]
FIELD = ("--log-format", "nginx-json", "--field", "identity:services=who")


def history(path, names, days=(3, 2), seconds=180, a_second=4):
    """`names` ask so often in each second of ten o'clock, so many days ago."""
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=10, minute=0, second=0, microsecond=0)
    lines = []
    for day in days:
        for second in range(seconds):
            at = today - datetime.timedelta(days=day) + datetime.timedelta(seconds=second)
            lines += [json.dumps({"time": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "remote_addr": "127.0.0.1", "who": name,
                                  "request": "GET /x HTTP/1.1", "status": "200"}) for name in names for _ in range(a_second)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def capped(gateway, upstream):
    return gateway(upstream(), identity=IDENTITY, limits=LIMITS, route={"limits": ["service-cap"]})


def import_log(g, log):
    done = g.command("import", "--log", str(log), *FIELD, "--report", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["taken"]


def ask(g, name, count, pause=0.0):
    """How many of them passed, and how long all took."""
    connection, passed, begin = connect(g.port), 0, time.monotonic()
    for _ in range(count):
        connection.send(b"GET /x HTTP/1.1\r\nHost: a\r\n" + (f"X-Service: {name}\r\n".encode() if name else b"") + b"\r\n")
        head, _ = connection.read_response()
        assert head.status in (200, 429)
        passed += head.status == 200
        time.sleep(pause)
    connection.close()
    return passed, time.monotonic() - begin


def limited_to(rate, burst, asked):
    passed, took = asked
    return burst <= passed <= burst + rate * took + 1


def explain(g, name):
    done = g.command("explain", "GET", "http://a/x", "-H", f"X-Service: {name}", "--client", "127.0.0.1")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_service_is_held_at_three_times_its_own_peak(capped, folder):
    g = capped
    assert limited_to(5, 10, ask(g, "billing", 30))   # nothing is known yet
    assert "5/s is the default: no history" in explain(g, "billing")

    assert import_log(g, history(folder / "old.log", ["billing", "mail"])) == 2 * 2 * 180 * 4
    g.signal(signal.SIGHUP)
    g.eventually(lambda: g.api("limits")["limits"][0]["learned"]["callers"] == 2)
    assert ask(g, "billing", 6, pause=0.25)[0] == 6   # its usual rate
    wild, took = ask(g, "billing", 60)                # fifteen times it
    assert 24 - 6 <= wild <= 24 + 12 * took + 1
    assert limited_to(5, 10, ask(g, "stranger", 30))
    assert ask(g, "mail", 12)[0] == 12                # the others are not touched by it
    assert ask(g, "", 40)[0] == 40                    # nor is who has no credential
    told = explain(g, "billing")
    assert "12/s is 3 × p99 of 4/s over 2 days" in told
    assert "5/s is the default: no history" in explain(g, "nobody-yet")
    shown = g.command("callers", "show", "billing")
    assert "4/s, its p99 by the second over 2 active days" in shown.stdout, shown.stdout

    total = 30 + 6 + 60 + 30 + 12 + 40
    g.eventually(lambda: g.metric("weir_replay_judged_total") == total, timeout=20, what="all is decided again")
    assert g.metric("weir_replay_mismatch_total") == 0

    # Its recording holds what was known: the same configuration refuses the same, under another one it is 24/s.
    g.stop()
    code, same = plan(g, "--recording", str(g.data))
    assert {each["what"] for each in same["input"]["cannot_judge"]} <= {"timeouts", "balance"}
    assert (code, same["requests"]["newly_refused"], same["requests"]["newly_allowed"]) == (0, 0, 0)
    g.write(limits=[{**LIMITS[0], "learned": {"default": "5/s", "times": 6}}])
    _, wider = plan(g, "--recording", str(g.data))
    assert wider["requests"]["newly_refused"] == 0
    assert 48 - wild <= wider["requests"]["newly_allowed"] <= 48 + 24 * took + 1 - wild   # two seconds of it are 48


def plan(g, *words):
    done = run_weir("plan", str(g.file), *words, "-o", "json", cwd=g.folder)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_the_cap_is_there_from_the_first_request_after_a_start(capped, folder):
    g = capped
    g.stop()
    import_log(g, history(folder / "old.log", ["billing"]))
    g.start()
    assert limited_to(12, 24, ask(g, "billing", 60))
    # What it does today teaches nothing today.
    g.stop()
    g.start()
    assert "12/s is 3 × p99 of 4/s over 2 days" in explain(g, "billing")


def test_a_plan_goes_by_what_was_known_before_its_input(gateway, folder):
    g = gateway(identity=IDENTITY, limits=LIMITS, start=False, route={"respond": {"status": 200}, "limits": ["service-cap"]})
    today = history(folder / "today.log", ["billing"], days=(1,), seconds=2, a_second=50)
    # Nobody knows billing's past: that is no answer, least of all a harmless one.
    code, report = plan(g, "--log", str(today), *FIELD)
    assert code == 4 and report["verdict"] == "not_enough_data", report
    unknown, = [each for each in report["input"]["cannot_judge"] if each["what"] == "learned"]
    assert unknown["requests"] == 100
    import_log(g, history(folder / "old.log", ["billing"]))
    # 50 at once, twice: 24 pass, then 12.
    code, report = plan(g, "--log", str(today), *FIELD)
    assert code == 3 and not [each for each in report["input"]["cannot_judge"] if each["what"] == "learned"]
    assert report["requests"]["newly_refused_high"] == 100 - 24 - 12
    # Spread over their second: twelve more in the first one.
    assert 100 - 24 - 2 * 12 - 1 <= report["requests"]["newly_refused_low"] <= 100 - 24 - 12
