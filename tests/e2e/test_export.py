"""weir export: what a gateway recorded, as JSON lines and as CSV read by other programs; damage is counted, not fatal."""
import csv
import io
import json

import pytest
from harness.gateway import run_weir

COLUMNS = ["time", "request_id", "listener", "method", "host", "path", "caller", "proof", "client", "route", "action", "cause", "rule",
           "revision", "endpoint", "head_bytes", "hops", "status", "upstream_status", "attempts", "connect_us", "response_us", "total_us",
           "bytes_in", "bytes_out", "stands_for", "late", "late_status", "late_us"]


@pytest.fixture
def recorded(gateway, upstream):
    """A gateway that recorded six requests and has ended; yields it and the request ids that its answers carried."""
    g = gateway(upstream(), limits=[{"name": "few", "key": "all", "rate": "1/h", "burst": 4}], route={"limits": ["few"]})
    ids = []
    for i in range(6):
        head, _ = g.get(f"/orders/{1000 + i}", host="api.example.com")
        ids.append(head.get("x-request-id"))
    g.stop()
    return g, ids


def rows(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_request_is_a_line_with_the_id_that_its_client_was_told(recorded):
    g, ids = recorded
    lines = rows(run_weir("export", str(g.data)))
    assert [line["request_id"] for line in lines] == ids
    assert all(list(line) == COLUMNS for line in lines)
    assert [line["cause"] for line in lines] == ["none"] * 4 + ["limit_rejected"] * 2
    assert [line["action"] for line in lines] == ["forward"] * 4 + ["refuse"] * 2
    assert [line["rule"] for line in lines] == ["all"] * 4 + ["few"] * 2
    first = lines[0]
    assert (first["method"], first["host"], first["path"]) == ("GET", "api.example.com", "/orders/{n}")
    assert (first["client"], first["caller"], first["proof"]) == ("127.0.0.1", "127.0.0.1", None)
    assert (first["route"], first["listener"], first["revision"]) == ("all", "public", 1)
    assert first["endpoint"].startswith("127.0.0.1:") and lines[5]["endpoint"] is None
    assert 20 < first["head_bytes"] < 1000 and first["hops"] == 0
    # What became of each stands beside it: six are few, so all are kept and stand for themselves.
    assert [line["status"] for line in lines] == [200] * 4 + [429] * 2
    assert [line["upstream_status"] for line in lines] == [200] * 4 + [0] * 2
    assert [line["attempts"] for line in lines] == [1] * 4 + [0] * 2
    assert all(0 < line["response_us"] <= line["total_us"] < 10_000_000 for line in lines[:4])
    assert all(line["stands_for"] == 1 for line in lines)


def test_where_the_clock_was_put_back_names_still_sort_by_age(recorded):
    g, ids = recorded
    old, = g.data.glob("segments/*.weirseg")
    later = old.with_name("8" + old.name[1:])   # its run began in another century, by the clock of then
    old.rename(later)
    g.start()
    seventh = g.get("/orders/7", host="api.example.com")[0].get("x-request-id")
    g.stop()
    assert sorted(g.data.glob("segments/*.weirseg"))[0] == later
    assert [line["request_id"] for line in rows(run_weir("export", str(g.data)))] == [*ids, seventh]


def test_csv_holds_the_same_for_a_program_that_reads_csv(recorded):
    g, _ = recorded
    lines = rows(run_weir("export", str(g.data)))
    done = run_weir("export", str(g.data), "-o", "csv")
    table = list(csv.DictReader(io.StringIO(done.stdout)))
    assert done.stdout.splitlines()[0] == ",".join(COLUMNS)
    assert table == [{k: "" if v is None else str(v) for k, v in line.items()} for line in lines]


def test_since_and_until_cut_by_time(recorded):
    g, _ = recorded
    lines = rows(run_weir("export", str(g.data)))
    assert rows(run_weir("export", str(g.data), "--since", "2100-01-01T00:00:00Z")) == []
    assert rows(run_weir("export", str(g.data), "--until", "2001-01-01T00:00:00Z")) == []
    assert rows(run_weir("export", str(g.data), "--since", "2001-01-01T00:00:00Z", "--until", "2100-01-01T00:00:00Z")) == lines
    wrong = run_weir("export", str(g.data), "--since", "yesterday")
    assert wrong.returncode == 2 and "yesterday" in wrong.stderr


def test_the_folder_is_found_through_the_configuration(recorded):
    g, ids = recorded
    assert [line["request_id"] for line in rows(run_weir("export", "-c", str(g.file)))] == ids


def test_damage_is_counted_and_the_rest_is_printed(recorded):
    g, _ = recorded
    segment, = (g.data / "segments").glob("*.weirseg")
    whole = segment.read_bytes()
    at = whole.rindex(b"WBLK\x05") + 24   # the stored bytes of the last block of arrivals (record/block.h)
    segment.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1:])
    done = run_weir("export", str(g.data))
    assert done.returncode == 0 and "1 block" in done.stderr and "left out" in done.stderr
    assert len(done.stdout.splitlines()) < 6
    segment.write_bytes(whole)
    (g.data / "segments" / "0-other.weirseg").write_bytes(b"no segment")
    done = run_weir("export", str(g.data))
    assert len(rows(done)) == 6 and "0-other.weirseg: left out" in done.stderr


def test_no_recording_is_said_to_be_none(folder):
    done = run_weir("export", str(folder))
    assert done.returncode == 1 and "holds no recording" in done.stderr
    assert run_weir("export", str(folder / "nowhere")).returncode == 1
    assert run_weir("export", str(folder), "-o", "xml").returncode == 2
