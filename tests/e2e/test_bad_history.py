"""A change while the history cannot be kept: a full disk, a file at its limit, a folder that turned read-only, damage at any byte, a
clock that was set back. Each time there is a clear answer, what runs is left alone, and the next change is taken once it can be."""
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest
from harness.gateway import run_weir
from harness.raw import Broken

SMALL = 16 << 20   # bytes; a gateway that has just started takes a few hundred KiB


def answer(name):
    def script(connection):
        with contextlib.suppress(Broken, OSError):
            while True:
                connection.read_request()
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name))
    return script


class Two:
    """A gateway that sends to the first of two upstreams, and texts that send to either."""

    def __init__(self, gateway, upstream, **options):
        self.ports = {name: upstream(default=answer(name.encode())).port for name in ("first", "second")}
        self.g = gateway(upstreams=self.upstreams("first"), route={"upstream": "main"}, start=False, **options)

    def upstreams(self, name):
        return [{"name": "main", "endpoints": [f"127.0.0.1:{self.ports[name]}"]}]

    def point(self, name, **over):
        self.g.write(upstreams=self.upstreams(name), **over)

    def apply(self, *words):
        return self.g.command("apply", str(self.g.file), "--admin", str(self.g.data / "admin.sock"), *words, config=False)

    def rollback(self, *words):
        return self.g.command("rollback", "--admin", str(self.g.data / "admin.sock"), *words, config=False)

    @property
    def body(self):
        return self.g.get("/")[1]

    def runs(self, name, revision):
        assert self.body == name.encode() and self.g.api("status")["revision"] == revision

    def states(self):
        return {row["revision"]: row["state"] for row in self.g.api("revisions")["revisions"]}


def intact(path):
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(path.read_bytes())
        return database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def refused(done, *said):
    """Exit 1, untouched, and why, in the first lines."""
    assert done.returncode == 1, done
    assert "NOT APPLIED" in done.stdout and "untouched" in done.stdout, done
    assert "weir check" not in done.stdout, "nothing is wrong with the text"
    for text in said:
        assert text in done.stdout, done


# ---- a disk that is full

@pytest.fixture
def small_disk(gateway, upstream, folder):
    """Two whose data folder is a file system of its own that has little room. Its folder is seen through the process."""
    place = folder / "disk"
    place.mkdir()
    prefix = ["unshare", "-Urm", "sh", "-c", f'mount -t tmpfs -o size={SMALL} none "$0" && exec "$@"', str(place)]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount a file system of its own (unshare -Urm)")
    two = Two(gateway, upstream, data_dir=str(place / "data"), prefix=prefix)
    two.g.start(ready=False)
    two.g.eventually(lambda: (Path(f"/proc/{two.g.pid}/root{place}") / "data/admin.sock").exists(), timeout=20, what="it to start")
    two.disk = Path(f"/proc/{two.g.pid}/root{place}")
    two.g.data = two.disk / "data"
    two.g.wait_ready()
    return two


def fill(disk):
    """To the last byte."""
    with (disk / "filler").open("ab", buffering=0) as filler:
        for size in (1 << 16, 1):
            with contextlib.suppress(OSError):
                while True:
                    filler.write(b"x" * size)
    with pytest.raises(OSError), (disk / "other").open("wb") as other:
        other.write(b"x" * 5000)
    (disk / "other").unlink()


def test_a_full_disk_refuses_changes_and_not_traffic(small_disk):
    two = small_disk
    two.point("second")
    assert two.apply().returncode == 0
    two.runs("second", "r2")
    two.point("first")
    fill(two.disk)
    for _ in range(3):
        refused(two.apply(), "revisions.db", "full")
        two.runs("second", "r2")
    told = json.loads(two.apply("-o", "json").stdout)
    assert (told["live"], told["revision"], told["busy"]) == (False, "r2", False) and "full" in told["error"]
    refused(two.rollback(), "revisions.db", "full")
    two.g.signal(signal.SIGHUP)
    two.g.eventually(lambda: "not applied, r2 stays live" in two.g.stderr(), what="the HUP to be refused")
    two.runs("second", "r2")
    assert two.states() == {"r2": "live", "r1": "replaced"} and two.g.metric("weir_apply_total", result="ok") == 1
    (two.disk / "filler").unlink()
    assert two.apply().returncode == 0   # at once, and no number was lost
    two.runs("first", "r3")
    assert two.states() == {"r3": "live", "r2": "replaced", "r1": "replaced"} and intact(two.g.data / "revisions.db")


def test_a_history_that_may_not_grow_refuses_changes_and_not_traffic(gateway, upstream):
    """The limit of the size of a file, set while it runs: as a quota would."""
    two = Two(gateway, upstream)
    two.g.start()
    two.point("second", limits=[{"name": f"l{n}", "key": "caller", "rate": "5/s"} for n in range(400)])   # a text of some pages
    size = (two.g.data / "revisions.db").stat().st_size
    resource.prlimit(two.g.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    for _ in range(3):
        refused(two.apply(), "revisions.db")
        two.runs("first", "r1")
    assert two.states() == {"r1": "live"} and intact(two.g.data / "revisions.db")
    resource.prlimit(two.g.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert two.apply().returncode == 0
    two.runs("second", "r2")


def test_what_boots_while_nothing_can_be_written_is_in_the_history_once_it_can(kept):
    """Six revisions, and a file that is none of them; nothing may grow."""
    two = kept
    two.point("first", limits=[{"name": f"other{n}", "key": "caller", "rate": "5/s"} for n in range(200)])
    booted = two.g.file.read_text()
    two.g.prefix = ["prlimit", f"--fsize={(two.g.data / 'revisions.db').stat().st_size}:unlimited"]
    two.g.start()
    two.runs("first", "r7")
    assert "changes are refused until it is put right" in two.g.stderr()
    refused(two.rollback(), "revisions.db")
    two.point("second", limits=[])
    refused(two.apply(), "revisions.db")
    two.runs("first", "r7")
    assert two.states()["r6"] == "live"   # as the disk has it
    resource.prlimit(two.g.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert two.apply().returncode == 0
    two.runs("second", "r8")
    assert {name: state for name, state in two.states().items() if name > "r5"} == {"r8": "live", "r7": "replaced", "r6": "replaced"}
    rows = two.g.api("revisions")["revisions"]
    assert [(row["way"], row["before"]) for row in rows[:2]] == [("apply", "r7"), ("start", "r6")]
    assert json.loads(two.g.command("show", "r7", "-o", "json").stdout)["files"][0]["text"] == booted
    assert two.rollback("r7").returncode == 0
    two.runs("first", "r7")


def test_a_rollback_goes_behind_what_booted_while_nothing_could_be_written(kept):
    two = kept
    two.point("first", limits=[{"name": f"other{n}", "key": "caller", "rate": "5/s"} for n in range(200)])
    two.g.prefix = ["prlimit", f"--fsize={(two.g.data / 'revisions.db').stat().st_size}:unlimited"]
    two.g.start()
    two.runs("first", "r7")
    resource.prlimit(two.g.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert two.rollback().returncode == 0
    two.runs("second", "r6")
    assert two.states()["r7"] == "taken_back" and two.states()["r6"] == "live"


def test_a_history_that_is_moved_away_begins_with_what_runs(kept):
    two = kept
    (two.g.data / "revisions.db").write_bytes(b"no database" * 1000)
    two.g.start()
    two.runs("second", "r1")
    (two.g.data / "revisions.db").unlink()
    two.point("first", limits=[])
    assert two.apply().returncode == 0
    two.runs("first", "r2")
    assert two.states() == {"r2": "live", "r1": "replaced"}
    assert two.rollback().returncode == 0
    two.runs("second", "r1")


# ---- a folder that may not be written

WITHOUT_ROOT = [] if os.geteuid() != 0 else ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]   # who may write all by being root


def test_a_folder_that_turned_read_only_refuses_changes_and_not_traffic(gateway, upstream):
    if WITHOUT_ROOT and shutil.which("setpriv") is None:
        pytest.skip("root may write everywhere, and there is no setpriv to be without that")
    two = Two(gateway, upstream, prefix=WITHOUT_ROOT)
    two.g.start()
    two.point("second")
    two.g.eventually(lambda: two.g.api("revisions")["revisions"][0]["settled_at"], what="what booted is written down")
    for path, mode in ((two.g.data, 0o500), (two.g.data / "revisions.db", 0o400)):
        path.chmod(mode)
    refused(two.apply(), "revisions.db")
    two.runs("first", "r1")
    assert two.states() == {"r1": "live"}
    for path, mode in ((two.g.data, 0o700), (two.g.data / "revisions.db", 0o600)):
        path.chmod(mode)
    assert two.apply().returncode == 0
    two.runs("second", "r2")


def test_a_folder_that_is_read_only_from_the_start_is_named(gateway, upstream):
    two = Two(gateway, upstream, prefix=WITHOUT_ROOT)
    two.g.data.mkdir(mode=0o500)
    two.g.start(ready=False)
    assert two.g.wait(10) == 1
    two.g.may_end_with = 1
    assert str(two.g.data) in two.g.stderr() and "Permission denied" in two.g.stderr()


# ---- damage

@pytest.fixture
def kept(gateway, upstream):
    """Two with a history of six, texts of some pages among them; it is stopped, and its file sends to the second."""
    two = Two(gateway, upstream)
    two.g.start()
    for number, name in enumerate(("second", "first", "second", "first", "second")):
        two.point(name, limits=[{"name": f"l{n}", "key": "caller", "rate": f"{number + 1}/s"} for n in range(number * 60)])
        assert two.apply().returncode == 0
    two.runs("second", "r6")
    two.g.stop()
    return two


def damages(good):
    """Copies as torn writes leave them: an end that is not there, sectors of zeros or of something else, single bits."""
    draw = random.Random(5)
    size = len(good)
    for end in (1, 15, 16, 99, 100, 511, 512, 4095, 4096, 4097, size // 2, size - 4096, size - 1):
        yield f"cut at {end}", good[:end]
    for at in sorted(draw.sample(range(0, size, 512), 12)):
        yield f"zeros at {at}", good[:at] + bytes(512) + good[at + 512:]
        yield f"garbage at {at}", good[:at] + draw.randbytes(512) + good[at + 512:]
    for at in sorted(draw.sample(range(size), 10)):
        yield f"a bit at {at}", good[:at] + bytes([good[at] ^ 1 << draw.randrange(8)]) + good[at + 1:]


@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.long)])
def test_whatever_is_damaged_it_starts_serves_and_takes_a_change_or_says_why_not(kept, every):
    """Nothing that nobody wrote is ever enforced."""
    two, path = kept, kept.g.data / "revisions.db"
    good, text = path.read_bytes(), two.g.file.read_text()
    seen = {"taken": 0, "refused": 0, "rolled back": 0, "not rolled back": 0}
    for what, bytes_ in list(damages(good))[::every]:
        for file in two.g.data.glob("revisions.db*"):
            file.unlink()
        path.write_bytes(bytes_)
        two.g.file.write_text(text)
        two.g.start()
        assert two.body == b"second", what
        two.point("first", limits=[])
        done = two.apply()
        if done.returncode == 0:
            assert two.body == b"first", what
            seen["taken"] += 1
            back = two.rollback()
            assert back.returncode in (0, 1), (what, back)
            seen["rolled back" if back.returncode == 0 else "not rolled back"] += 1
            if back.returncode == 0:   # to a text that was written so
                assert two.g.command("show").stdout in texts(good), what
            else:
                assert two.body == b"first" and "NOT APPLIED" in back.stdout, (what, back)
        else:
            refused(done, "revisions.db")
            assert two.body == b"second", what
            seen["refused"] += 1
        two.g.stop()
    assert seen["taken"] > 20 / every and seen["refused"] > 10 / every, seen


def texts(good):
    """The texts of a good history."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(good)
        return {text.decode() for text, in database.execute("SELECT text FROM texts")}


def test_a_text_that_was_changed_in_the_history_is_not_returned_to_and_does_not_boot(kept):
    two, path = kept, kept.g.data / "revisions.db"
    good = path.read_bytes()
    assert good.count(b'"rate": "5/s"') > 0
    path.write_bytes(good.replace(b'"rate": "5/s"', b'"rate": "1/s"').replace(b'"rate": "4/s"', b'"rate": "1/s"'))
    two.g.start()
    back = two.rollback()
    refused(back, "revisions.db", "the text of r5 is damaged")
    two.runs("second", "r6")
    assert two.rollback("r3").returncode == 0
    two.g.stop()
    for file in two.g.data.glob("revisions.db*"):
        file.unlink()
    path.write_bytes(good.replace(b'"rate": "5/s"', b'"rate": "1/s"'))
    two.g.file.write_text(two.g.file.read_text().replace('"upstream": "main"', '"upstream": "mane"'))
    two.g.start(ready=False)
    assert two.g.wait(10) == 1
    two.g.may_end_with = 1
    assert "r6, which was live last, cannot run" in two.g.stderr() and "is damaged" in two.g.stderr()


# ---- another version, another time

def test_a_history_of_a_newer_version_is_told_by_every_command(kept):
    two = kept
    with contextlib.closing(sqlite3.connect(two.g.data / "revisions.db")) as database:
        database.execute("PRAGMA user_version = 99")
    before = (two.g.data / "revisions.db").read_bytes()
    two.g.start()
    assert two.body == b"second" and "of version 99" in two.g.stderr()
    two.point("first")
    refused(two.apply(), "of version 99")
    refused(two.rollback(), "of version 99")
    told = two.g.command("history")
    assert told.returncode == 1 and "of version 99" in told.stderr
    assert two.body == b"second" and (two.g.data / "revisions.db").read_bytes() == before


def test_revisions_from_the_future_are_returned_to_in_the_order_in_which_they_were_live(kept):
    """The clock was set back by three days after they were made."""
    two = kept
    with contextlib.closing(sqlite3.connect(two.g.data / "revisions.db")) as database, database:
        database.execute("UPDATE revisions SET at = at + 259200000000000, live_at = live_at + 259200000000000, "
                         "ended_at = ended_at + 259200000000000 * (ended_at > 0)")
    two.g.start()
    two.runs("second", "r6")
    two.point("first", limits=[])
    assert two.apply().returncode == 0   # r7, now
    two.point("second", limits=[])
    assert two.apply("--base", "r7").returncode == 0   # r8
    two.runs("second", "r8")
    rows = two.g.api("revisions")["revisions"]
    assert [row["revision"] for row in rows] == ["r8", "r7", "r6", "r5", "r4", "r3", "r2", "r1"] and rows[0]["at"] < rows[2]["at"]
    assert two.rollback().returncode == 0
    two.runs("first", "r7")
    assert two.rollback().returncode == 0
    two.runs("second", "r6")
    assert two.g.command("history").returncode == 0
    os.kill(two.g.pid, signal.SIGKILL)
    two.g.wait()
    two.g.start()
    two.runs("second", "r6")


# ---- a text that is none

def deep(levels):
    return "a: &a0 [x, x]\n" + "".join(f"b{n}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(levels))


@pytest.mark.parametrize("name,text,said", [
    ("not closed", b"version: 1\nroutes: [{name: x", "gateway.yaml:2:"),
    ("a tab", b"version: 1\nroutes:\n\t- x\n", "gateway.yaml:3:"),
    ("no text", b"\xff\xfe\x00\x01", "gateway.yaml:1:"),
    ("empty", b"", "gateway.yaml"),
    ("a list", b"[1, 2]\n", "gateway.yaml:1:"),
    ("a bomb", deep(40).encode(), "gateway.yaml:"),
    ("another version", b"version: 2\nroutes: []\n", "gateway.yaml:1:"),
], ids=lambda value: value if isinstance(value, str) and len(value) < 20 and ":" not in value else "")
def test_a_broken_text_is_refused_with_its_place(gateway, upstream, name, text, said):
    two = Two(gateway, upstream)
    two.g.start()
    two.g.file.write_bytes(text)
    done = two.apply()
    assert done.returncode == 1 and said in done.stdout + done.stderr, done
    two.runs("first", "r1")
    assert two.states() == {"r1": "live"}


def test_what_is_no_file_or_has_no_end_is_refused(gateway, upstream, folder):
    two = Two(gateway, upstream)
    two.g.start()
    (folder / "empty").mkdir()
    for path, said in ((folder / "nowhere.yaml", "no such file"), (folder / "empty", "empty"), (Path("/dev/zero"), "/dev/zero")):
        done = run_weir("apply", str(path), "--admin", str(two.g.data / "admin.sock"), timeout=20)
        assert done.returncode == 1 and said in (done.stdout + done.stderr).lower(), done
    two.runs("first", "r1")


@pytest.mark.parametrize("body,status", [(b"", 400), (b"{", 400), (b"[]", 400), (b'{"files": []}', 400), (b'{"files": [{"name": 1, "text": 2}]}', 400),
                                         (b'{"files": [{"name": "a", "text": "version: 1"}], "base": "two"}', 400)])
def test_what_is_no_change_is_no_change(gateway, upstream, body, status):
    two = Two(gateway, upstream)
    two.g.start()
    got, _, answered = two.g.admin("/api/v1/apply", "POST", body, {"Content-Type": "application/json"})
    assert got == status and json.loads(answered)["title"], answered
    two.runs("first", "r1")
