"""Revisions: what ran, by whom and why; back to what ran before; and what boots when the file cannot, or must not."""
import json
import os
import signal
import sqlite3
import subprocess

import pytest

from harness.raw import Broken


def answer(name):
    def script(connection):
        try:
            while True:
                connection.read_request()
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name))
        except (Broken, OSError):
            pass
    return script


def body(g):
    return g.get("/")[1]


def two(gateway, upstream):
    """A gateway that sends to the first of two, and how to make its file send to either."""
    ports = {name: upstream(default=answer(name.encode())).port for name in ("first", "second")}
    g = gateway(upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{ports['first']}"]}], route={"upstream": "main"})
    return g, lambda name: g.write(upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{ports[name]}"]}])


def applied(g, *words):
    return g.command("apply", str(g.file), *words)


def history(g):
    return g.api("revisions")["revisions"]


def state(g):
    return {row["revision"]: row["state"] for row in history(g)}


def test_history_tells_who_and_why_and_show_gives_the_text_back(gateway, upstream):
    g, point = two(gateway, upstream)
    first = g.file.read_text()
    point("second")
    assert applied(g, "--author", "ops", "--reason", "move to second").returncode == 0
    rows = history(g)
    assert [(row["revision"], row["state"], row["way"], row["author"], row["reason"], row["before"]) for row in rows] == [
        ("r2", "live", "apply", "ops", "move to second", "r1"), ("r1", "replaced", "start", "start", "", "")]
    assert rows[1]["ended_at"] >= rows[1]["at"] and rows[0]["ended_at"] == ""
    told = g.command("history")
    assert told.returncode == 0 and "▸ r2" in told.stdout and "ops" in told.stdout and "move to second" in told.stdout
    assert [row["revision"] for row in json.loads(g.command("history", "-n", "1", "-o", "json").stdout)["revisions"]] == ["r2"]
    shown = g.command("show", "r1")
    assert shown.returncode == 0 and first in shown.stdout
    assert json.loads(g.command("show", "r1", "-o", "json").stdout)["files"][0]["text"] == first
    missing = g.command("show", "r9")
    assert missing.returncode == 1 and "no r9" in missing.stderr and "weir history" in missing.stderr


def test_a_file_that_is_read_again_without_a_change_is_no_new_revision(gateway, upstream):
    g, _ = two(gateway, upstream)
    for _ in range(3):
        assert applied(g).returncode == 0
    assert state(g) == {"r1": "live"}


def test_rollback_returns_and_marks_and_the_marked_text_is_not_taken_again_unless_asked_for(gateway, upstream):
    g, point = two(gateway, upstream)
    point("second")
    assert applied(g).returncode == 0 and body(g) == b"second"
    done = g.command("rollback", "--author", "ops", "--reason", "checkout fails")
    assert done.returncode == 0 and "r1 is live" in done.stdout, done
    assert body(g) == b"first" and state(g) == {"r2": "taken_back", "r1": "live"}
    assert g.metric("weir_revision_drift") == 1
    assert "is r2, taken back" in g.command("status").stdout

    again = applied(g)
    assert again.returncode == 3 and "r2, taken back" in again.stdout and "by ops: checkout fails" in again.stdout and "--retry" in again.stdout
    for _ in range(5):   # as a cron would
        before = g.api("status")["changes"]["refused"]
        g.signal(signal.SIGHUP)
        g.eventually(lambda seen=before: g.api("status")["changes"]["refused"] == seen + 1)
    assert body(g) == b"first" and g.stderr().count("taken back") == 1
    assert len(history(g)) == 2

    without_reason = applied(g, "--retry")
    assert without_reason.returncode == 2 and "--reason" in without_reason.stderr
    assert applied(g, "--retry", "--reason", "the bug is fixed").returncode == 0
    assert body(g) == b"second" and state(g) == {"r3": "live", "r2": "taken_back", "r1": "replaced"}
    assert g.metric("weir_revision_drift") == 0
    assert applied(g).returncode == 0   # its text is live now: nothing is held against it


@pytest.mark.parametrize("watch", ["none", "60s"])
def test_after_a_rollback_a_change_is_compared_with_what_is_live_again(gateway, upstream, watch):
    ports = [upstream(default=answer(name)).port for name in (b"first", b"second")]
    g = gateway(rollout={"watch": watch}, upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{ports[0]}"]}], route={"upstream": "main"})

    def paths():
        return [each["path"] for each in g.api("rollout")["rollout"]["changes"]]
    g.write(upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{ports[1]}"]}])
    assert applied(g, "--now", "--reason", "move").returncode == 0
    assert paths() == [f"upstreams.main.endpoints.127.0.0.1:{port}" for port in reversed(ports)]   # added, removed
    assert g.command("rollback", "--reason", "back").returncode == 0 and body(g) == b"first"
    g.write(upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{ports[0]}"]}], drain="7s")
    assert applied(g, "--now", "--reason", "only that").returncode == 0
    assert paths() == ["drain"]
    g.write(via_name="edge")
    assert applied(g, "--now", "--reason", "one more").returncode == 0
    assert paths() == ["via_name"]


def test_rollback_by_name_and_what_cannot_be_returned_to(gateway, upstream):
    g, point = two(gateway, upstream)
    nothing = g.command("rollback")
    assert nothing.returncode == 1 and "nothing else was live before r1" in nothing.stdout + nothing.stderr
    point("second")
    assert applied(g).returncode == 0
    for word, text in (("r2", "live already"), ("r9", "no r9"), ("two", "such as")):
        done = g.command("rollback", word)
        assert done.returncode == 1 and text in done.stdout + done.stderr, done
    assert g.command("rollback", "r1").returncode == 0 and body(g) == b"first"


def test_a_rollback_whose_text_does_not_compile_any_more_changes_nothing(gateway, upstream):
    g, point = two(gateway, upstream)
    keys = g.folder / "keys.yaml"
    keys.write_text("[]\n")
    g.write(identity=[{"name": "partner", "api_key": {"header": "X-Api-Key", "file": str(keys)}}])
    assert applied(g).returncode == 0
    g.config.pop("identity")
    point("second")
    assert applied(g).returncode == 0
    keys.unlink()
    done = g.command("rollback")
    assert done.returncode == 1 and "keys.yaml" in done.stdout
    assert body(g) == b"second" and state(g) == {"r3": "live", "r2": "replaced", "r1": "replaced"}


def test_a_stale_change_is_refused(gateway, upstream):
    g, point = two(gateway, upstream)
    point("second")
    assert applied(g, "--base", "r1").returncode == 0
    point("first")
    done = applied(g, "--base", "r1")
    assert done.returncode == 5 and "made for r1, and r2 is live" in done.stdout
    assert body(g) == b"second"


def test_what_was_killed_after_a_rollback_boots_what_was_returned_to(gateway, upstream):
    g, point = two(gateway, upstream)
    point("second")
    assert applied(g).returncode == 0
    assert g.command("rollback", "--author", "ops", "--reason", "it hurts").returncode == 0
    os.kill(g.pid, signal.SIGKILL)
    g.wait()
    g.start()
    assert body(g) == b"first" and g.api("status")["revision"] == "r1"
    assert "r2, taken back" in g.stderr() and "by ops: it hurts; r1, which was live last, runs" in g.stderr()
    assert state(g) == {"r2": "taken_back", "r1": "live"}


def test_a_bad_or_missing_file_boots_what_was_live_last(gateway, upstream):
    g, point = two(gateway, upstream)
    point("second")
    assert applied(g).returncode == 0
    g.stop()
    good = g.file.read_text()
    g.file.write_text(good.replace('"upstream": "main"', '"upstream": "mane"'))
    g.start()
    assert body(g) == b"second" and g.api("status")["revision"] == "r2"
    assert "mane" in g.stderr() and "has errors; r2, which was live last, runs" in g.stderr()
    g.stop()
    # A configuration that is not there leaves the folder beside it.
    g.file.unlink()
    (g.folder / "weir-data").symlink_to(g.data) if g.data != g.folder / "weir-data" else None
    g.start()
    assert body(g) == b"second"
    assert "is not there" in g.api("status")["drift"] or "cannot be read" in g.api("status")["drift"]


def test_another_valid_file_boots_as_a_revision_of_its_own(gateway, upstream):
    g, point = two(gateway, upstream)
    g.stop()
    point("second")
    g.start()
    assert body(g) == b"second"
    assert [(row["revision"], row["way"], row["before"]) for row in history(g)] == [("r2", "start", "r1"), ("r1", "start", "")]


def test_a_damaged_history_leaves_traffic_alone_and_changes_are_refused_until_it_is_moved_away(gateway, upstream):
    g, point = two(gateway, upstream)
    g.stop()
    (g.data / "revisions.db").write_bytes(b"this is no database" * 1000)
    g.start()
    assert body(g) == b"first" and "changes are refused until it is put right, or moved away" in g.stderr()
    point("second")
    done = applied(g)
    assert done.returncode == 1 and "revisions.db" in done.stdout and body(g) == b"first"
    (g.data / "revisions.db").rename(g.data / "damaged.db")
    assert applied(g).returncode == 0 and body(g) == b"second"


def test_a_history_of_another_version_is_left_as_it_is(gateway, upstream):
    g, point = two(gateway, upstream)
    g.stop()
    with sqlite3.connect(g.data / "revisions.db") as database:
        database.execute("PRAGMA user_version = 99")
    g.start()
    point("second")
    done = applied(g)
    assert done.returncode == 1 and "of version 99" in done.stdout and body(g) == b"first"


def test_kill_at_any_moment_of_changes_boots_one_of_the_two_whole(gateway, upstream):
    """Changes to and fro without a pause; killed in between, again and again. What boots is the file or what was live last."""
    g, point = two(gateway, upstream)
    texts = []
    for name in ("first", "second"):
        point(name)
        texts.append(g.file.read_text())
    for i in range(6):
        changing = subprocess.Popen(["bash", "-c", 'for i in $(seq 200); do for n in 0 1; do "$1" apply "$2/$n.yaml" -c "$3" >/dev/null; done; done', "-",
                                     g.process.args[0], str(g.folder), str(g.file)], start_new_session=True, stderr=subprocess.DEVNULL)
        for n, text in enumerate(texts):
            (g.folder / f"{n}.yaml").write_text(text)
        g.eventually(lambda: int(g.api("status")["revision"][1:]) > 2 * i + 2)
        os.kill(g.pid, signal.SIGKILL)
        os.killpg(changing.pid, signal.SIGKILL)
        g.wait()
        changing.wait()
        g.start()
        assert body(g) in (b"first", b"second")
        assert list(state(g).values()).count("live") == 1
    with sqlite3.connect(g.data / "revisions.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_diff_says_what_changes_by_meaning(gateway, upstream):
    g, point = two(gateway, upstream)
    same = g.command("diff")
    assert same.returncode == 0 and "no change" in same.stdout
    before = g.config["upstreams"][0]["endpoints"][0]
    point("second")
    after = g.config["upstreams"][0]["endpoints"][0]
    told = g.command("diff")
    assert told.stdout.startswith(f"r1 → {g.file}   2 changes\n")
    assert f"+ upstreams.main.endpoints.{after}" in told.stdout and f"- upstreams.main.endpoints.{before}" in told.stdout
    g.write(limits=[{"name": "per-ip", "key": "client_ip", "rate": "5/s"}])
    assert applied(g).returncode == 0
    g.write(limits=[{"name": "per-ip", "key": "client_ip", "rate": "4/s"}])
    out = json.loads(g.command("diff", "-o", "json").stdout)
    assert out["from"] == "r2" and [(c["kind"], c["path"], c["before"], c["after"]) for c in out["changes"]] == [
        ("changed", "limits.per-ip.rate", "5/s", "4/s"), ("changed", "limits.per-ip.burst", "10", "8")]
    assert out["starts_anew"] == ["per-ip"]
    assert "r1 → r2" in g.command("diff", "r1").stdout and "r2 → r1" in g.command("diff", "r2", "r1").stdout
    assert g.command("diff", "r9").returncode == 1
    files = g.command("diff", str(g.file), str(g.file))
    assert files.returncode == 0 and "no change" in files.stdout
