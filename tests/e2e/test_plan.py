"""weir plan: whom a configuration would have hurt, from a log and from a recording that weir itself made."""
import gzip
import json
import lzma
import os
import re
import time

import pytest
from harness.gateway import run_weir
from harness.raw import Broken

DAY = "24/Jan/2022"


def line(second, client="198.51.100.7", path="/", status=200, agent="curl/8"):
    """nginx combined."""
    clock = f"{second // 3600:02}:{second % 3600 // 60:02}:{second % 60:02}"
    return f'{client} - - [{DAY}:{clock} +0000] "GET {path} HTTP/1.1" {status} 12 "-" "{agent}"\n'


# One request a second for 30 s from a quiet client, ten a second for ten seconds from a busy one.
QUIET = [(second, line(second, "198.51.100.7")) for second in range(30)]
BUSY = [(second, line(second, "203.0.113.9", "/api")) for second in range(10) for _ in range(10)]
LOG = "".join(text for _, text in sorted(QUIET + BUSY, key=lambda each: each[0]))


@pytest.fixture
def log(folder):
    path = folder / "access.log"
    path.write_text(LOG)
    return path


def plan(folder, *words, **options):
    done = run_weir("plan", *map(str, words), cwd=folder, **options)
    for text in (done.stdout, done.stderr):
        assert "\x1b" not in text, "no colour or redraw where there is no terminal"
    if "-o" not in words:
        assert max(map(len, done.stdout.splitlines()), default=0) <= 100, done.stdout
    return done


def judged(folder, *words, **options):
    done = plan(folder, *words, "-o", "json", **options)
    return done.returncode, json.loads(done.stdout)


def test_harmless_is_0(folder, log):
    done = plan(folder, "--limit", "client_ip 20/s burst=20", "--log", log)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("HARMLESS") and "exit 0" in done.stdout.splitlines()[-1]


def test_harm_is_3_and_numbers_are_those_of_a_bucket(folder, log):
    """Burst 10 at 1/s. The busy client sends 10 in each of ten seconds. All at once: 10 pass, then one more a second:
    100 - 10 - 9 = 81. Spread: the i-th request of a second stands at i/11 of it (the quiet one is one of 11)."""
    code, report = judged(folder, "--limit", "client_ip 1/s burst=10", "--log", log)
    assert code == 3 and report["verdict"] == "harm" and report["exit"] == 3
    limit = report["limits"][0]
    assert limit["refused_high"] == 81 and limit["refused_low"] in range(79, 82)
    assert [top["caller"] for top in limit["top"]] == ["203.0.113.9"]
    assert report["requests"]["total"] == 130 and report["callers"]["active"] == 2
    assert report["input"]["clock_resolution_ms"] == 1000
    assert [hurt["caller"] for hurt in report["hurt"]] == ["203.0.113.9"]
    assert report["hurt"][0]["of"] == 100 and report["hurt"][0]["established"] and not report["hurt"][0]["known"]
    # Nobody established is refused at the value that it proposes.
    nearest = limit["nearest_safe"]
    code, report = judged(folder, "--limit", f"client_ip {nearest['rate']} burst={nearest['burst']}", "--log", log)
    assert code == 0 and report["callers"]["established_newly_refused_high"] == 0


def test_the_text_prints_the_numbers_of_the_json(folder, log):
    words = ("--limit", "client_ip 1/s burst=10", "--log", log)
    text, (_, report) = plan(folder, *words).stdout, judged(folder, *words)

    def span(of, name):
        low, high = of[f"{name}_low"], of[f"{name}_high"]
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"
    callers, requests, limit = report["callers"], report["requests"], report["limits"][0]
    assert f"HARM   {span(callers, 'newly_refused')} of {callers['active']} callers" in text
    assert re.search(rf"refused +{span(requests, 'newly_refused')} of {requests['judged']:,} requests", text), text
    assert f"refuses {span(limit, 'refused')} of {limit['callers_refused']} caller" in text
    assert f"rate {limit['nearest_safe']['rate']} burst {limit['nearest_safe']['burst']} " in text
    for hurt in report["hurt"][:2]:
        assert re.search(rf"{re.escape(hurt['caller'])} +{hurt['before_refused']:,} → {hurt['after_refused']:,} of {hurt['of']:,}", text), text
    for reason in report["reasons"]:
        assert reason in text


def test_it_reads_packed_logs_and_standard_input_alike(folder, log):
    words = ("--limit", "client_ip 1/s burst=10")
    _, wanted = judged(folder, *words, "--log", log)
    (folder / "a.gz").write_bytes(gzip.compress(LOG.encode()))
    (folder / "a.xz").write_bytes(lzma.compress(LOG.encode()))
    for name, options in (("a.gz", {}), ("a.xz", {}), ("-", {"input": LOG})):
        _, got = judged(folder, *words, "--log", name, **options)
        assert got["requests"] == wanted["requests"] and got["limits"] == wanted["limits"]


def test_rotated_logs_are_one_input_in_any_order(folder, log):
    lines = LOG.splitlines(keepends=True)
    (folder / "access.log.1").write_text("".join(lines[:77]))
    (folder / "access.log.0").write_text("".join(lines[77:]))
    words = ("--limit", "client_ip 1/s burst=10")
    _, wanted = judged(folder, *words, "--log", log)
    for names in (["access.log.0", "access.log.1"], ["access.log.1", "access.log.0"]):
        _, got = judged(folder, *words, "--log", *names)
        assert got["requests"] == wanted["requests"]


def test_not_enough_data_is_4(folder):
    (folder / "empty.log").write_text("")
    done = plan(folder, "--limit", "client_ip 1/s", "--log", "empty.log")
    assert done.returncode == 4 and done.stdout.startswith("NOT ENOUGH DATA")
    # A limit by a header that the log does not have.
    (folder / "access.log").write_text(LOG)
    code, report = judged(folder, "--limit", "header:X-Tenant 1/s", "--log", "access.log")
    assert code == 4 and report["input"]["cannot_judge"][0]["what"] == "value" and report["input"]["cannot_judge"][0]["requests"] == 130


def test_fields_of_the_log_stand_for_facts(folder):
    """A log_format of one's own with the name of an API key's owner; - where there was none."""
    text = "".join(f'198.51.100.7 [{DAY}:00:00:{second:02} +0000] "GET / HTTP/1.1" 200 {owner}\n' for second in range(5) for owner in ("acme", "acme", "acme", "-"))
    (folder / "own.log").write_text(text)
    own = "nginx:$remote_addr [$time_local] \"$request\" $status $api_key_id"
    code, report = judged(folder, "--limit", "caller 1/s burst=2", "--log", "own.log", "--log-format", own, "--field", "identity:partner=api_key_id")
    assert code in (3, 4)
    assert {hurt["caller"] for hurt in report["hurt"]} == {"acme"}
    assert report["callers"]["active"] == 2


CONFIG = """version: 1
listeners:
  - {name: public, address: 127.0.0.1:8080}
limits:
  - name: per-ip     # of each client
    key: client_ip
    rate: 20/s
upstreams:
  - {name: app, endpoints: [127.0.0.1:9001]}
routes:
  - name: app
    match: {path: /*}
    upstream: app
    limits: [per-ip]
"""


def test_a_file_is_judged_against_the_log_and_against_another(folder, log):
    (folder / "gateway.yaml").write_text(CONFIG)
    (folder / "tight.yaml").write_text(CONFIG.replace("20/s", "1/s"))
    assert plan(folder, "gateway.yaml", "--log", log).returncode == 0
    assert plan(folder, "tight.yaml", "--log", log).returncode == 3
    assert plan(folder, "tight.yaml", "--base", "tight.yaml", "--log", log).returncode == 0
    code, report = judged(folder, "gateway.yaml", "--base", "tight.yaml", "--log", log)
    assert code == 0 and report["requests"]["newly_allowed"] > 0 and report["requests"]["newly_refused"] == 0


def test_one_value_is_set_anew(folder, log):
    (folder / "gateway.yaml").write_text(CONFIG)
    tight = judged(folder, "gateway.yaml", "--set", "limits.per-ip.rate=1/s", "--set", "limits.per-ip.burst=10", "--log", log)
    assert tight[0] == 3 and tight[1]["limits"][0]["refused_high"] == 81
    done = plan(folder, "gateway.yaml", "--set", "limits.per-app.rate=1/s", "--log", log)
    assert done.returncode == 1 and "limits.per-app.rate" in done.stderr
    assert (folder / "gateway.yaml").read_text() == CONFIG


def test_hosts_that_the_log_does_not_have_are_asked_for(folder, log):
    (folder / "gateway.yaml").write_text(CONFIG.replace("match: {path: /*}", "match: {hosts: [api.example.com], path: /*}"))
    done = plan(folder, "gateway.yaml", "--log", log)
    assert done.returncode == 4 and "--host" in done.stdout
    assert plan(folder, "gateway.yaml", "--log", log, "--host", "api.example.com").returncode == 0
    assert plan(folder, "gateway.yaml", "--log", log, "--host", "other.example.com").returncode == 3


def test_the_budget_can_be_given(folder, log):
    words = ("--limit", "client_ip 1/s burst=10", "--log", log)
    assert plan(folder, *words, "--budget-known", 1, "--budget-requests", "100%").returncode == 0
    assert plan(folder, *words, "--budget-known", 1).returncode == 3
    assert plan(folder, *words, "--budget-requests", "many").returncode == 2


def test_markdown_and_sarif(folder, log):
    (folder / "gateway.yaml").write_text(CONFIG.replace("20/s", "1/s"))
    text = plan(folder, "gateway.yaml", "--log", log, "-o", "md").stdout
    assert text.startswith("### weir plan: Harm") and "| `per-ip` |" in text
    sarif = json.loads(plan(folder, "gateway.yaml", "--log", log, "-o", "sarif").stdout)
    results = sarif["runs"][0]["results"]
    place = next(r for r in results if r["ruleId"] == "limit-refuses")["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "gateway.yaml"
    assert place["region"]["startLine"] == 1 + CONFIG.splitlines().index("  - name: per-ip     # of each client")


def test_control_bytes_of_a_log_reach_no_terminal(folder):
    """A client that is no address, with an escape sequence in it, who is hurt and therefore named."""
    (folder / "evil.log").write_bytes(b"".join(line(0, "evil").encode().replace(b"evil", b"ev\x1b[31mil\x07") for _ in range(50)))
    for form in ("text", "json", "md", "sarif"):
        done = run_weir("plan", "--limit", "client_ip 1/s burst=5", "--log", "evil.log", "--callers", "-o", form, cwd=folder)
        assert done.returncode in (3, 4) and not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", done.stdout), (form, done.stdout)


def test_bad_input_is_said(folder, log):
    (folder / "binary").write_bytes(os.urandom(100_000))
    (folder / "torn.gz").write_bytes(gzip.compress(LOG.encode() * 50)[:-200])
    (folder / "mixed.log").write_text(LOG + "not a line of a log\n" * 7)
    words = ("--limit", "client_ip 20/s burst=20")
    done = plan(folder, *words, "--log", "binary")
    assert done.returncode == 1 and "binary" in done.stderr
    done = plan(folder, *words, "--log", "nowhere.log")
    assert done.returncode == 1 and "nowhere.log" in done.stderr
    torn = plan(folder, *words, "--log", "torn.gz").stdout
    assert "DAMAGED" in torn and "0 requests" not in torn
    assert judged(folder, *words, "--log", "mixed.log")[1]["input"]["skipped"] == 7
    assert plan(folder, *words, "--log", log, "--field", "colour:red=x").returncode == 1


def test_a_reversed_log_is_the_same_log(folder, log):
    """Newest first, as some tools export it; said in what was read."""
    (folder / "reversed.log").write_text("".join(reversed(LOG.splitlines(keepends=True))))
    words = ("--limit", "client_ip 1/s burst=10")
    _, wanted = judged(folder, *words, "--log", log)
    code, got = judged(folder, *words, "--log", "reversed.log")
    assert code == 3 and got["requests"]["total"] == wanted["requests"]["total"] and got["input"]["late"] == 0
    assert got["limits"][0]["refused_high"] == wanted["limits"][0]["refused_high"] == 81
    assert "reversed" in plan(folder, *words, "--log", "reversed.log").stdout


def test_a_line_without_end_costs_itself(folder, log):
    """Five million bytes without a line end within a log, and at its end: counted, and the rest is used."""
    (folder / "huge.log").write_text(LOG[:len(LOG) // 2].rsplit("\n", 1)[0] + "\n" + "x" * 5_000_000 + "\n" + LOG + "y" * 3_000_000)
    code, report = judged(folder, "--limit", "client_ip 1/s burst=10", "--log", "huge.log")
    assert code == 3 and report["input"]["skipped"] == 2
    assert report["requests"]["total"] == len(LOG.splitlines()) + LOG[:len(LOG) // 2].count("\n")


def test_a_log_cut_anywhere_costs_its_last_line(folder, log):
    words = ("--limit", "client_ip 1/s burst=10", "--log", "cut.log")
    for size in (len(LOG) - 1, len(LOG) - 40, len(LOG) // 2 + 3):
        (folder / "cut.log").write_text(LOG[:size])
        whole, rest = LOG[:size].rsplit("\n", 1)
        _, report = judged(folder, *words)
        assert report["requests"]["total"] + report["input"]["skipped"] == whole.count("\n") + 2 and report["input"]["skipped"] <= 1, rest


def test_control_bytes_of_paths_hosts_and_messages_reach_no_terminal(folder):
    """Raw and escaped ones, in every part of a line that a report or an error could repeat."""
    evil = "\x1b]0;pwned\x07\x1b[2J\x9b1m"
    (folder / "gateway.yaml").write_text(CONFIG.replace("20/s", "1/h").replace("path: /*", "path: /shop/*"))
    shapes = {
        "path": [line(i, path=f"/{evil}/{i}") for i in range(60)],
        "host": [line(i, path=f"http://{evil}/shop") for i in range(60)],
        "agent": [line(i, agent=evil) for i in range(60)],
        "method": [line(i).replace("GET", f"GET{evil}") for i in range(60)],
        "nothing fits": [f"{evil} nobody knows this format {i}\n" for i in range(60)],
    }
    for name, lines in shapes.items():
        (folder / "evil.log").write_bytes("".join(lines).encode("latin-1"))
        for form in ("text", "json", "md", "sarif"):
            done = run_weir("plan", "gateway.yaml", "--log", "evil.log", "--callers", "-o", form, cwd=folder)
            for text in (done.stdout, done.stderr):
                assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]", text), (name, form, text)
    # A name of a file is text of others too.
    odd = folder / "a\x1b[31mb.log"
    odd.write_text(LOG)
    done = run_weir("plan", "--limit", "client_ip 20/s burst=20", "--log", str(odd), cwd=folder)
    assert done.returncode == 0 and "\x1b" not in done.stdout + done.stderr


def test_what_a_log_cannot_tell_of_an_edit_is_not_harmless(folder, log):
    """Found by mutants: a cap of the head below what was sent, and a rule that reads another header, were called harmless
    from a log, which has neither."""
    (folder / "gateway.yaml").write_text(CONFIG)
    capped = CONFIG.replace("address: 127.0.0.1:8080", "address: 127.0.0.1:8080, caps: {head: 8KiB}")
    (folder / "capped.yaml").write_text(capped)
    done = plan(folder, "capped.yaml", "--base", "gateway.yaml", "--log", log)
    assert done.returncode == 4 and "cap of the head" in done.stdout
    assert plan(folder, "gateway.yaml", "--base", "capped.yaml", "--log", log).returncode == 0   # a higher one harms nobody

    (folder / "keys.yaml").write_text(f'- {{name: acme, digest: "sha256:{"0" * 64}"}}\n')
    (folder / "own.log").write_text("".join(f'198.51.100.7 [{DAY}:00:00:{second:02} +0000] "GET / HTTP/1.1" 200 acme\n' for second in range(30)))
    keyed = CONFIG.replace("limits:\n  - name", "identity:\n  - {name: partner, api_key: {header: X-Api-Key, file: keys.yaml}}\nlimits:\n  - name") + "    auth: {require: [partner]}\n"
    (folder / "keyed.yaml").write_text(keyed)
    (folder / "renamed.yaml").write_text(keyed.replace("X-Api-Key", "X-Partner-Key"))
    words = ("--log", "own.log", "--log-format", "nginx:$remote_addr [$time_local] \"$request\" $status $owner", "--field", "identity:partner=owner")
    assert plan(folder, "keyed.yaml", "--base", "keyed.yaml", *words).returncode == 0
    done = plan(folder, "renamed.yaml", "--base", "keyed.yaml", *words)
    assert done.returncode == 4 and "rule partner reads what this log does not have" in done.stdout, done.stdout


def test_durations_of_a_few_are_not_those_of_all(folder):
    """A timeout of a renamed route, in a log that has durations of one request in ten, of one in two."""
    (folder / "gateway.yaml").write_text(CONFIG)
    (folder / "short.yaml").write_text(CONFIG.replace("- name: app\n    match", "- name: app-2\n    timeouts: {response: 100ms}\n    match"))
    own = "nginx:$remote_addr [$time_local] \"$request\" $status $upstream_response_time"
    for one_in, code in ((10, 4), (2, 0)):
        (folder / "own.log").write_text("".join(f'198.51.100.7 [{DAY}:00:{i // 6:02}:{i % 6 * 10:02} +0000] "GET / HTTP/1.1" 200 {"0.020" if i % one_in == 0 else "-"}\n' for i in range(60)))
        done = plan(folder, "short.yaml", "--base", "gateway.yaml", "--log", "own.log", "--log-format", own)
        assert done.returncode == code and ("durations of 6" in done.stdout) == (code == 4), done.stdout


def test_wrong_words(folder, log):
    assert plan(folder, "--limit", "client_ip 1/s").returncode == 2
    assert plan(folder, "--limit", "client_ip", "--log", log).returncode == 1
    assert plan(folder, "gateway.yaml", "--limit", "client_ip 1/s", "--log", log).returncode == 2
    assert "log_format" in run_weir("help", "log-format", cwd=folder).stdout


def test_a_recording_of_weir_is_planned(gateway, upstream, folder):
    g = gateway(upstream(), limits=[{"name": "per-ip", "key": "client_ip", "rate": "100/s", "burst": 200}], route={"limits": ["per-ip"]})
    for i in range(60):
        assert g.get(f"/orders/{i}", headers=["X-Pad: " + "a" * 2000])[0].status == 200
    g.stop()
    segments = list((g.data / "segments").glob("*.weirseg"))
    assert segments, list(g.data.iterdir())

    harmless = g.folder / "wider.yaml"
    harmless.write_text(json.dumps({**g.config, "limits": [{"name": "per-ip", "key": "client_ip", "rate": "80/s", "burst": 300}]}))
    harmful = g.folder / "tight.yaml"
    harmful.write_text(json.dumps({**g.config, "limits": [{"name": "per-ip", "key": "client_ip", "rate": "1/min", "burst": 2}]}))
    code, report = judged(g.folder, harmless, "--recording", g.data)
    assert code == 0, report
    assert report["input"]["rows"] == 60 and report["requests"]["judged"] == 60 and report["input"]["kind"] == "recording"
    # Burst 2 and nothing more within the minute: 58 of 60, or a few less on a machine that took minutes.
    code, report = judged(g.folder, harmful, "--recording", g.data)
    assert report["requests"]["newly_refused"] == 58, report
    assert report["hurt"] == [{**report["hurt"][0], "caller": "127.0.0.1", "after_refused": 58, "of": 60}]
    assert code == 3 and report["callers"]["established_newly_refused"] == 1, report
    code, _ = judged(g.folder, harmful, "--recording", g.data / "segments", "--base", g.file)
    assert code == 3
    # A route that is taken away.
    gone = g.folder / "gone.yaml"
    gone.write_text(json.dumps({**g.config, "routes": [{**g.config["routes"][0], "match": {"path": "/nothing/*"}}]}))
    code, report = judged(g.folder, gone, "--recording", g.data, "--base", g.file)
    assert code == 3 and report["causes"] == [{"name": "no_route", "newly_refused": 60}]
    # A cap of the head below what was sent, and a key that is asked for under a name that nobody sends.
    capped = g.folder / "capped.yaml"
    capped.write_text(json.dumps({**g.config, "listeners": [{**g.config["listeners"][0], "caps": {"head": "1KiB", "line": "512B"}}]}))
    code, report = judged(g.folder, capped, "--recording", g.data)
    assert code == 3 and report["causes"] == [{"name": "head_too_large", "newly_refused": 60}], report
    (g.folder / "keys.yaml").write_text("[]\n")
    closed = g.folder / "closed.yaml"
    closed.write_text(json.dumps({**g.config, "identity": [{"name": "partner", "api_key": {"header": "X-Renamed", "file": "keys.yaml"}}],
                                  "routes": [{**g.config["routes"][0], "auth": {"require": ["partner"]}}]}))
    code, report = judged(g.folder, closed, "--recording", g.data)
    assert code == 3 and report["causes"] == [{"name": "auth_denied", "newly_refused": 60}], report
    done = plan(g.folder, harmful, "--recording", folder)
    assert done.returncode == 1 and "installation.key" in done.stderr


def test_durations_of_a_recording_judge_timeouts(gateway, upstream):
    """Six of thirty answers take 0.4 s: a timeout of 0.2 s would have cut just those, one of 2 s none."""
    def serve(connection):
        while True:
            try:
                head, _ = connection.read_request()
            except (Broken, OSError):
                return
            if head.target.startswith("/slow"):
                time.sleep(0.4)
            connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    g = gateway(upstream(default=serve))
    for i in range(30):
        assert g.get(f"/{'slow' if i % 5 == 0 else 'quick'}/{i}")[0].status == 200
    g.stop()

    def with_response(timeout):
        path = g.folder / "other.yaml"
        path.write_text(json.dumps({**g.config, "routes": [{**g.config["routes"][0], "timeouts": {"response": timeout}}]}))
        return judged(g.folder, path, "--recording", g.data)
    code, report = with_response("200ms")
    assert code == 3 and not [cannot for cannot in report["input"]["cannot_judge"] if cannot["what"] == "timeouts"]
    assert [round(cut["cut_share"], 3) for cut in report["timeouts"]] == [0.2], report
    code, report = with_response("2s")
    assert code == 0 and report["timeouts"] == [], report


def test_what_runs_now_can_be_the_base(gateway, upstream, log):
    g = gateway(upstream(), limits=[{"name": "per-ip", "key": "client_ip", "rate": "1/s", "burst": 10}], route={"limits": ["per-ip"]})
    tighter = g.folder / "tighter.yaml"
    tighter.write_text(json.dumps({**g.config, "limits": [{"name": "per-ip", "key": "client_ip", "rate": "1/s", "burst": 5}]}))
    code, report = judged(g.folder, tighter, "--base", "live", "--log", log)
    assert code == 3 and report["base"] == "live"
    # Of 100 in ten seconds 10 + 9 pass under what runs and 5 + 9 under the new one: five are new.
    assert report["requests"]["newly_refused_high"] == 5 and report["limits"][0]["refused_high"] == 86
    g.stop()
    assert plan(g.folder, tighter, "--base", "live", "--log", log).returncode == 5


def nginx_json(second, path="/", client="198.51.100.7", status=200, request=None, **fields):
    """A line of a log with milliseconds; each request took two."""
    return json.dumps({"msec": f"{1_793_491_200 + second:.3f}", "remote_addr": client, "request": request or f"GET {path} HTTP/1.1",
                       "status": str(status), "request_time": "0.002", **fields}) + "\n"


def test_callers_behind_a_trusted_proxy_are_whom_it_names(folder):
    """A hundred clients of one proxy: one asks twenty times a second, the others once each."""
    (folder / "gateway.yaml").write_text(CONFIG.replace("address: 127.0.0.1:8080", "address: 127.0.0.1:8080, trusted_proxies: [10.0.0.0/8]").replace("20/s", "2/s\n    burst: 4"))
    clients = [(i / 20, "203.0.113.200") for i in range(100)] + [(i / 20 + 0.01, f"203.0.113.{i + 1}") for i in range(99)]
    (folder / "proxy.log").write_text("".join(nginx_json(at, client="10.0.0.1", http_x_forwarded_for=client) for at, client in sorted(clients)))
    _, report = judged(folder, "gateway.yaml", "--log", "proxy.log")
    assert report["callers"]["active"] == 100
    # Burst 4 at 2/s in 4.95 s: 4 + 9 of the hundred pass.
    assert [(hurt["caller"], hurt["after_refused"], hurt["of"]) for hurt in report["hurt"]] == [("203.0.113.200", 87, 100)], report["hurt"]


def test_what_expect_wants_refused_is_no_harm(folder):
    """A scraper asks ten times a second under 2/s burst 5: 5 + 19 of 100 pass within 9.9 s. Refused on purpose."""
    config = CONFIG.replace("limits:\n", "identity:\n  - {name: partner, service: {header: X-Caller, from: [0.0.0.0/0]}}\nlimits:\n", 1)
    config = config.replace("key: client_ip\n    rate: 20/s", "key: caller\n    rate: 2/s\n    burst: 5")
    wanted = config.replace("    burst: 5\n", "    burst: 5\n    expect: {callers: [scraper-*]}\n")
    (folder / "gateway.yaml").write_text(config)
    (folder / "wanted.yaml").write_text(wanted)
    (folder / "own.log").write_text("".join(nginx_json(i / 10, api_key_id="scraper-17") for i in range(100)))
    words = ("--log", "own.log", "--field", "identity:partner=api_key_id")
    code, report = judged(folder, "gateway.yaml", *words)
    assert code == 3 and report["requests"]["newly_refused"] == 76 and report["requests"]["newly_expected"] == 0
    code, report = judged(folder, "wanted.yaml", *words)
    assert code == 0 and report["requests"]["newly_refused"] == 0 and report["hurt"] == [], report
    assert report["requests"]["newly_expected"] == report["requests"]["after_refused"] == report["limits"][0]["refused"] == 76
    assert report["limits"][0]["nearest_safe"] is None
    assert "76 more as `expect` wants, which is no harm" in plan(folder, "wanted.yaml", *words).stdout


def test_an_endpoint_of_two_upstreams_has_its_share_of_each(folder):
    config = CONFIG.replace("  - {name: app, endpoints: [127.0.0.1:9001]}", "  - {name: app, endpoints: [127.0.0.1:9001, 127.0.0.1:9002]}\n  - {name: ord, endpoints: [127.0.0.1:9001]}")
    (folder / "gateway.yaml").write_text(config + "  - name: orders\n    match: {path: /orders/*}\n    upstream: ord\n")
    (folder / "own.log").write_text("".join(nginx_json(i, ("/orders/1", "/a")[i % 2], upstream_addr="127.0.0.1:9001") for i in range(400)))
    _, report = judged(folder, "gateway.yaml", "--log", "own.log")
    shares = {(part["upstream"], part["endpoint"]): part["share"] for part in report["balance"]}
    assert shares == {("app", "127.0.0.1:9001"): 0.5, ("app", "127.0.0.1:9002"): 0.5, ("ord", "127.0.0.1:9001"): 1}
    # 30 orders a minute and half of the 30 others.
    assert [part["picks_per_s"] for part in report["balance"] if part["endpoint"] == "127.0.0.1:9001"] == [pytest.approx(45 / 60)] * 2


def test_the_next_command_of_several_limits_has_all_of_them(folder, log):
    words = ("--limit", "client_ip+route 1/s burst=10", "--limit", "all 500/s", "--log", log)
    last = plan(folder, *words).stdout.splitlines()[-1]
    proposed = re.search(r"try: weir plan (--limit '.*) --limit 'all 500/s'$", last)
    assert proposed and re.fullmatch(r"--limit 'client_ip\+route \S+ burst=\d+'", proposed[1]), last
    limit = proposed[1].removeprefix("--limit '").removesuffix("'")
    assert plan(folder, "--limit", limit, "--limit", "all 500/s", "--log", log).returncode == 0


def test_a_base_without_a_route_for_odd_lines(folder):
    (folder / "new.yaml").write_text(CONFIG)
    (folder / "old.yaml").write_text(CONFIG.replace("path: /*", "path: /api/*"))
    lines = (nginx_json(i, "/api/x") if i % 2 else nginx_json(i, status=400, request="\x16\x03\x01") for i in range(20))
    (folder / "odd.log").write_text("".join(lines))
    code, report = judged(folder, "new.yaml", "--base", "old.yaml", "--log", "odd.log")
    assert code == 0 and report["requests"]["judged"] == 20 and report["requests"]["newly_refused"] == report["requests"]["newly_allowed"] == 0


def test_an_imported_log_is_judged_as_the_log_is(folder):
    """What the configuration would have done when it was imported is nothing that happened, nor is whom it would have sent it to."""
    config = CONFIG.replace("version: 1\n", "version: 1\ndata_dir: data\n").replace("20/s", "5/s").replace("[127.0.0.1:9001]", "[127.0.0.1:9001, 127.0.0.1:9002]")
    (folder / "gateway.yaml").write_text(config)
    lines = [nginx_json(i / 10, upstream_addr="127.0.0.1:9001", status=429 if i == 7 else 504 if i == 9 else 200) for i in range(200)]
    lines += [nginx_json(30 + i, status=400, request="\x16\x03\x01") for i in range(5)]
    (folder / "own.log").write_text("".join(lines))
    done = run_weir("import", "--log", "own.log", "-c", "gateway.yaml", cwd=folder)
    assert done.returncode == 0, done.stderr
    for words in ((), ("--set", "limits.per-ip.rate=1/s"), ("--set", "routes.app.match.path=/other/*"), ("--set", "routes.app.timeouts.response=1ms")):
        code, by_log = judged(folder, "gateway.yaml", *words, "--log", "own.log")
        recorded, report = judged(folder, "gateway.yaml", *words, "--recording", "data")
        assert code == recorded and by_log["verdict"] == report["verdict"] and by_log["reasons"] == report["reasons"], words
        for part in ("requests", "limits", "routes", "causes", "timeouts"):
            assert by_log[part] == report[part], (words, part)
        assert [part["sustained_per_s"] for part in by_log["balance"]] == [part["sustained_per_s"] for part in report["balance"]]
    assert code == 3
