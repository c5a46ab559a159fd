"""weir advise: eight planted faults and more, each found alone with its number, each proposed value harmless when planned;
nothing found on a sound configuration. The traffic is two weeks of eight callers before two endpoints, made here, and
every number that is expected is worked out here from what was made."""
import json
import os
import time

import pytest
from harness.gateway import run_weir

DAYS = 14
START = 1_793_491_200   # 2026-11-01T00:00:00Z
CALLERS = [f"198.51.100.{n}" for n in range(10, 18)]
ENDPOINTS = ["10.0.0.1:80", "10.0.0.2:80"]
BURSTY = CALLERS[0]   # five at once, once a day

SOUND = """version: 1
listeners:
  - {name: public, address: 127.0.0.1:8080}
limits:
  - name: per-client
    key: client_ip
    rate: 2/s
    burst: 10
upstreams:
  - name: app
    endpoints: [10.0.0.1:80, 10.0.0.2:80]
routes:
  - name: catalog
    match: {path: /catalog/*}
    upstream: app
    timeouts: {response: 2s}
    limits: [per-client]
  - name: orders
    match: {path: /orders/*}
    upstream: app
    timeouts: {response: 2s}
    limits: [per-client]
"""


class Traffic:
    """Rows of (milliseconds, client, path, status, endpoint, milliseconds until the answer)."""

    def __init__(self, peaks=(120, 120), sustained=None, busy=None, gone=0):
        self.rows, self.sent = [], 0
        for day in range(DAYS):
            begin = (START + 86_400 * day) * 1000
            for half_hour in range(48):     # ten requests, 40 s apart
                for i in range(10):
                    self.add(begin + half_hour * 1_800_000 + i * 40_000, CALLERS[(half_hour + i) % 8])
            peak = peaks[0] if day < DAYS - 7 else peaks[1]
            for minute in range(5):         # 12:10 to 12:15
                for i in range(peak):
                    failed = sustained is not None and peak > sustained and i % 20 == 0
                    self.add(begin + (730 + minute) * 60_000 + i * 60_000 // peak, CALLERS[i % 8], failed=failed)
            for i in range(5):              # 18:05, all in one millisecond
                self.add(begin + 1085 * 60_000 + 1, BURSTY)
            for i in range(busy or 0):      # spread over the afternoon
                self.add(begin + 13 * 3_600_000 + 7_000 + i * 30_000, CALLERS[3])
            for i in range(gone):           # a deadline of the client's own: 1 s
                self.rows.append((begin + 15 * 3_600_000 + i * 61_000, CALLERS[4], "/orders/x", 499, ENDPOINTS[i % 2], 1000 + i % 5))
        self.rows.sort(key=lambda row: row[0])

    def add(self, at, client, failed=False):
        n = self.sent = self.sent + 1
        path = "/catalog/x" if n % 4 < 2 else "/orders/x"
        self.rows.append((at, client, path, 503 if failed else 200, ENDPOINTS[n % 2], 380 if n % 500 == 2 else 40 + n % 60))

    def text(self, durations=True, endpoints=True):
        lines = []
        for at, client, path, status, endpoint, took in self.rows:
            row = {"msec": f"{(at + (took if durations else 0)) / 1000:.3f}", "remote_addr": client, "request": f"GET {path} HTTP/1.1", "status": str(status),
                   "host": "api.example.com"}
            if durations:
                row |= {"request_time": f"{took / 1000:.3f}", "upstream_response_time": f"{took / 1000:.3f}"}
            if endpoints:
                row["upstream_addr"] = endpoint
            lines.append(json.dumps(row))
        return "\n".join(lines) + "\n"

    def busiest_minute(self, of, rows=None):
        counts = {}
        for row in rows if rows is not None else self.rows:
            key = (row[0] // 60_000, of(row))
            counts[key] = counts.get(key, 0) + 1
        best = {}
        for (_, who), count in counts.items():
            best[who] = max(best.get(who, 0), count)
        return best


@pytest.fixture(scope="module")
def usual():
    return Traffic()


def review(folder, config, traffic, *words, **form):
    (folder / "gateway.yaml").write_text(config)
    log = folder / "access.log"
    log.write_text(traffic.text(**form))
    done = run_weir("advise", "gateway.yaml", "--log", "access.log", *words, "-o", "json", cwd=folder)
    assert done.stderr == "", done.stderr
    report = json.loads(done.stdout)
    assert report["exit"] == done.returncode
    return report


def only_finding(report):
    assert report["exit"] == 3, report
    assert len(report["findings"]) == 1, json.dumps(report["findings"], indent=1)
    return report["findings"][0]


def planned(folder, finding):
    """What the finding proposes, planned by the command a person would use: against what the log says happened, and
    against the configuration as it is."""
    proposal = finding["proposal"]
    assert proposal is not None, finding
    assert proposal["plan"]["verdict"] == "harmless" and proposal["plan"]["known_newly_refused"] == 0
    words = [word for value in proposal["set"] for word in ("--set", value)] + [word for path in proposal["unset"] for word in ("--unset", path)]
    for base in ([], ["--base", "gateway.yaml"]):
        done = run_weir("plan", "gateway.yaml", "--log", "access.log", *base, *words, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
    return proposal


def gcra_refused(times, rate, burst):
    """Of one bucket, from the definition: a token bucket of `burst` that fills by `rate` a second."""
    tokens, last, refused = burst, None, 0
    for at in times:
        if last is not None:
            tokens = min(burst, tokens + (at - last) / 1000 * rate)
        last = at
        if tokens >= 1 - 1e-9:
            tokens -= 1
        else:
            refused += 1
    return refused


def test_nothing_is_found_on_a_sound_configuration(folder, usual):
    report = review(folder, SOUND, usual)
    assert report["findings"] == [] and report["cannot_judge"] == []
    assert report["exit"] == 0 and report["verdict"] == "nothing_found"
    assert report["input"]["rows"] == len(usual.rows)
    # What there is left is told all the same.
    peak = usual.busiest_minute(lambda row: "app")["app"] / 60
    carried = sum(usual.busiest_minute(lambda row: row[4]).values()) / 60
    assert report["headroom"] == [{"upstream": "app", "peak_per_s": pytest.approx(peak), "sustained_per_s": pytest.approx(carried),
                                   "growth_per_week": 0, "weeks_left": None}]
    counts = {client: sum(row[1] == client for row in usual.rows) for client in CALLERS}
    first = sorted(CALLERS, key=lambda client: (-counts[client], client))[:5]
    assert [(key["caller"], key["requests"]) for key in report["busiest"]] == [(client, counts[client]) for client in first]
    assert report["busiest"][0]["share"] == pytest.approx(counts[first[0]] / len(usual.rows))


def test_too_little_headroom(folder, usual):
    """Five at once in a bucket of six."""
    finding = only_finding(review(folder, SOUND.replace("burst: 10", "burst: 6"), usual))
    assert (finding["check"], finding["level"]) == ("little-headroom", "soon")
    assert finding["subject"] == {"kind": "limit", "name": "per-client"} and finding["place"]["line"] == 5
    assert finding["numbers"]["fullest"] == pytest.approx(5 / 6, abs=0.001) and finding["numbers"]["caller"] == BURSTY
    proposal = planned(folder, finding)
    burst = int(next(value for value in proposal["set"] if "burst" in value).split("=")[1])
    assert 5 / burst <= 0.5


def test_absurd_headroom(folder, usual):
    finding = only_finding(review(folder, SOUND.replace("rate: 2/s", "rate: 1000/s").replace("burst: 10", "burst: 2000"), usual))
    assert (finding["check"], finding["level"], finding["subject"]["name"]) == ("absurd-headroom", "tidy", "per-client")
    busiest = max(usual.busiest_minute(lambda row: row[1]).values())
    assert finding["numbers"]["busiest_per_s"] == pytest.approx(busiest / 60)
    assert finding["numbers"]["times"] == pytest.approx(1000 * 60 / busiest)
    assert finding["numbers"]["fullest"] == pytest.approx(5 / 2000, abs=1e-4)
    planned(folder, finding)


def test_a_limit_that_refused_known_callers(folder, usual):
    config = SOUND.replace("rate: 2/s", "rate: 0.5/s").replace("burst: 10", "burst: 3")
    finding = only_finding(review(folder, config, usual))
    assert (finding["check"], finding["level"], finding["subject"]["name"]) == ("refuses-known", "hurts", "per-client")
    refused = {client: gcra_refused([row[0] for row in usual.rows if row[1] == client], 0.5, 3) for client in CALLERS}
    assert sum(refused.values()) == 2 * DAYS   # five at once, three pass
    assert finding["numbers"]["requests"] == finding["numbers"]["requests_high"] == sum(refused.values())
    assert finding["numbers"]["known_callers"] == sum(count > 0 for count in refused.values()) == 1
    assert finding["numbers"]["asked"] == len(usual.rows)
    proposal = planned(folder, finding)
    values = dict(value.rsplit("=", 1) for value in proposal["set"])
    rate = float(values.get("limits.per-client.rate", "0.5/s").removesuffix("/s"))
    burst = int(values.get("limits.per-client.burst", 3))
    assert all(gcra_refused([row[0] for row in usual.rows if row[1] == client], rate, burst) == 0 for client in CALLERS)


def test_a_rule_that_others_name_is_not_taken_out_from_under_them(folder, usual):
    """An identity rule that nobody proved, named by a limit: without it there is no configuration to plan."""
    config = SOUND.replace("limits:\n  - name", "identity:\n  - {name: staff, service: {header: X-Service, from: [10.1.0.0/16]}}\nlimits:\n  - name", 1)
    config = config.replace("    burst: 10\n", "    burst: 10\n    expect: {identity: [staff]}\n")

    class Anonymous(Traffic):
        def text(self, **form):
            return "".join(line[:-1] + ', "service": "-"}\n' for line in super().text(**form).splitlines())
    finding = only_finding(review(folder, config, Anonymous(), "--field", "identity:staff=service"))
    assert (finding["check"], finding["subject"]) == ("never-hit", {"kind": "identity", "name": "staff"})
    assert finding["proposal"] is None and "staff" in finding["nothing_proposed"], finding


@pytest.mark.parametrize("what", ["route", "limit", "override"])
def test_a_rule_that_was_never_hit(folder, usual, what):
    if what == "route":
        config = SOUND + "  - name: old\n    match: {path: /old/*}\n    upstream: app\n"
        subject = {"kind": "route", "name": "old"}
    elif what == "limit":
        config = SOUND.replace("upstreams:\n", "  - {name: spare, key: \"header:X-Spare\", rate: 5/s}\nupstreams:\n").replace("[per-client]", "[per-client, spare]")
        subject = {"kind": "limit", "name": "spare"}
    else:
        config = SOUND.replace("    burst: 10\n", "    burst: 10\n    overrides: [{callers: [gone-partner], rate: 90/s}]\n")
        subject = {"kind": "limit", "name": "per-client", "part": "overrides.0"}
    words = ("--field", "header:X-Spare=spare") if what == "limit" else ()
    if what == "limit":   # the log says of each that it had no such header
        class Told(Traffic):
            def text(self, **form):
                return "".join(line[:-1] + ', "spare": "-"}\n' for line in super().text(**form).splitlines())
        usual = Told()
    report = review(folder, config, usual, *words)
    finding = only_finding(report)
    assert (finding["check"], finding["level"], finding["subject"]) == ("never-hit", "tidy", subject)
    assert finding["numbers"]["requests"] == len(usual.rows)
    assert finding["numbers"]["days"] == pytest.approx(DAYS, abs=0.05)
    if what != "limit":
        planned(folder, finding)
    assert finding["proposal"]["unset"] == [{"route": "routes.old", "limit": "limits.spare", "override": "limits.per-client.overrides.0"}[what]]


def test_a_timeout_below_the_999th_thousandth(folder, usual):
    finding = only_finding(review(folder, SOUND.replace("{path: /orders/*}\n    upstream: app\n    timeouts: {response: 2s}",
                                                        "{path: /orders/*}\n    upstream: app\n    timeouts: {response: 300ms}"), usual))
    assert (finding["check"], finding["level"], finding["subject"]) == ("timeout-short", "hurts", {"kind": "route", "name": "orders"})
    took = sorted(row[5] for row in usual.rows if row[2].startswith("/orders"))
    assert finding["numbers"]["timeout_ms"] == 300 and finding["numbers"]["of"] == len(took)
    assert finding["numbers"]["reached"] == sum(each > 300 for each in took) > len(took) / 1000
    assert finding["numbers"]["p99_9_ms"] == pytest.approx(took[int(len(took) * 0.999)], rel=0.05)
    assert finding["numbers"]["cut"] == 0   # by whom the log is from: it let them finish
    proposal = planned(folder, finding)
    assert proposal["set"] == ["routes.orders.timeouts.response=800ms"]   # twice 380, as people write it


def test_a_timeout_above_what_clients_wait(folder):
    traffic = Traffic(gone=3)
    finding = only_finding(review(folder, SOUND, traffic))
    assert (finding["check"], finding["level"], finding["subject"]["name"]) == ("timeout-long", "soon", "orders")
    assert finding["numbers"]["gone"] == 3 * DAYS and finding["numbers"]["patience_ms"] == pytest.approx(1000, rel=0.05)
    assert finding["numbers"]["timeout_ms"] == 2000
    planned(folder, finding)


def test_weights_against_what_endpoints_have_carried(folder, usual):
    finding = only_finding(review(folder, SOUND.replace("[10.0.0.1:80, 10.0.0.2:80]", "[{address: 10.0.0.1:80, weight: 5}, 10.0.0.2:80]"), usual))
    assert (finding["check"], finding["subject"]) == ("weights", {"kind": "upstream", "name": "app", "part": "10.0.0.1:80"})
    carried = usual.busiest_minute(lambda row: row[4])
    whole = max(usual.busiest_minute(lambda row: "app").values())
    assert finding["numbers"]["sustained_per_s"] == pytest.approx(carried["10.0.0.1:80"] / 60)
    assert finding["numbers"]["predicted_per_s"] == pytest.approx(whole * 5 / 6 / 60, rel=0.02)
    proposal = planned(folder, finding)
    assert proposal["set"] == ["upstreams.app.endpoints.10.0.0.1:80.weight=1"]


def test_an_upstream_that_grows_beyond_what_it_carries(folder):
    traffic = Traffic(peaks=(100, 140), sustained=120)
    finding = only_finding(review(folder, SOUND, traffic))
    assert (finding["check"], finding["level"], finding["subject"]) == ("capacity", "hurts", {"kind": "upstream", "name": "app"})
    numbers = finding["numbers"]
    failing = {row[0] // 60_000 for row in traffic.rows if row[3] == 503}
    clean = [row for row in traffic.rows if row[0] // 60_000 not in failing]
    assert numbers["sustained_per_s"] == pytest.approx(traffic.busiest_minute(lambda row: "app", clean)["app"] / 60)
    assert numbers["peak_per_s"] == pytest.approx(140 / 60) and numbers["growth_per_week"] == pytest.approx(0.4)
    assert numbers["failed_minutes"] == 5 * 7 == len(failing) and numbers["weeks_left"] == 0 and numbers["headroom"] == 0
    assert finding["proposal"] is None and "endpoints" in finding["nothing_proposed"]


def test_an_expectation_past_its_time(folder, usual):
    config = SOUND.replace("    burst: 10\n", "    burst: 10\n    expect: {callers: [scraper-*], until: 24h}\n")
    (folder / "gateway.yaml").write_text(config)
    # Written just now it is not: it ends a day after it went live.
    assert review(folder, config, usual)["exit"] == 0
    then = time.time() - 40 * 86_400
    os.utime(folder / "gateway.yaml", (then, then))
    done = run_weir("advise", "gateway.yaml", "--log", "access.log", "-o", "json", cwd=folder)
    finding = only_finding(json.loads(done.stdout))
    assert (finding["check"], finding["level"]) == ("expired", "tidy")
    assert finding["subject"] == {"kind": "limit", "name": "per-client", "part": "expect"}
    assert finding["numbers"]["days"] == pytest.approx(39, abs=0.01)
    assert planned(folder, finding)["unset"] == ["limits.per-client.expect"]


def test_keys_past_their_time_and_soon(folder, usual):
    def stamp(days):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + days * 86_400))
    config = SOUND.replace("limits:\n  - name", "identity:\n  - {name: partner, api_key: {header: X-Api-Key, file: keys.yaml}}\nlimits:\n  - name", 1)
    (folder / "keys.yaml").write_text("".join(f"- {{name: {name}, groups: [], digest: \"sha256:{n:064x}\", expires: {stamp(days)}}}\n"
                                              for n, (name, days) in enumerate((("acme", 5), ("hub", 90), ("old", -30)), 1)))

    class Named(Traffic):
        def text(self, **form):
            owners = ["acme", "hub"]
            return "".join(line[:-1] + f', "owner": "{owners[i % 2]}"}}\n' for i, line in enumerate(super().text(**form).splitlines()))
    report = review(folder, config, Named(), "--field", "identity:partner=owner", "--skip", "keys")
    assert report["exit"] == 3 and report["skipped"] == ["keys"]
    found = {finding["subject"]["name"]: finding for finding in report["findings"]}
    assert set(found) == {"acme", "old"}, report["findings"]
    assert found["acme"]["level"] == "soon" and found["acme"]["numbers"]["days"] == pytest.approx(5, abs=0.01)
    assert found["acme"]["numbers"]["requests"] == -(-len(usual.rows) // 2)
    assert found["old"]["level"] == "tidy" and found["old"]["numbers"]["requests"] == 0
    assert "weir keys revoke" in found["old"]["nothing_proposed"]


def test_one_caller_that_makes_most_of_the_traffic(folder):
    traffic = Traffic(busy=900)
    finding = only_finding(review(folder, SOUND, traffic))
    assert (finding["check"], finding["subject"]) == ("busy-key", {"kind": "caller", "name": CALLERS[3]})
    mine = sum(row[1] == CALLERS[3] for row in traffic.rows)
    assert finding["numbers"]["requests"] == mine and finding["numbers"]["share"] == pytest.approx(mine / len(traffic.rows))


def test_names_that_clients_chose_are_printed_harmlessly(folder):
    """A client field that is a colour, a table cell and a tag, and makes most of the traffic."""
    evil = "\x1b[31m|`<b>x</b>\x07"

    class Evil(Traffic):
        def text(self, **form):
            return super().text(**form).replace(json.dumps(CALLERS[3]), json.dumps(evil))
    report = review(folder, SOUND, Evil(busy=900))
    assert only_finding(report)["subject"] == {"kind": "caller", "name": evil}   # JSON has it whole, escaped
    for form in ("text", "json", "md", "sarif"):
        printed = run_weir("advise", "gateway.yaml", "--log", "access.log", "-o", form, cwd=folder).stdout
        assert "\x1b" not in printed and "\x07" not in printed
        if form == "md":
            row = next(line for line in printed.splitlines() if "caller" in line)
            assert row.count("|") == 6 and row.count("`") % 2 == 0


def test_what_was_not_recorded_is_never_fine(folder, usual):
    report = review(folder, SOUND, usual, durations=False, endpoints=False)
    assert report["exit"] == 4 and report["verdict"] == "not_enough_data" and report["findings"] == []
    assert {cannot["topic"] for cannot in report["cannot_judge"]} == {"timeouts", "weights", "capacity"}
    assert all("log-format" in cannot["hint"] for cannot in report["cannot_judge"])
    report = review(folder, SOUND, usual, "--skip", "timeouts", "--skip", "weights", "--skip", "capacity", durations=False, endpoints=False)
    assert report["exit"] == 0


def test_a_short_input_says_what_it_is_too_short_for(folder):
    day = Traffic()
    day.rows = [row for row in day.rows if row[0] < (START + 86_400 // 2) * 1000]
    report = review(folder, SOUND, day)
    assert report["exit"] == 4
    assert {cannot["topic"] for cannot in report["cannot_judge"]} == {"unused", "weights", "capacity", "timeouts"}


def test_several_faults_at_once_and_every_form(folder, usual):
    config = SOUND.replace("burst: 10", "burst: 6") + "  - name: old\n    match: {path: /old/*}\n    upstream: app\n"
    config = config.replace("[10.0.0.1:80, 10.0.0.2:80]", "[{address: 10.0.0.1:80, weight: 5}, 10.0.0.2:80]")
    report = review(folder, config, usual)
    assert [finding["check"] for finding in report["findings"]] == ["little-headroom", "weights", "never-hit"]
    together = report["together"]
    assert together["plan"]["verdict"] == "harmless"
    assert sorted(together["set"] + together["unset"]) == sorted(sum((f["proposal"]["set"] + f["proposal"]["unset"] for f in report["findings"]), []))

    text = run_weir("advise", "gateway.yaml", "--log", "access.log", cwd=folder)
    assert text.returncode == 3 and text.stdout.startswith("FOUND   3 findings: 2 will soon, 1 to tidy up")
    assert max(map(len, text.stdout.splitlines())) <= 100 and "\x1b" not in text.stdout
    for finding in report["findings"]:
        assert finding["text"][:60] in text.stdout
    assert text.stdout.splitlines()[-1].startswith("exit 3") and "weir plan gateway.yaml" in text.stdout.splitlines()[-1]

    sarif = json.loads(run_weir("advise", "gateway.yaml", "--log", "access.log", "-o", "sarif", cwd=folder).stdout)
    results = sarif["runs"][0]["results"]
    assert [(result["ruleId"], result["level"]) for result in results] == [("little-headroom", "warning"), ("weights", "warning"), ("never-hit", "note")]
    lines = config.splitlines()
    at = results[2]["locations"][0]["physicalLocation"]
    assert at["artifactLocation"]["uri"] == "gateway.yaml" and "old" in lines[at["region"]["startLine"] - 1]
    markdown = run_weir("advise", "gateway.yaml", "--log", "access.log", "-o", "md", cwd=folder).stdout
    assert markdown.startswith("### weir advise: 3 findings") and markdown.count("\n| ") == 4


def test_a_recording_of_weir_is_reviewed(gateway, upstream):
    """58 at once and one more a minute; 60 ask within seconds. With two of 60 refused the caller is still established."""
    g = gateway(upstream(), limits=[{"name": "per-client", "key": "client_ip", "rate": "1/min", "burst": 58}], route={"limits": ["per-client"]})
    answers = [g.get(f"/orders/{i}")[0].status for i in range(60)]
    assert answers.count(429) == 2
    g.stop()
    report = json.loads(run_weir("advise", g.file, "--recording", g.data, "-o", "json", cwd=g.folder).stdout)
    # Its own data_dir is what is read where nothing else is named, and its own file.
    own = json.loads(run_weir("advise", "-o", "json", cwd=g.folder).stdout)
    assert [each["numbers"] for each in own["findings"]] == [each["numbers"] for each in report["findings"]]
    finding = only_finding(report)
    assert (finding["check"], finding["level"], finding["subject"]["name"]) == ("refuses-known", "hurts", "per-client")
    assert finding["numbers"]["requests"] == 2 and finding["numbers"]["established_callers"] == 1 and finding["numbers"]["asked"] == 60
    assert report["input"]["kind"] == "recording" and {"unused", "capacity"} <= {cannot["topic"] for cannot in report["cannot_judge"]}
    sets = [word for value in finding["proposal"]["set"] for word in ("--set", value)]
    for base in ([], ["--base", g.file]):
        assert run_weir("plan", g.file, "--recording", g.data, *base, *sets, cwd=g.folder).returncode == 0
    # What it proposes, run for real, refuses nobody who does the same.
    for value in finding["proposal"]["set"]:
        assert value.startswith("limits.per-client.")
        g.config["limits"][0][value.split(".")[2].split("=")[0]] = value.split("=")[1]
    g.write()
    g.start()
    assert all(g.get(f"/orders/{i}")[0].status == 200 for i in range(60))


def test_wrong_words(folder):
    for words, said in ((["gateway.yaml", "--log", "x", "--recording", "y"], "do not go together"), (["gateway.yaml", "--log", "-"], "not -"), (["gateway.yaml", "--log", "x", "--skip", "sleep"], "sleep")):
        done = run_weir("advise", *words, cwd=folder)
        assert done.returncode == 2 and said in done.stderr, done.stderr
    done = run_weir("advise", "missing.yaml", "--log", "x", cwd=folder)
    assert done.returncode == 1 and "missing.yaml" in done.stderr
