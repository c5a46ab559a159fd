"""The caller directory: who calls, who is known, who is refused by what since when. Fed by live traffic, by an access log and
by a recording; what it says of a log is counted anew here, from the log's lines."""
import collections
import contextlib
import datetime
import gzip
import json
import lzma
import os
import re
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from harness.gateway import binary, run_weir
from harness.raw import answer_all

DATA = Path(__file__).parents[3] / "shared/data/http"
WEB = DATA / "semicomplete-2015.combined.log.xz"
LINE = re.compile(r'(\S+) \S+ \S+ \[([^\]]+)\] "(?:\\.|[^"\\])*" (\d{3}) ')
UTC = datetime.timezone.utc


def text(done, code=0):
    """Standard output of a command for people: of that exit code, at most 100 columns, nothing that a terminal obeys."""
    assert done.returncode == code, done.stdout + done.stderr
    for out in (done.stdout, done.stderr):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]", out), out
    assert max(map(len, done.stdout.splitlines()), default=0) <= 100, done.stdout
    return done.stdout


def of(g, name, **options):
    done = g.command("callers", "show", name, "-o", "json", **options)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert len(answer["callers"]) == 1
    return answer["callers"][0]


def once_seen(g, requests):
    """Once the directory has so many requests, of all callers together. Workers hand on what they have every 100 ms."""
    g.eventually(lambda: sum(each["requests"] for each in directory(g)["callers"]) >= requests, what=f"{requests} requests in the directory")


def moment(stamp):
    return datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()


@pytest.fixture
def limited(gateway, upstream):
    """Two addresses behind a trusted proxy, 5 requests an hour each."""
    return gateway(upstream(), listener={"trusted_proxies": ["127.0.0.0/8"]},
                   limits=[{"name": "per-caller", "key": "caller", "rate": "1/h", "burst": 5}], route={"limits": ["per-caller"]})


def ask(g, client, count=1, **options):
    return [g.get("/x", headers=[f"X-Forwarded-For: {client}"], **options)[0].status for _ in range(count)]


# ---- live

def test_a_refused_caller_is_told_by_rule_and_since_when(limited):
    g = limited
    assert ask(g, "192.0.2.7", 5) == [200] * 5 and ask(g, "192.0.2.8", 2) == [200] * 2
    before = time.time()
    assert ask(g, "192.0.2.7", 4) == [429] * 4
    after = time.time()
    once_seen(g, 11)

    hurt = of(g, "192.0.2.7")
    assert (hurt["kind"], hurt["standing"], hurt["requests"], hurt["good"], hurt["refused"]) == ("client", "new", 9, 5, 4)
    now = hurt["refused_now"]
    assert (now["rule"], now["cause"], now["count"], now["count_since"], now["revision"]) == ("per-caller", "limit_rejected", 4, 4, "r1")
    assert before - 0.01 <= moment(now["since"]) <= moment(now["last"]) <= after + 0.01
    assert hurt["routes"] == [{"route": "all", "requests": 9, "last": hurt["last_seen"]}]
    assert hurt["rate_per_min"]["busiest"] in range(5, 10)
    fine = of(g, "192.0.2.8")
    assert fine["refused_now"] is None and fine["refusals"] == [] and fine["requests"] == 2

    shown = text(g.command("callers", "show", "192.0.2.7"))
    assert shown.startswith("REFUSED   192.0.2.7 is being refused by per-caller since 20")
    assert "4 requests" in shown.splitlines()[0] and shown.splitlines()[-1].startswith("next: ")
    assert text(g.command("callers", "show", "192.0.2.8")).startswith("FINE   192.0.2.8")
    listed = text(g.command("callers")).splitlines()
    assert listed[0].startswith("2 callers, 0 known, 0 established   1 being refused now")
    assert listed[2].startswith("! 192.0.2.7") and listed[3].startswith("  192.0.2.8")
    assert g.api("callers?by=requests&limit=1")["callers"][0]["caller"] == "192.0.2.7"
    assert g.api("callers")["total"] == 2 and g.api("status")["callers"]["error"] == ""


def test_what_was_seen_is_there_without_the_gateway_and_after_a_restart(limited):
    g = limited
    ask(g, "192.0.2.7", 7)
    g.stop()
    assert of(g, "192.0.2.7")["requests"] == 7
    done = run_weir("callers", "show", "192.0.2.7", "--data-dir", str(g.data), "-o", "json")
    assert json.loads(done.stdout)["callers"][0]["refused"] == 2
    g.start()
    ask(g, "192.0.2.7", 1)
    once_seen(g, 8)
    assert of(g, "192.0.2.7")["requests"] == 8


def test_a_gateway_that_is_killed_loses_a_few_seconds(limited):
    g = limited
    ask(g, "192.0.2.7", 3)
    g.eventually(lambda: g.api("status")["callers"]["written"] > 0, timeout=10, what="entries were written")
    g.may_end_with = -signal.SIGKILL
    os.kill(g.pid, signal.SIGKILL)
    g.wait()
    assert of(g, "192.0.2.7")["requests"] == 3


def test_a_credential_names_its_caller_whatever_its_address(gateway, upstream, folder):
    g = gateway(upstream(), listener={"trusted_proxies": ["127.0.0.0/8"]},
                identity=[{"name": "services", "service": {"header": "X-Service", "from": ["0.0.0.0/0"]}}])
    for client in ("192.0.2.1", "192.0.2.2"):
        g.get("/", headers=[f"X-Forwarded-For: {client}", "X-Service: billing"])
    g.get("/", headers=["X-Forwarded-For: 2001:db8:1:2:3::4"])
    once_seen(g, 3)
    assert (of(g, "billing")["kind"], of(g, "billing")["requests"]) == ("credential", 2)
    assert of(g, "2001:db8:1:2::")["requests"] == 1
    assert g.api("callers")["total"] == 2


def test_a_name_that_no_service_has_names_nobody(gateway, upstream):
    g = gateway(upstream(), identity=[{"name": "services", "service": {"header": "X-Service", "from": ["127.0.0.0/8"]}}])
    for name in ("'; DROP TABLE callers; --", "x" * 6000, "\xff\xfe\x9b31m", '"&lt;{}', "../../etc/passwd"):
        assert g.get("/", headers=[f"X-Service: {name}"])[0].status == 200
    once_seen(g, 5)
    assert g.api("callers")["total"] == 2 and of(g, "127.0.0.1")["requests"] == 4
    assert of(g, "../../etc/passwd")["requests"] == 1   # a slash is a byte of a name like others
    unknown = g.command("callers", "show", "\x1b[31mnobody")
    assert unknown.returncode == 1 and "\x1b" not in unknown.stderr and "weir callers lists" in unknown.stderr


def test_an_upstream_that_fails_is_a_bad_exchange(gateway, upstream):
    g = gateway(upstream(default=lambda connection: answer_all(connection, b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")))
    assert [g.get("/")[0].status for _ in range(3)] == [503] * 3
    once_seen(g, 3)
    one = of(g, "127.0.0.1")
    assert (one["requests"], one["bad"], one["good"], one["active_days"]) == (3, 3, 0, 0)


# ---- a directory that cannot be kept never touches traffic

def test_a_damaged_directory_is_set_aside_and_said(limited):
    g = limited
    ask(g, "192.0.2.7")
    g.stop()
    for file in g.data.glob("callers.db*"):
        file.unlink()
    (g.data / "callers.db").write_bytes(b"no database" * 1000)
    g.start()
    assert ask(g, "192.0.2.9") == [200]
    once_seen(g, 1)
    assert of(g, "192.0.2.9")["requests"] == 1
    aside = g.api("status")["callers"]["set_aside"]
    assert Path(aside).read_bytes() == b"no database" * 1000
    assert "begun anew" in text(g.command("status"))


def test_a_directory_that_cannot_be_written_is_said_and_traffic_goes_on(limited):
    g = limited
    g.stop()
    for file in g.data.glob("callers.db*"):
        file.unlink()
    (g.data / "callers.db").mkdir()
    g.start()
    assert ask(g, "192.0.2.7", 2) == [200] * 2
    g.eventually(lambda: g.api("status")["callers"]["error"], what="the error is in status")
    assert "NOT WRITTEN" in text(g.command("status"))
    done = g.command("callers")
    assert done.returncode == 1 and "callers.db" in done.stderr
    # Once it can be written, what was seen meanwhile is there.
    (g.data / "callers.db").rmdir()
    g.eventually(lambda: g.api("status")["callers"]["error"] == "", timeout=15, what="it is written again")
    assert of(g, "192.0.2.7")["requests"] == 2


# ---- import

def counted(lines):
    """What the directory must say of a log in combined format: by the glossary, line by line."""
    callers = collections.defaultdict(lambda: {"requests": 0, "good": 0, "fine": 0, "refused": 0, "days": set(), "minutes": set(), "times": []})
    for line in lines:
        client, stamp, status = LINE.match(line).groups()
        at, status = datetime.datetime.strptime(stamp, "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC), int(status)
        one = callers[client]
        one["requests"] += 1
        one["times"].append(at)
        one["minutes"].add(at.replace(second=0))
        one["fine"] += 200 <= status < 400
        one["refused"] += status in (401, 403, 429)
        if status < 500 and status not in (401, 403, 429):
            one["good"] += 1
            one["days"].add(at.date())
    return callers


def imported(g, *words, **options):
    done = g.command("import", *map(str, words), "--report", "json", **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def directory(g, **options):
    done = g.command("callers", "--by", "requests", "--limit", "10000", "-o", "json", **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(not WEB.exists(), reason=f"{WEB} is not there")
def test_a_log_is_counted_as_its_lines_say(gateway, upstream):
    g = gateway(upstream(), start=False)
    lines = lzma.open(WEB, "rt", encoding="latin-1").read().splitlines()
    report = imported(g, "--log", WEB)
    expected = counted(lines)
    assert report["entries"] == report["taken"] == len(lines) and report["skipped"] == 0
    assert report["recorded"]["arrivals"] == len(lines) and report["cannot_judge"] == 0
    answer = directory(g)
    found = {each["caller"]: each for each in answer["callers"]}
    assert set(found) == set(expected) and answer["total"] == len(expected)
    known = established = 0
    for name, want in expected.items():
        have = found[name]
        is_known = len(want["days"]) > 1
        is_established = not is_known and want["requests"] >= 20 and want["fine"] >= 0.95 * want["requests"]
        known, established = known + is_known, established + is_established
        assert have["standing"] == ("known" if is_known else "established" if is_established else "new"), name
        assert (have["requests"], have["good"], have["active_days"], have["refused"]) == \
            (want["requests"], want["good"], len(want["days"]), want["refused"]), name
        assert have["rate_per_min"]["active_minutes"] == len(want["minutes"]), name
        assert moment(have["first_seen"]) == min(want["times"]).timestamp() and moment(have["last_seen"]) == max(want["times"]).timestamp()
        assert sum(route["requests"] for route in have["routes"]) == want["requests"]
    assert (answer["known"], answer["established"]) == (known, established) and known > 100
    assert report["callers"] == {"total": len(expected), "known": known, "established": established}


@pytest.mark.skipif(not WEB.exists(), reason=f"{WEB} is not there")
def test_the_same_log_again_adds_nothing_and_what_has_grown_is_added(gateway, upstream, folder):
    g = gateway(upstream(), start=False)
    lines = sorted(lzma.open(WEB, "rt", encoding="latin-1").read().splitlines(keepends=True),
                   key=lambda line: datetime.datetime.strptime(LINE.match(line)[2], "%d/%b/%Y:%H:%M:%S %z"))
    cut = 6000
    while LINE.match(lines[cut])[2] == LINE.match(lines[cut - 1])[2]:   # a second is not cut in two
        cut += 1
    log = folder / "access.log"
    log.write_text("".join(lines[:cut]), encoding="latin-1")
    assert imported(g, "--log", log)["taken"] == cut
    again = imported(g, "--log", log)
    assert (again["taken"], again["imported_before"]) == (0, cut) and again["recorded"]["segments"] == 0
    # Rotated, packed, and grown since.
    packed = folder / "access.log.1.gz"
    packed.write_bytes(gzip.compress("".join(lines).encode("latin-1")))
    grown = imported(g, "--log", packed)
    assert (grown["taken"], grown["imported_before"]) == (len(lines) - cut, cut)
    assert "were imported before" in text(g.command("import", "--log", str(log)))
    expected = counted(lines)
    assert {each["caller"]: each["requests"] for each in directory(g)["callers"]} == \
        {name: one["requests"] for name, one in expected.items()}
    exported = run_weir("export", str(g.data))
    assert exported.stdout.count("\n") == len(lines)


def test_of_a_log_that_has_grown_what_began_before_is_added(gateway, upstream, folder):
    g = gateway(upstream(), start=False)
    log = folder / "access.log"
    words = ("--log", log, "--log-format", '$remote_addr [$time_local] "$request" $status $request_time')

    def line(second, took):
        return f'198.51.100.1 [01/Jan/2022:10:00:{second:02} +0000] "GET /a HTTP/1.1" 200 {took}.000\n'

    log.write_text(line(10, 0) + line(12, 0) + line(20, 0)[:40])
    assert imported(g, *words)["taken"] == 2
    # The line that was half written; one that had begun before all that was there; one of the same second.
    log.write_text(line(10, 0) + line(12, 0) + line(20, 0) + line(21, 15) + line(20, 0))
    grown = imported(g, *words)
    assert (grown["taken"], grown["imported_before"]) == (3, 2)
    again = imported(g, *words)
    assert (again["taken"], again["imported_before"]) == (0, 5)
    assert of(g, "198.51.100.1")["requests"] == 5


def test_times_without_a_zone_are_read_as_it_is_told(gateway, upstream, folder):
    log = folder / "haproxy.log"
    log.write_text('198.51.100.1:14853 [24/Jan/2022:16:51:02.000] in~ a/b 0/0/0/3/3 200 7 - - ---- 1/1/0/0/0 0/0 "GET /a HTTP/1.1"\n')
    for zone, told, hour in (((), "read as UTC", 16), (("--zone", "+09:00"), "read as +09:00", 7)):
        g = gateway(upstream(), start=False)
        report = imported(g, "--log", log, *zone)
        assert f"times have no zone: {told}" in report["notes"][0]
        assert moment(of(g, "198.51.100.1")["first_seen"]) == datetime.datetime(2022, 1, 24, hour, 51, 2, tzinfo=datetime.timezone.utc).timestamp()
    refused = g.command("import", "--log", str(log), "--zone", "Berlin")
    assert refused.returncode == 1 and "--zone Berlin" in refused.stderr


LOG = "".join(f'198.51.100.{1 + n % 3} - - [0{1 + n // 30}/Jan/2022:10:{n % 30:02}:00 +0000] "GET /a HTTP/1.1" {429 if n % 10 == 9 else 200} 12 "-" "x"\n'
              for n in range(60))   # three clients over two days


def test_a_log_is_imported_beside_a_running_gateway(limited, folder):
    g = limited
    log = folder / "access.log"
    log.write_text(LOG)
    ask(g, "198.51.100.1", 2)
    assert imported(g, "--log", log)["taken"] == 60
    once_seen(g, 62)
    one = of(g, "198.51.100.1")
    assert one["requests"] == 22 and one["standing"] == "known"
    assert [(use["rule"], use["status"], use["count"]) for use in one["refusals"]] == [(None, 429, 2)]
    assert sum(each["refused"] for each in directory(g)["callers"]) == 6
    # Who is known by the log is known to the gateway: its refusals are bad exchanges now.
    ask(g, "198.51.100.1", 6)
    once_seen(g, 68)
    assert text(g.command("callers", "show", "198.51.100.1")).startswith("HURT   198.51.100.1 is being refused by per-caller")
    assert of(g, "198.51.100.1")["bad"] >= 3


def test_names_of_any_kind_are_safe(gateway, upstream, folder):
    """Clients and subjects of a log may be any bytes: they are names like others, in the files, in answers and on a terminal."""
    g = gateway(upstream(), identity=[{"name": "partner", "api_key": {"header": "X-Key", "file": "keys.yaml"}}], start=False)
    (g.folder / "keys.yaml").write_text("[]\n")
    log = folder / "access.log"
    names = ["\x1b[31mred\x07", "'); DROP TABLE callers;--", "a/../b?c=d#e%00", "\x01\x7f\x9b", '"quoted\\"', "日本", "z" * 10_000]
    log.write_text("".join(json.dumps({"time": f"2022-01-01T10:00:{n:02}Z", "remote_addr": name if n % 2 else "192.0.2.1", "who": name,
                                       "request": "GET /a HTTP/1.1", "status": "200"}) + "\n" for n, name in enumerate(names)))
    words = ("--log", log, "--log-format", "nginx-json", "--field", "identity:partner=who")
    assert imported(g, *words)["taken"] == len(names)
    text(g.command("import", *map(str, words)))
    text(g.command("callers"))
    g.start()
    for name in names:
        for options in ({}, {"config": False}):
            told = [] if not options else ["--data-dir", str(g.data)]
            done = g.command("callers", "show", name, "-o", "json", *told, **options)
            assert done.returncode == 0, (name[:40], done.stderr)
            one, = json.loads(done.stdout)["callers"]
            assert (one["kind"], one["requests"]) == ("credential", 1)
            assert one["caller"] == name or len(name) > 160 and one["caller"].startswith(name[:100])
        text(g.command("callers", "show", name))
    text(g.command("callers"))
    assert g.api("callers")["total"] == len(names)


def test_a_recording_is_counted_once(limited, gateway, upstream):
    g = limited
    ask(g, "192.0.2.7", 7)
    ask(g, "192.0.2.8", 2)
    g.stop()
    other = gateway(upstream(), start=False)
    assert imported(other, "--recording", g.data)["taken"] == 9
    seven = of(other, "192.0.2.7")
    assert (seven["requests"], seven["refused"], seven["refusals"][0]["rule"]) == (7, 2, "per-caller")
    again = imported(other, "--recording", g.data)
    assert (again["taken"], again["imported_before"]) == (0, 9)
    # What a gateway recorded itself is in its directory already; a lost directory is made anew.
    assert imported(g, "--recording", g.data)["taken"] == 0
    for file in g.data.glob("callers.db*"):
        file.unlink()
    assert imported(g, "--recording", g.data)["taken"] == 9


def test_a_recording_of_a_log_is_counted_as_the_log_says(gateway, upstream, folder):
    """Six requests, one of them answered 429: the limit of the configuration, which would have refused four, refused nobody then."""
    limited = {"limits": [{"name": "per-ip", "key": "client_ip", "rate": "1/h", "burst": 2}], "route": {"limits": ["per-ip"]}}
    g, other = (gateway(upstream(), start=False, **limited) for _ in range(2))
    log = folder / "access.log"
    log.write_text("".join(f'198.51.100.1 - - [01/Jan/2022:10:00:{n:02} +0000] "GET /a HTTP/1.1" {429 if n == 1 else 200} 12 "-" "x"\n' for n in range(6)))
    assert imported(g, "--log", log)["would_refuse"] == 4
    assert imported(other, "--recording", g.data)["taken"] == 6
    counts = [{key: of(each, "198.51.100.1")[key] for key in ("requests", "good", "bad", "refused", "refusals")} for each in (g, other)]
    assert counts[0] == counts[1]
    assert (counts[1]["requests"], counts[1]["good"], counts[1]["refused"]) == (6, 5, 1)
    assert [(use["rule"], use["status"], use["count"]) for use in counts[1]["refusals"]] == [(None, 429, 1)]

    done = g.command("export", str(g.data), config=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["status"], row["route"], row["action"], row["cause"], row["rule"]) for row in rows] == [
        (429 if n == 1 else 200, "all", None, None, None) for n in range(6)]


def test_who_ends_an_import_at_its_last_moment_leaves_nothing_that_is_added_again(gateway, upstream, folder):
    g = gateway(upstream(), start=False)
    first, log = folder / "first.log", folder / "access.log"
    first.write_text(LOG)
    imported(g, "--log", first)   # so that there is a directory
    log.write_text("".join(f'198.51.100.{n % 200} - - [03/Jan/2022:10:{n // 6000:02}:{n // 100 % 60:02} +0000] "GET /a HTTP/1.1" 200 12 "-" "x"\n'
                           for n in range(200_000)))
    before = len(list(g.data.glob("segments/*.weirseg")))
    asked = subprocess.Popen([binary(), "import", "--log", str(log), "-c", str(g.file)], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20

    def wait_for(done):
        while not done() and asked.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.001)
    wait_for(lambda: list(g.data.glob("segments/*.part")))
    with contextlib.closing(sqlite3.connect(g.data / "callers.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")   # the directory lets the import wait
        wait_for(lambda: len(list(g.data.glob("segments/*.weirseg"))) > before)
        assert asked.poll() is None, "it ended before it was told to"
        asked.send_signal(signal.SIGINT)
        time.sleep(0.3)
        other.execute("ROLLBACK")
    asked.wait(20)
    again = imported(g, "--log", log)
    assert (again["taken"], again["imported_before"]) == (0, 200_000) and again["recorded"]["segments"] == 0


def test_nothing_is_imported_where_it_fails(gateway, upstream, folder):
    g = gateway(upstream(), start=False)
    missing = g.command("import", "--log", str(folder / "none.log"))
    assert missing.returncode == 1 and "none.log" in missing.stderr
    binary = folder / "binary.log"
    binary.write_bytes(os.urandom(5000))
    assert g.command("import", "--log", str(binary)).returncode == 1
    assert directory(g)["total"] == 0 and not list(g.data.glob("segments/*"))
    for words in ([], ["nginx.conf", "--log", "x"], ["--log", "x", "--recording", "y"], ["--log", "x", "--out", "z"]):
        assert run_weir("import", *words, cwd=folder).returncode == 2


# ---- plan

def planned(g, *words):
    done = g.command("plan", str(g.file), *map(str, words), "-o", "json", config=False)
    return done.returncode, json.loads(done.stdout)


def test_plan_asks_the_directory_who_is_known(gateway, upstream, folder):
    """A quarter of an hour of three clients with six requests each: too few to be established. The directory knows one."""
    g = gateway(upstream(), limits=[{"name": "per-ip", "key": "client_ip", "rate": "1/h", "burst": 2}], route={"limits": ["per-ip"]}, start=False)
    history, log = folder / "history.log", folder / "today.log"
    history.write_text("".join(f'198.51.100.1 - - [0{day}/Jan/2022:10:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "x"\n' for day in (1, 2, 3)))
    log.write_text("".join(f'198.51.100.{1 + n % 3} - - [04/Jan/2022:10:{n // 3 * 2:02}:{n % 3:02} +0000] "GET /a HTTP/1.1" 200 12 "-" "x"\n'
                           for n in range(18)))
    code, report = planned(g, "--log", log, "--budget-requests", "1")
    assert code == 0 and report["callers"]["newly_refused"] == 3 and report["callers"]["known_newly_refused"] == 0
    assert report["budget"]["counts"] == "established" and report["budget"]["known_by"] == "input"

    imported(g, "--log", history)
    code, report = planned(g, "--log", log, "--budget-requests", "1")
    assert code == 3 and report["verdict"] == "harm" and report["budget"]["counts"] == "known" and report["budget"]["known_by"] == "directory"
    assert {each["caller"]: each["known"] for each in report["hurt"]} == {"198.51.100.1": True, "198.51.100.2": False, "198.51.100.3": False}
    # Of what was imported itself as well: known before it, or not.
    imported(g, "--log", log)
    code, report = planned(g, "--recording", g.data, "--base", g.file, "--budget-requests", "1")
    assert code == 0 and report["budget"]["known_by"] == "directory"

    g.write(rollout={"harm_budget": {"known_callers": 1, "requests": "100%"}})
    code, report = planned(g, "--log", log)
    assert code == 0 and report["budget"]["known_callers"] == 1 and report["budget"]["requests"] == 1
    code, report = planned(g, "--log", log, "--budget-known", "0")
    assert code == 3 and report["budget"]["known_callers"] == 0
