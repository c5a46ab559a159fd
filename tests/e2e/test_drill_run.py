"""weir drill run: scenarios with real processes, from the file to the report; no process is left behind, however it ends."""
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from harness.gateway import ROOT, binary, run_weir

GATEWAY = """\
version: 1
listeners: [{name: public, address: 127.0.0.1:8080, trusted_proxies: [127.0.0.0/8]}]
admin: {address: 127.0.0.1:9347}
data_dir: /var/lib/weir
identity:
  - {name: partner, api_key: {header: X-Api-Key, file: keys.yaml}}
  - {name: services, service: {header: X-Service, from: [127.0.0.0/8]}}
defaults: {timeouts: {connect: 300ms, response: 400ms, idle: 1s, total: 2s}}
limits: [{name: per-caller, key: caller, rate: 500/s, burst: 500}]
upstreams:
  - {name: orders, ejection: false, endpoints: [127.0.0.1:9001, {address: 127.0.0.1:9002, weight: 1}]}
routes:
  - {name: orders, match: {path: /orders/*}, upstream: orders, limits: [per-caller], auth: {require: [partner, services]}}
  - {name: open, match: {path: /open/*}, upstream: orders, limits: [per-caller]}
"""


def scenario(duration="2s", events="[]", expect="[]", links="[]", traffic=None, behaviour="{workers: 8, latency: 5ms}"):
    traffic = traffic or "[{name: all, rate: 100/s, arrivals: constant, requests: [{name: read, path: /open/1}]}]"
    return (f"version: 1\ngateway: gateway.yaml\nduration: {duration}\n"
            f"upstreams: [{{name: orders, endpoints: [127.0.0.1:9001, 127.0.0.1:9002], behaviour: {behaviour}}}]\n"
            f"links: {links}\ntraffic: {traffic}\nevents: {events}\nexpect: {expect}\n")


def processes_of(marker):
    """Processes that have `marker` in their command line or environment."""
    found = []
    for path in Path("/proc").iterdir():
        try:
            if path.name.isdigit() and marker.encode() in (path / "cmdline").read_bytes() + (path / "environ").read_bytes():
                found.append(int(path.name))
        except OSError:
            pass
    return [pid for pid in found if pid != os.getpid()]


@pytest.fixture
def run(folder):
    """run(scenario, *words): (exit code, report as JSON or None, standard error). Checks that nothing is left behind."""
    (folder / "gateway.yaml").write_text(GATEWAY)
    temporary = folder / "tmp"
    temporary.mkdir()

    def make(text, *words, gateway=None):
        if gateway:
            (folder / "gateway.yaml").write_text(gateway)
        (folder / "scenario.yaml").write_text(text)
        done = run_weir("drill", "run", "scenario.yaml", "-o", "json", *words, cwd=folder, timeout=60, env={"TMPDIR": str(temporary)})
        assert processes_of(str(temporary)) == []
        assert list(temporary.iterdir()) == []
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr
    return make


def test_a_scenario_that_comes_as_expected(run):
    code, report, errors = run(scenario(expect="[{good: 100%, requests: 199, p99: ..200ms}, {from: 1s, to: 2s, request: read, traffic: all, "
                                               "outcomes: {\"200\": 100%}, requests: 99..101}]"))
    assert code == 0, (report, errors)
    assert (report["verdict"], report["met"], report["expected"]) == ("met", 2, 2)
    assert report["all"]["requests"] == 199 and report["all"]["outcomes"] == {"200": 199}   # 10 ms, 20 ms, … 1,990 ms
    assert sum(u["requests"] for u in report["upstreams"]) == 199
    assert {u["endpoint"] for u in report["upstreams"]} == {"127.0.0.1:9001", "127.0.0.1:9002"}


def test_what_is_not_met_is_exit_99_and_says_what_came_and_where_it_is_written(run, folder):
    code, report, _ = run(scenario(expect="[{good: ..50%}, {p50: 1s..}, {requests: 1000..}, {outcomes: {reset: 1..}}, {good: 99..%}]"))
    assert code == 99 and report["verdict"] == "not_met"
    assert [e["met"] for e in report["expectations"]] == [False, False, False, False, True]
    part = report["expectations"][0]["parts"][0]
    assert part["came"] == "100.00 % (199 of 199)" and part["line"] == 8
    text = run_weir("drill", "run", "scenario.yaml", cwd=folder, timeout=60)
    assert text.returncode == 99 and text.stdout.startswith("NOT MET   1 of 5 expectations met")
    assert "✗ good 0..50%" in text.stdout and "scenario.yaml:8" in text.stdout and max(map(len, text.stdout.split("\n"))) <= 100


def test_an_upstream_changes_and_the_windows_tell(run):
    code, report, errors = run(scenario(duration="3s", events="[{at: 1s, upstream: orders, change: {errors: 100%, error_status: 503}}, "
                                                              "{at: 2s, endpoint: 127.0.0.1:9001, change: {errors: 0%}}]"))
    assert code == 0, errors
    first, second, third = report["phases"]
    assert first["good_share"] >= 0.98 and second["outcomes"].get("503", 0) >= 95 and 0.35 < third["good_share"] < 0.65
    assert [event["what"] for event in report["events"]] == ["orders: {errors: 100%, error_status: 503}", "127.0.0.1:9001: {errors: 0%}"]
    assert report["verdict"] == "nothing_expected"


@pytest.mark.alone   # half a second is for the change
def test_the_gateway_is_changed_as_an_operator_would(run):
    code, report, errors = run(scenario(
        duration="3s", events="[{at: 1s, name: too tight, gateway: {limits.per-caller.rate: 10/s, limits.per-caller.burst: 1}}]",
        expect="[{to: 900ms, good: 100%}, {from: 1500ms, outcomes: {limit_rejected: 85..95%}}]"))   # 10 of 100 a second
    assert code == 0, (report, errors)
    assert report["events"][0]["what"] == "too tight"


def test_a_change_that_the_gateway_does_not_take_ends_in_a_broken_run(run):
    code, report, errors = run(scenario(events="[{at: 500ms, gateway: {limits.per-caller.rate: fast}}]", expect="[{good: 100%}]"))
    assert code == 1 and report["verdict"] == "broken" and report["met"] == 1
    assert "is not a rate" in report["events"][0]["problem"] and "is not a rate" in errors


@pytest.mark.alone   # half a second is for the change
def test_another_configuration_is_applied(run, folder):
    (folder / "closed.yaml").write_text(GATEWAY.replace("match: {path: /open/*}, upstream: orders", "match: {path: /open/*}, respond: {status: 410}"))
    code, report, errors = run(scenario(events="[{at: 1s, apply: closed.yaml}]", expect="[{to: 900ms, good: 100%}, {from: 1500ms, outcomes: {\"410\": 100%}}]"))
    assert code == 0, (report, errors)


def test_a_link_gets_a_fault_and_loses_it(run):
    code, report, errors = run(scenario(
        duration="4s", links="[{name: way, before: orders}]",
        events="[{at: 1s, link: way, faults: [reset]}, {at: 2s, link: way, faults: []}]",
        expect="[{to: 900ms, good: 100%}, {from: 1200ms, to: 2s, outcomes: {upstream_closed: 100%}}, {from: 2500ms, good: 100%}]"))
    assert code == 0, (report, errors)
    assert len(report["links"]) == 2 and sum(link["resets"] for link in report["links"]) >= 80


def test_a_link_before_the_gateway_is_what_clients_feel(run):
    code, report, errors = run(scenario(links="[{name: street, before: gateway, faults: [delay 100ms up]}, {name: way, before: 127.0.0.1:9001}]",
                                        expect="[{p50: 100ms..180ms, good: 100%}]"))
    assert code == 0, (report, errors)
    assert [link["endpoint"] for link in report["links"]] == ["127.0.0.1:9001", "gateway"]


def test_a_process_dies_comes_back_freezes_and_thaws(run):
    code, report, errors = run(scenario(
        duration="6s", events="[{at: 1s, kill: 127.0.0.1:9001}, {at: 2s, start: 127.0.0.1:9001}, {at: 3s, freeze: 127.0.0.1:9002}, {at: 4s, thaw: 127.0.0.1:9002}]",
        expect="[{to: 900ms, good: 100%}, {from: 1100ms, to: 2s, good: 50..%}, {from: 2300ms, to: 3s, good: 100%}, "
               "{from: 3s, to: 3500ms, outcomes: {response_timeout: 20..80%}}, {from: 5s, good: 100%}]"))
    assert code == 0, (json.dumps(report, indent=1), errors)


def test_a_process_is_started_at_the_moment_it_is_killed(run):
    code, report, errors = run(scenario(duration="3s", events="[{at: 1s, kill: 127.0.0.1:9001}, {at: 1s, start: 127.0.0.1:9001}]",
                                        expect="[{from: 2s, good: 100%}]"))
    assert code == 0, (report, errors)


def test_what_is_asked_of_an_endpoint_that_is_being_started_waits_for_it(run):
    code, report, errors = run(scenario(
        duration="5s", events="[{at: 500ms, kill: 127.0.0.1:9001}, {at: 1s, start: 127.0.0.1:9001}, "
                              "{at: 1s, endpoint: 127.0.0.1:9001, change: {errors: 100%}}, {at: 1s, freeze: 127.0.0.1:9001}, {at: 2s, thaw: 127.0.0.1:9001}]",
        expect="[{from: 4s, outcomes: {\"500\": 20..80%}}]"))   # every other one
    assert code == 0, (report, errors)
    assert len(report["events"]) == 5 and not any("problem" in event for event in report["events"])


@pytest.mark.alone   # 200 ms are for the change, and each event is told within its second
def test_a_frozen_endpoint_holds_up_neither_the_others_nor_what_comes_next(run):
    code, report, errors = run(scenario(
        duration="5s", events="[{at: 500ms, freeze: 127.0.0.1:9001}, {at: 1s, upstream: orders, change: {errors: 100%}}, {at: 3s, thaw: 127.0.0.1:9001}]",
        expect="[{to: 400ms, good: 100%}, {from: 1200ms, to: 2900ms, good: 0%, outcomes: {\"500\": 30..70%}}, {from: 4s, outcomes: {\"500\": 100%}}]"))
    assert code == 0, (report, errors)
    # The frozen one takes the change when it goes on.
    when = {event["what"].split()[0]: event["at_s"] for event in report["events"]}
    assert 3 <= when["orders:"] < 4 and 0.5 <= when["freeze"] < 1 and 3 <= when["thaw"] < 4, when


def test_callers_prove_who_they_are_and_come_from_their_networks(run):
    traffic = ("[{name: partners, rate: 60/s, callers: {count: 20, prefix: app, identity: partner, networks: 5}, requests: [{name: write, method: POST, "
               "path: /orders/1, body: 2KiB, headers: {X-Tenant: a}}]}, "
               "{name: workers, rate: 30/s, callers: {names: [billing, mail], identity: services}, requests: [{name: read, path: /orders/1}]}, "
               "{name: nobody, rate: 30/s, requests: [{name: blocked, path: /orders/1}]}]")
    code, report, errors = run(scenario(traffic=traffic, expect="[{traffic: partners, good: 100%}, {traffic: workers, good: 100%}, "
                                                                "{traffic: nobody, outcomes: {auth_denied: 100%}}]"))
    assert code == 0, (report, errors)
    assert [t["name"] for t in report["traffic"]] == ["partners", "workers", "nobody"]


def test_traffics_may_have_the_same_callers(run):
    callers = "callers: {count: 3, prefix: app, identity: partner}"
    traffic = (f"[{{name: reads, rate: 50/s, {callers}, requests: [{{name: read, path: /orders/1}}]}}, "
               f"{{name: writes, rate: 50/s, {callers}, requests: [{{name: write, method: POST, path: /orders/1}}]}}]")
    code, report, errors = run(scenario(duration="1s", traffic=traffic, expect="[{traffic: reads, good: 100%}, {traffic: writes, good: 100%}]"))
    assert code == 0, (report, errors)


def test_rates_bursts_noise_and_changes_of_them(run):
    traffic = ("[{name: calm, rate: 50/s, requests: [{name: a, weight: 3, path: /open/a}, {name: b, path: /open/b}]}, "
               "{name: bursty, rate: 80/s, burst: {mean: 4, gap: exponential(10ms)}, noise: 15%, requests: [{name: c, path: /open/c}]}]")
    code, report, errors = run(scenario(duration="6s", traffic=traffic, events="[{at: 3s, traffic: calm, rate: 200/s}]",
                                        expect="[{traffic: calm, to: 3s, requests: 100..200}, {traffic: calm, from: 3s, requests: 500..700}, "
                                               "{traffic: bursty, requests: 250..700}, {request: a, requests: 420..700}]"))
    # Poisson: 150 +- 4 * 12.2, 600 +- 4 * 24.5; three in four of 750 are a. Bursts of 4: 480 with a variance seven times as great.
    assert code == 0, (report, errors)


# What has passed of a gap stays passed: less than a tenth of it may be left at 2 s, and then that one comes in the second after it.
@pytest.mark.alone   # a stall of a tenth of a second is ten requests in another window
def test_a_rate_changes_at_once_also_where_the_next_request_was_far_off(run):
    traffic = "[{name: all, rate: 0.1/s, arrivals: constant, requests: [{name: read, path: /open/1}]}]"
    code, report, errors = run(scenario(duration="4s", traffic=traffic,
                                        events="[{at: 1s, traffic: all, rate: 100/s}, {at: 2s, traffic: all, rate: 0.1/s}, {at: 3s, traffic: all, rate: 100/s}]",
                                        expect="[{to: 1s, requests: 0}, {from: 1s, to: 2s, requests: 90..105}, {from: 2100ms, to: 3s, requests: ..1}, "
                                               "{from: 3s, requests: 90..105}]"))
    assert code == 0, (report, errors)


def test_retries_end_with_the_traffic(run):
    traffic = "[{name: all, rate: 10/s, arrivals: constant, retry: {times: 5, after: 300ms}, requests: [{name: read, path: /open/1}]}]"
    code, report, errors = run(scenario(duration="1s", traffic=traffic, behaviour="{latency: 5ms, errors: 100%}"))
    assert code == 0, errors
    # Due at 100, 200, … 900 ms: the first three are tried again twice before the end, the next three once.
    assert report["all"]["requests"] - report["all"]["retries"] == 9 and 5 <= report["all"]["retries"] <= 9


def test_retries_and_spoiled_requests(run):
    traffic = ("[{name: all, rate: 200/s, arrivals: constant, callers: 50, spoil: {share: 5%, cluster: 5, status: 502}, "
               "retry: {times: 2, share: 50%, after: 20ms, on: [\"502\"]}, requests: [{name: read, path: /open/1}]}]")
    code, report, errors = run(scenario(duration="5s", traffic=traffic))
    everything = report["all"]
    spoiled = everything["outcomes"]["502"]
    first = everything["requests"] - everything["retries"]
    assert first == 999
    # Each spoiled request fails again when it is tried again: half of them thrice, half once, so twice on average.
    assert 0.3 < everything["retries"] / spoiled < 0.7
    assert 20 < spoiled < 260   # 100 in clusters of five: the deviation is that of 20 clusters


def test_patience_runs_out(run):
    traffic = "[{name: hasty, rate: 50/s, patience: 100ms, requests: [{name: read, path: /open/1}]}]"
    code, report, errors = run(scenario(traffic=traffic, behaviour="{workers: 100, latency: 300ms}", expect="[{outcomes: {gave_up: 100%}, p99: 100ms..200ms}]"))
    assert code == 0, (report, errors)
    assert sum(u["answered"] for u in report["upstreams"]) > 50   # worked on to the end all the same


def test_the_same_seed_draws_the_same_traffic(run):
    traffic = ("[{name: all, rate: 100/s, burst: {mean: 3, gap: 5ms}, callers: {count: 9, zipf: 1}, "
               "requests: [{name: a, weight: 2, path: /open/a}, {name: b, path: /open/b}]}]")
    first, second, other = (run(scenario(traffic=traffic) + f"seed: {seed}\n", )[1]["all"] for seed in (5, 5, 6))
    assert first["requests"] == second["requests"] != other["requests"]


def test_what_the_processes_leave_behind_can_be_kept(run, folder):
    code, _, errors = run(scenario(duration="500ms"), "--keep", "kept")
    kept = folder / "kept"
    assert code == 0, errors
    assert (kept / "conf/gateway.yaml").exists() and (kept / "gateway.out.err").read_text().count("admin.sock")
    assert "127.0.0.1:9001" not in (kept / "conf/gateway.yaml").read_text()
    assert any((kept / "data").iterdir())


def test_no_address_of_the_gateway_is_that_of_the_configuration(run, folder):
    path = folder / "production.sock"
    with socket.socket(socket.AF_UNIX) as production:   # who serves here in earnest
        production.bind(str(path))
        production.listen()
        before = path.stat().st_ino
        others = f'}}, {{name: local, address: "unix:{path}"}}, {{name: six, address: "[0:0:0:0:0:0:0:1]:8081"}}]'
        code, _, errors = run(scenario(duration="500ms", expect="[{good: 100%}]"), "--keep", "kept",
                              gateway=GATEWAY.replace("}]\nadmin", others + "\nadmin").replace("127.0.0.1:9347", "127.0.0.1:09347"))
        assert code == 0, errors
        assert path.stat().st_ino == before
    text = (folder / "kept/conf/gateway.yaml").read_text()
    assert not any(port in text for port in (":8080", ":8081", ":9347", ":09347", str(path))), text
    assert f"unix:{folder}/kept/listener-local.sock" in text


@pytest.mark.parametrize("text, said", [
    (scenario(duration="none"), 'scenario.yaml:3:11: error: duration: "none" is not a time'),
    (scenario(events="[{at: 9s, kill: 127.0.0.1:9001}]"), "not before the end of the traffic"),
    (scenario(events="[{at: 1s, upstream: order, change: {slowdown: 2}}]"), "did you mean orders?"),
    (scenario(events="[{at: 1s, upstream: orders}]"), "without change"),
    (scenario(events="[{at: 1s, link: way, faults: []}]"), "there is no link"),
    (scenario(events="[{at: 1s, upstream: orders, kill: 127.0.0.1:9001, change: {slowdown: 2}}]"), "exclude each other"),
    (scenario(expect="[{from: 5s, to: 1s, good: 1%}]"), "the window is empty"),
    (scenario(expect="[{from: 1s}]"), "nothing is expected"),
    (scenario(expect="[{p99: 300ms}]"), "is not a range of times"),
    (scenario(links="[{name: way, before: 127.0.0.1:9003}]"), 'there is no endpoint or upstream "127.0.0.1:9003"'),
    (scenario(links="[{name: way, before: orders, faults: [blackhole up]}]"), "has no place there"),
    (scenario(behaviour="{latency: soon}"), "is not a law"),
    (scenario(behaviour="{latncy: 5ms}"), "did you mean latency?"),
    (scenario(traffic="[{name: all, rate: 1/s, callers: {identity: partners}, requests: [{name: a, path: /}]}]"), "no identity rule"),
    (scenario(traffic="[{name: all, rate: 1/s, requests: []}]"), "the list is empty"),
    (scenario().replace("9002]", "9005]"), "has no endpoint"),
    (scenario().replace(", 127.0.0.1:9002]", "]"), 'gateway.yaml:11:1: error: the endpoint "127.0.0.1:9002" is none of the scenario\'s upstreams'),
    (scenario().replace("gateway.yaml", "none.yaml"), "none.yaml"),
    ("", "the scenario is empty"),
    ("version: 1\n---\nversion: 1\n", "a second document"),
    ("[", "scenario.yaml:1"),
])
def test_a_scenario_with_a_mistake_is_answered_with_place_and_remedy(run, text, said):
    code, report, errors = run(text)
    assert code == 1 and report is None and said in errors, errors


def test_a_gateway_that_is_wrong_or_open_to_the_world_is_not_started(run):
    code, _, errors = run(scenario(), gateway=GATEWAY.replace("rate: 500/s", "rate: 500"))
    assert code == 1 and "gateway.yaml:9:" in errors and "has no period" in errors
    code, _, errors = run(scenario(), gateway=GATEWAY.replace("address: 127.0.0.1:8080", "address: 0.0.0.0:8080"))
    assert code == 1 and "a drill stays on this machine" in errors


def begin(folder, text):
    """A run under way: its process, once traffic flows."""
    (folder / "gateway.yaml").write_text(GATEWAY)
    (folder / "scenario.yaml").write_text(text)
    temporary = folder / "tmp"
    temporary.mkdir()
    process = subprocess.Popen([binary(), "drill", "run", "scenario.yaml", "-o", "json"], cwd=folder, env={**os.environ, "TMPDIR": str(temporary)},
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "traffic for" not in (line := process.stderr.readline()):
        assert line, "it ended early"
    return process, temporary


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_reports_and_leaves_nothing_behind(folder, number):
    process, temporary = begin(folder, scenario(duration="60s", expect="[{good: 100%}]"))
    time.sleep(1)
    assert len(processes_of(str(temporary))) == 4   # itself, two upstreams, the gateway
    process.send_signal(number)
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 1
    report = json.loads(out)
    assert report["verdict"] == "interrupted" and report["all"]["requests"] > 50
    assert processes_of(str(temporary)) == [] and list(temporary.iterdir()) == []


def test_a_killed_run_takes_its_processes_with_it_a_frozen_one_too(folder):
    process, temporary = begin(folder, scenario(duration="60s", events="[{at: 100ms, freeze: 127.0.0.1:9001}]"))
    assert "freeze" in process.stderr.readline()
    process.kill()
    process.communicate()
    until = time.monotonic() + 10
    while (left := processes_of(str(temporary))) and time.monotonic() < until:
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def test_a_gateway_that_ends_is_a_broken_run(folder):
    process, temporary = begin(folder, scenario(duration="60s"))
    gateway, = (pid for pid in processes_of(str(temporary)) if b"\0run\0-c\0" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(gateway, signal.SIGKILL)
    out, _ = process.communicate(timeout=15)
    assert process.returncode == 1 and json.loads(out)["verdict"] == "broken"
    assert "the gateway ended" in json.loads(out)["problem"] and processes_of(str(temporary)) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flood", *(pytest.param(name, marks=pytest.mark.long) for name in ("overload", "slow", "dark", "retry-storm"))])
def test_the_examples_come_as_they_say(name):
    done = run_weir("drill", "run", str(ROOT / f"examples/drill/{name}.yaml"), timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def without(folder, name, what, instead=""):
    """The report of an example whose gateway lacks one thing."""
    gateway = (ROOT / f"examples/drill/{name}-gateway.yaml").read_text()
    assert what in gateway
    (folder / f"{name}-gateway.yaml").write_text(gateway.replace(what, instead))
    (folder / f"{name}.yaml").write_text((ROOT / f"examples/drill/{name}.yaml").read_text())
    done = run_weir("drill", "run", f"{name}.yaml", "-o", "json", cwd=folder, timeout=120)
    assert done.returncode == 99, done.stderr
    return json.loads(done.stdout)["expectations"]


@pytest.mark.slow
def test_without_a_cap_the_loop_is_felt_by_all(folder):
    before, others, _ = without(folder, "flood", "burst: 120, for: {identity: [services]}", "burst: 120, mode: observe, for: {identity: [services]}")
    assert before["met"] and not others["met"]
    assert float(others["parts"][0]["came"].split(" %")[0]) < 50


@pytest.mark.long
@pytest.mark.alone
def test_without_an_adaptive_limit_the_storm_does_not_end(folder):
    before, after = without(folder, "retry-storm", ", adaptive_limit: {min: 4}")
    assert before["met"] and after["parts"][0]["came"].startswith("0.00 %")


@pytest.mark.slow
def test_t0_is_well_when_nothing_is_wrong(folder):
    for name in ("t0.yaml", "t0-gateway.yaml"):
        (folder / name).write_text((ROOT / "examples/drill" / name).read_text().replace("duration: 60s", "duration: 15s"))
    done = run_weir("drill", "run", "t0.yaml", "-o", "json", cwd=folder, timeout=60)
    report = json.loads(done.stdout)
    assert done.returncode == 0, (report, done.stderr)
    assert 0.8 * 300 < report["all"]["rate"] < 1.2 * 300
    assert len(report["upstreams"]) == 19


@pytest.mark.long
def test_t0_for_its_whole_minute():
    done = run_weir("drill", "run", str(ROOT / "examples/drill/t0.yaml"), timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
