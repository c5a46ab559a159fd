"""weir keys: a key is shown once, kept as a digest, known at once, gone at once when revoked; and what auth makes of it."""
import json
import os
import re
import time

import pytest

IDENTITY = [{"name": "partner", "api_key": {"header": "X-Api-Key", "file": "keys.yaml"}},
            {"name": "services", "service": {"header": "X-Service", "from": ["127.0.0.0/8"]}}]
ROUTES = [{"name": "closed", "match": {"path": "/closed/*"}, "upstream": "main", "auth": {"require": ["partner"]}},
          {"name": "open", "match": {"path": "/*"}, "upstream": "main", "limits": ["per-caller"]}]
LIMITS = [{"name": "per-caller", "key": "caller", "rate": "1/h", "burst": 2}]


@pytest.fixture
def g(gateway, upstream):
    g = gateway(upstream(), start=False, identity=IDENTITY, routes=ROUTES, limits=LIMITS)
    (g.folder / "keys.yaml").write_text("[]\n")
    return g.start()


def add(g, name, *words):
    done = g.command("keys", "add", name, *words)
    assert done.returncode == 0, done.stderr
    key = max(re.findall(r"[A-Za-z0-9_\-]{24,}", done.stdout), key=len)
    return key


def status(g, key, target="/closed/x"):
    return g.get(target, headers=[f"X-Api-Key: {key}"])[0].status


def test_a_key_is_printed_once_and_kept_as_a_digest(g):
    key = add(g, "acme")
    kept = (g.folder / "keys.yaml").read_text()
    assert key not in kept and "sha256:" in kept and "acme" in kept
    assert (g.folder / "keys.yaml").stat().st_mode & 0o077 == 0
    listed = g.command("keys", "list")
    assert listed.returncode == 0 and "acme" in listed.stdout and key not in listed.stdout


def test_a_new_key_is_known_without_a_restart_and_a_revoked_one_is_not(g):
    key = add(g, "acme")
    g.eventually(lambda: status(g, key) == 200, what="the new key is known")
    assert g.command("keys", "revoke", "acme").returncode == 0
    g.eventually(lambda: status(g, key) == 401, what="the revoked key is refused")


@pytest.mark.parametrize("words", [(b"caf\xe9",), (b"acme", b"--groups", b"eu,caf\xe9"), (b"acme", b"--groups", b"e\x01u"), (b"acme", b"--groups", b"e\nu")])
def test_what_could_not_be_read_again_is_not_written(g, words):
    key = add(g, "bolt")
    kept = (g.folder / "keys.yaml").read_bytes()
    done = g.command("keys", "add", *map(os.fsdecode, words))
    assert done.returncode == 1 and "nothing is written" in done.stderr and "weir_" not in done.stdout, done.stdout + done.stderr
    assert (g.folder / "keys.yaml").read_bytes() == kept
    g.eventually(lambda: status(g, key) == 200, what="the keys of before are known")


def test_a_digest_that_was_written_by_hand_is_listed_as_it_is(g):
    (g.folder / "keys.yaml").write_text('- {name: acme, digest: "abc"}\n- {name: bolt, digest: "sha256:0123456789abcdef"}\n')
    listed = g.command("keys", "list")
    assert listed.returncode == 0, listed.stderr
    assert re.search(r"^acme +abc +never", listed.stdout, re.M) and re.search(r"^bolt +0123456789ab +never", listed.stdout, re.M), listed.stdout


def test_an_expired_key_is_refused(g):
    key = add(g, "acme", "--expires", "2020-01-01T00:00:00Z")
    other = add(g, "other")
    g.eventually(lambda: status(g, other) == 200, what="the file was read again")
    assert status(g, key) == 401


def test_no_key_is_401_and_the_wrong_kind_is_403(g):
    head, body = g.get("/closed/x")
    assert head.status == 401 and b"auth_denied" in body and head.get("www-authenticate")
    assert g.get("/closed/x", headers=["X-Service: billing"])[0].status == 403


def test_a_refusal_does_not_say_why_a_credential_failed(g):
    key = add(g, "acme", "--expires", "2020-01-01T00:00:00Z")
    _, body = g.get("/closed/x", headers=[f"X-Api-Key: {key}"])
    assert b"expired" not in body.lower() and key.encode() not in body


def test_each_caller_has_a_limit_of_its_own(g):
    keys = [add(g, name) for name in ("acme", "bolt")]
    g.eventually(lambda: status(g, keys[1]) == 200, what="the keys are known")
    for key in keys:
        assert [status(g, key, "/x") for _ in range(3)] == [200, 200, 429]
    assert [g.get("/x")[0].status for _ in range(3)] == [200, 200, 429], "who has no key is limited by address"
    assert [status(g, "made-up-" + str(n), "/x") for n in range(3)] == [429] * 3, "an unknown key is no caller of its own"


def test_a_broken_keys_file_leaves_the_keys_that_were_known(g):
    key = add(g, "acme")
    g.eventually(lambda: status(g, key) == 200, what="the key is known")
    (g.folder / "keys.yaml").write_text("- {name: acme, digest: nonsense}\n")
    g.eventually(lambda: "keys.yaml" in g.stderr(), what="the log says so")
    assert status(g, key) == 200


def test_no_credential_reaches_the_logs(gateway, upstream, folder):
    log = folder / "access.log"
    g = gateway(upstream(), start=False, identity=IDENTITY, routes=ROUTES, limits=LIMITS, access_log=str(log))
    (g.folder / "keys.yaml").write_text("[]\n")
    g.start()
    key = add(g, "acme")
    g.eventually(lambda: status(g, key) == 200, what="the key is known")
    g.eventually(lambda: log.exists() and "acme" in log.read_text(), what="the log names the caller")
    assert key not in log.read_text() + g.stderr() + g.stdout()


def test_who_is_refused_is_found_in_the_log_by_the_trace_it_came_with(gateway, upstream, folder):
    """W3C Trace Context: the trace goes on, the span is another."""
    log = folder / "access.log"
    g = gateway(upstream(), start=False, identity=IDENTITY, routes=ROUTES, limits=LIMITS, access_log=str(log))
    (g.folder / "keys.yaml").write_text("[]\n")
    g.start()
    trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    assert g.get("/closed/x", headers=["X-Api-Key: none-of-ours", f"traceparent: 00-{trace}-{parent}-01"])[0].status == 401
    g.eventually(lambda: log.exists() and trace in log.read_text(), what="the line is written")
    line = json.loads(log.read_text().splitlines()[-1])
    assert line["cause"] == "auth_denied" and re.fullmatch(f"00-{trace}-(?!{parent})[0-9a-f]{{16}}-01", line["traceparent"])


def test_keys_that_could_not_be_read_are_read_once_they_can_be(g):
    """Nothing of the file tells that it was put right: neither its time, nor its size, nor its inode."""
    key = add(g, "acme")
    g.eventually(lambda: status(g, key) == 200)
    file = g.folder / "keys.yaml"
    good = file.read_bytes()
    file.write_bytes(b"{" * len(good))
    g.eventually(lambda: "keys not reloaded, the old ones stay in force" in g.stderr())
    looked = file.stat()
    assert status(g, key) == 200
    time.sleep(1.2)
    assert g.stderr().count("keys not reloaded") == 1   # said once, tried again and again
    file.write_bytes(b"[]" + b" " * (len(good) - 2))
    os.utime(file, ns=(looked.st_atime_ns, looked.st_mtime_ns))
    g.eventually(lambda: status(g, key) == 401, what="the file was read again")
    g.eventually(lambda: "keys reloaded" in g.stderr())


def test_a_file_that_only_the_policy_before_names_keeps_no_revocation_back(g):
    """Both decide in the watch; the file of the one before is gone."""
    (g.folder / "moved.yaml").write_text("[]\n")
    g.write(rollout={"shadow": "none", "canary": [], "watch": "1h"})
    assert g.command("apply", str(g.file), "--now", "--reason", "a watch", config=False).returncode == 0
    moved = [{"name": "partner", "api_key": {"header": "X-Api-Key", "file": "moved.yaml"}}, IDENTITY[1]]
    g.write(identity=moved)
    assert g.command("apply", str(g.file), "--now", "--reason", "another file", config=False).returncode == 0
    (g.folder / "keys.yaml").unlink()
    key = add(g, "acme")
    g.eventually(lambda: status(g, key) == 200)
    assert g.command("keys", "revoke", "acme").returncode == 0
    g.eventually(lambda: status(g, key) == 401, what="the revoked key is refused")
    assert "keys not reloaded" in g.stderr()
