"""Changing the configuration and the binary under load: no request fails, memory stays bounded, a bad file changes
nothing."""
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from harness.gateway import SMALL_PAGES, binary
from harness.load import PATIENT, Highest, Load
from harness.raw import OK, RawUpstream, get

REVISIONS = 136   # as many as a public report counts in ten minutes; here within one


def routes(number):
    """A configuration that differs with every number, and not in what this test asks for."""
    return [{"name": "all", "match": {"path": "/*"}, "upstream": "main"},
            *({"name": f"r{n}", "match": {"path": f"/r{n}/*"}, "upstream": "main"} for n in range(number % 7 + 1))]


def reload_under_load(g, count, seconds, apply):
    load = Load(g.port, keep_alive=8, new=4, pause=0.002)
    time.sleep(6)   # what load alone takes: the ring of last exchanges, seconds of arrivals that the follower holds
    before = g.memory_kib()
    with Highest(g.memory_kib) as highest:
        began = time.monotonic()
        for number in range(count):
            g.write(routes=routes(number))
            apply()
            time.sleep(max(0.0, began + (number + 1) * seconds / count - time.monotonic()))
    load.stop()
    assert not load.failed, load.failed
    assert load.done > count * 5, "too little load to mean anything"
    # It is 2 MiB; 15 more were a table of the follower that had one size for each of eight policies.
    assert highest.value - before < 8 * 1024, f"{before} KiB before, {highest.value} KiB at most"
    return load


def thousand(number):
    """Like routes(), with a name that no configuration before it had, and a limit whose buckets start anew each time."""
    return {"routes": [*routes(number), {"name": f"only-{number}", "match": {"path": f"/only-{number}/*"}, "upstream": "main", "limits": ["moving"]}],
            "limits": [{"name": "moving", "key": "caller", "rate": f"{number % 50 + 1}/s"}]}


def applies_in_a_row(g, count, made=thousand):
    """One after another, as fast as they are taken, through the admin socket; (seconds of each, how often it was busy)."""
    took, busy = [], 0
    for number in range(count):
        g.write(**made(number))
        change = json.dumps({"directory": str(g.folder), "author": "pipeline", "files": [{"name": str(g.file), "text": g.file.read_text()}]})
        while True:
            began = time.monotonic()
            status, _, answer = g.admin("/api/v1/apply", "POST", change, {"Content-Type": "application/json"})
            if status == 200:
                break
            assert status == 409 and json.loads(answer)["busy"], answer
            busy += 1
            time.sleep(0.02)
        took.append(time.monotonic() - began)
    return sorted(took), busy


@pytest.mark.slow
@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.long)])
def test_applies_in_a_row_fail_no_request_and_leave_nothing_behind(gateway, upstream, count):
    g = gateway(upstream(), overload=PATIENT, prefix=SMALL_PAGES)
    load = Load(g.port, keep_alive=8, new=4, pause=0.005)
    applies_in_a_row(g, 20)
    time.sleep(6)   # as in reload_under_load
    memory, descriptors = g.memory_kib(), g.descriptors()
    with Highest(g.memory_kib) as highest, Highest(g.descriptors) as most:
        took, busy = applies_in_a_row(g, count)
    load.stop()
    print(f"\n{count} applies, {load.done} requests: {1e3 * took[len(took) // 2]:.1f} ms each (median), p99 {1e3 * took[len(took) * 99 // 100]:.1f} ms, "
          f"busy {busy} times; {memory} KiB, {highest.value - memory:+} at most; {descriptors} descriptors, {most.value} at most")
    assert not load.failed, load.failed
    assert load.done > count
    # What a change leaves is a row on the disk, and a new name. SQLite's cache is 2 MiB, eight policies of this size are less than one, the
    # rest what the recorder and the follower hold of the load; three thousand take little more than one thousand (beside a busy machine +8 and +6).
    # In large pages, as users run it, the same machine gave +12.5 MiB after 800 and +12.8 after 2,400: whole pages, and as bounded.
    assert highest.value - memory < 8 * 1024, f"{memory} KiB before, {highest.value} KiB at most"
    # Twelve clients and what they need behind it come and go; the history's file, its journal and a segment are a handful.
    assert most.value < descriptors + 24
    g.eventually(lambda: g.descriptors() <= descriptors, what="no descriptor stays")
    rows = g.api("revisions?limit=1")["revisions"]
    assert rows[0]["revision"] == g.api("status")["revision"] == f"r{count + 21}" and rows[0]["author"] == "pipeline"


def unrecorded(number):
    """500 routes, each changed each time, none of them new by name; nothing is recorded."""
    return {"record": {"enabled": False},
            "routes": [{"name": f"r-{i}", "match": {"path": f"/{i}/{number % 50}/*"}, "upstream": "main"} for i in range(500)]}


@pytest.mark.slow
def test_applies_leave_nothing_behind_where_nothing_is_recorded(gateway, upstream):
    """Nobody asks the follower then; it was told of every policy all the same, and kept them: 25 MiB here."""
    g = gateway(upstream(), prefix=SMALL_PAGES, **unrecorded(0))
    applies_in_a_row(g, 20, unrecorded)
    before = g.memory_kib()
    applies_in_a_row(g, 120, unrecorded)
    assert g.memory_kib() - before < 8 * 1024   # eight policies live at most, and as many wait to be heard


def test_eight_policies_live_at_most(gateway, upstream):
    """A request under each keeps it; the next change is told to come again, until one of them is done."""
    release, held = threading.Event(), []

    def hold(connection):
        connection.read_request()
        held.append(connection)
        release.wait(20)
        connection.send(OK)
    g = gateway(upstream(default=hold))
    waiting = []

    def ask():
        waiting.append(g.connect())
        waiting[-1].send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        g.eventually(lambda: len(held) == len(waiting), what="the request to be under way")
    for number in range(7):
        ask()
        g.write(routes=routes(number))
        assert g.command("apply", str(g.file)).returncode == 0
    ask()
    g.write(routes=routes(7)[:1])
    done = g.command("apply", str(g.file))
    assert done.returncode == 5 and "8 earlier revisions still have requests under way; try again later" in done.stdout
    assert revision(g) == 8
    release.set()
    for connection in waiting:
        assert connection.read_response()[0].status == 200
    g.eventually(lambda: g.command("apply", str(g.file)).returncode == 0, what="room for another")


def revision(g):
    return int(str(g.api("status")["revision"]).lstrip("r"))


def taken(g, count):
    """A HUP that comes while a change waits for a slow disk is carried out after it, two of them as one."""
    return g.metric("weir_revision_drift") == 0 and count * 0.8 < revision(g) - 1 <= count


@pytest.mark.long
@pytest.mark.alone
def test_hup_136_times_within_a_minute_fails_no_request(gateway, upstream):
    g = gateway(upstream(), overload=PATIENT, prefix=SMALL_PAGES)
    reload_under_load(g, REVISIONS, 60, lambda: g.signal(signal.SIGHUP))
    g.eventually(lambda: taken(g, REVISIONS), what="the last file was taken, and nearly every one before it")


@pytest.mark.slow
def test_hup_30_times_fails_no_request(gateway, upstream):
    """The short form of the above for every run."""
    g = gateway(upstream(), overload=PATIENT, prefix=SMALL_PAGES)
    reload_under_load(g, 30, 8, lambda: g.signal(signal.SIGHUP))
    g.eventually(lambda: taken(g, 30), what="the last file was taken, and nearly every one before it")


def test_apply_takes_a_file_and_says_which_revision_runs(gateway, upstream):
    first, second = upstream(default=None), upstream(default=None)
    for peer, name in ((first, b"first"), (second, b"second")):
        peer.default = lambda c, n=name: [c.read_request(), c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(n), n))]
    g = gateway(first)
    assert g.get("/")[1] == b"first"
    g.write(upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{second.port}"]}])
    done = g.command("apply", str(g.file), "--reason", "move to second")
    assert done.returncode == 0, done.stderr
    assert "r2" in done.stdout
    assert g.get("/")[1] == b"second" and revision(g) == 2


def test_a_kept_connection_uses_the_newest_policy(gateway, upstream):
    g = gateway(upstream())
    connection = g.connect()
    connection.send("GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert connection.read_response()[0].status == 200
    g.write(routes=[{"name": "other", "match": {"path": "/other/*"}, "upstream": "main"}])
    assert g.command("apply", str(g.file)).returncode == 0
    connection.send("GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
    assert connection.read_response()[0].status == 404


def test_an_unchanged_limit_keeps_its_state_and_a_changed_one_starts_full(gateway, upstream):
    limits = [{"name": "kept", "key": "header:X-A", "rate": "1/h", "burst": 2}, {"name": "changed", "key": "header:X-B", "rate": "1/h", "burst": 2}]
    g = gateway(upstream(), limits=limits, route={"limits": ["kept", "changed"]})
    for field in ("X-A: 1", "X-B: 1"):
        for _ in range(2):
            assert g.get("/", headers=[field])[0].status == 200
        assert g.get("/", headers=[field])[0].status == 429
    limits[1]["rate"] = "2/h"
    g.write(limits=limits)
    assert g.command("apply", str(g.file)).returncode == 0
    assert g.get("/", headers=["X-A: 1"])[0].status == 429
    assert g.get("/", headers=["X-B: 1"])[0].status == 200


@pytest.mark.parametrize("how", ["hup", "apply"])
def test_a_bad_file_leaves_the_old_policy_running_and_says_why(gateway, upstream, how):
    g = gateway(upstream())
    good = g.file.read_text()
    g.file.write_text(good.replace('"upstream": "main"', '"upstream": "mane"'))
    if how == "hup":
        g.signal(signal.SIGHUP)
        g.eventually(lambda: "mane" in g.stderr(), what="the log says why")
    else:
        done = g.command("apply", str(g.file))
        assert done.returncode == 1 and "mane" in done.stdout + done.stderr and "main" in done.stdout + done.stderr
    assert g.get("/")[0].status == 200 and revision(g) == 1
    assert g.metric("weir_apply_total", result="ok") in (0, 1)
    g.file.write_text(good)
    assert g.command("apply", str(g.file)).returncode == 0


def test_a_listener_that_cannot_be_opened_is_a_refused_change(gateway, upstream):
    peer = upstream()
    g = gateway(peer)
    taken = RawUpstream()
    try:
        g.write(listeners=[*g.config["listeners"], {"name": "second", "address": f"127.0.0.1:{taken.port}"}])
        done = g.command("apply", str(g.file))
        assert done.returncode == 1 and str(taken.port) in done.stdout + done.stderr
        assert g.get("/")[0].status == 200 and revision(g) == 1
    finally:
        taken.stop()


def a_second_listener_comes_and_goes(g):
    from harness.ports import free_port
    port = free_port()
    first = g.config["listeners"]
    g.write(listeners=[*first, {"name": "second", "address": f"127.0.0.1:{port}"}])
    assert g.command("apply", str(g.file)).returncode == 0
    assert get(port)[0].status == 200 and g.get()[0].status == 200
    g.write(listeners=first)
    assert g.command("apply", str(g.file)).returncode == 0

    def closed():
        try:
            get(port, timeout=1)
        except OSError:
            return True
    g.eventually(closed, what="the second listener is closed")
    assert g.get()[0].status == 200


def test_a_listener_that_is_new_opens_and_one_that_is_gone_closes(gateway, upstream):
    a_second_listener_comes_and_goes(gateway(upstream()))


def hand_over(g):
    """One USR2: true when another process serves and the old one has ended."""
    before = set(g.pids())
    for pid in before:
        import os
        os.kill(pid, signal.SIGUSR2)

    def done():
        now = set(g.pids())
        return now and not now & before
    g.eventually(done, timeout=20, what="the successor runs alone")


def test_usr2_three_times_under_load_refuses_no_connection(gateway, upstream):
    g = gateway(upstream(), drain="3s", overload=PATIENT)
    kept, times = 4, 3
    load = Load(g.port, keep_alive=kept, new=4, pause=0.005, tolerate_idle_close=True)
    for _ in range(times):
        time.sleep(1)
        hand_over(g)
    time.sleep(0.5)
    load.stop()
    assert not load.failed, load.failed
    assert load.done > 200
    assert load.reopened <= kept * times   # each hand-over ends what is idle, once


def test_term_finishes_what_is_under_way_and_takes_nothing_new(gateway, upstream):
    def slow(connection):
        connection.read_request()
        connection.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + b"x" * 20, 0.03, 1)
    g = gateway(upstream(slow))
    busy, idle = g.connect(), g.connect()
    busy.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    time.sleep(0.3)
    g.signal(signal.SIGTERM)
    head, body = busy.read_response()
    assert head.status == 200 and body == b"x" * 20
    idle.expect_end(3)
    assert g.wait(10) == 0


def test_a_second_term_stops_at_once(gateway, upstream):
    def hang(connection):
        connection.read_request()
        connection.expect_end(20)
    g = gateway(upstream(hang), drain="60s")
    connection = g.connect()
    connection.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    time.sleep(0.3)
    g.signal(signal.SIGTERM)
    time.sleep(0.5)
    assert g.running()
    g.signal(signal.SIGTERM)
    assert g.wait(3) == 0


def test_usr1_reopens_the_access_log(gateway, upstream, folder):
    log = folder / "access.log"
    g = gateway(upstream(), access_log=str(log))
    g.get("/before", headers=["User-Agent: a\\b\"c"])
    g.eventually(lambda: log.exists() and "/before" in log.read_text(), what="the log is written")
    log.rename(folder / "access.log.1")
    g.signal(signal.SIGUSR1)
    g.eventually(log.exists, what="the log is opened anew")
    g.get("/after")
    g.eventually(lambda: "/after" in log.read_text(), what="the new log is written")
    for line in [*log.read_text().splitlines(), *(folder / "access.log.1").read_text().splitlines()]:
        assert json.loads(line)["status"] == 200


def test_a_successor_with_more_workers_has_a_socket_for_each(gateway, upstream):
    g = gateway(upstream(), workers=1, drain="1s")

    def listening():
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        return sum(line.split()[1] == f"0100007F:{g.port:04X}" and line.split()[3] == "0A" for line in lines)
    assert listening() == 1
    g.write(workers=3)
    hand_over(g)
    assert listening() == 3
    assert all(g.get()[0].status == 200 for _ in range(20))


def test_nobody_who_reads_what_it_says_ends_it(gateway, upstream):
    g = gateway(upstream(), start=False)
    with open("/dev/full", "wb") as full:
        process = subprocess.Popen([binary(), "run", "-c", str(g.file)], cwd=g.folder, stdin=subprocess.DEVNULL, stdout=full, stderr=full)
    try:
        def answers():
            try:
                return get(g.port)[0].status == 200
            except OSError:
                return False
        g.eventually(answers, timeout=20, what="an answer")
        g.write(drain="29s")
        process.send_signal(signal.SIGHUP)   # says that r2 is live
        g.eventually(lambda: g.api("status")["revision"] == "r2")
        assert answers()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_a_worker_has_open_what_it_carries_and_nothing_else(gateway, upstream, folder):
    """src/io/descriptor.h: a file that was rotated or deleted is not kept by it, and the process has none of its connections."""
    g = gateway(upstream(), workers=2, access_log=str(folder / "access.log"))
    kept = [g.connect() for _ in range(8)]
    for connection in kept:
        connection.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert connection.read_response()[0].status == 200
    tables = g.worker_tables()
    assert sorted(tables) == ["worker-0", "worker-1"]
    files = {link for links in tables.values() for link in links if link.startswith("/") and link != "/dev/null"}
    assert files <= {str(g.errors), str(g.output)}, files
    of_process = g.process_table()
    assert str(folder / "access.log") in of_process and not any(str(folder / "access.log") in links for links in tables.values())
    sockets = [link for links in tables.values() for link in links if link.startswith("socket:") and link not in of_process]
    assert len(sockets) > 8   # the clients', and at least one of an upstream
    own = sum(len(links) - 8 for links in tables.values())   # without the standard ones and five that the process has too
    told = g.api("status")["process"]["descriptors"]
    assert abs(told - len(of_process) - own) <= 4, (told, len(of_process), own)   # whoever asks has a connection


def test_a_listener_that_a_worker_has_no_descriptor_for_is_said_and_refuses(gateway, upstream):
    """The change is live all the same: what it says besides holds, and one worker of several may lack what the others have."""
    from harness.ports import free_port
    g = gateway(upstream(), workers=1, files=64, overload=False)
    crowd = [g.connect() for _ in range(80)]   # more than the worker can accept
    g.eventually(lambda: len(g.worker_tables()["worker-0"]) == 64, what="the worker's table is full")
    port = free_port()
    g.write(listeners=[*g.config["listeners"], {"name": "second", "address": f"127.0.0.1:{port}"}])
    assert g.command("apply", str(g.file)).returncode == 0
    assert f"worker 0 cannot listen on 127.0.0.1:{port}: it has no descriptor left" in g.stderr()
    with pytest.raises(OSError):
        get(port, timeout=1)
    for connection in crowd:
        connection.close()
    g.eventually(lambda: g.get()[0].status == 200, what="the first listener serves")
    assert g.command("apply", str(g.file)).returncode == 0   # the same again: there is room now
    assert get(port)[0].status == 200


def test_too_few_descriptors_for_its_workers_are_said_at_the_start(gateway, upstream):
    g = gateway(upstream(), workers=16, files=64, start=False)
    g.may_end_with = g.start(ready=False).process.wait(20)
    assert g.may_end_with == 1
    assert " open files and 64 are allowed: raise the limit (ulimit -n, LimitNOFILE) or write fewer `workers`" in g.stderr()


# Starts what follows with close_range(2) refused, as a filter of system calls for a container may (seccomp(2)).
WITHOUT_CLOSE_RANGE = """
import ctypes, os, struct, sys
libc = ctypes.CDLL(None)
rules = struct.pack("<" + "HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 436, 0x06, 0, 0, 0x00050001, 0x06, 0, 0, 0x7fff0000)
program = struct.pack("<H6xQ", 4, ctypes.addressof(kept := ctypes.create_string_buffer(rules)))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_where_the_system_gives_no_table_of_its_own_all_is_as_with_one(gateway, upstream):
    g = gateway(upstream(), workers=2, prefix=[sys.executable, "-c", WITHOUT_CLOSE_RANGE])
    of_process = g.process_table()
    assert any(link.endswith("revisions.db") for link in of_process)
    assert all(any(link.endswith("revisions.db") for link in links) for links in g.worker_tables().values())
    a_second_listener_comes_and_goes(g)
    hand_over(g)
    assert g.get()[0].status == 200
