"""The command line itself: every command has help with an example, numbers in words equal those in JSON, completion offers
what there is, signals and drain end a gateway as they should."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from harness.gateway import binary, run_weir

COMMANDS = ["run", "init", "check", "import", "show", "plan", "advise", "test", "load", "apply", "change", "explain", "status", "top", "drain", "export", "keys", "drill", "version",
            "completion", "help"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(folder, command):
    helped = run_weir(command, "--help", cwd=folder)
    assert helped.returncode == 0 and "usage" in helped.stdout.lower(), helped.stderr
    if command != "version":
        assert f"weir {command}" in helped.stdout
    assert run_weir("help", command, cwd=folder).returncode == 0


def test_output_that_could_not_be_written_is_an_error_and_a_reader_that_has_gone_is_none(folder):
    with open("/dev/full", "w") as full:
        done = subprocess.run([binary(), "help", "run"], stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, text=True, cwd=folder, timeout=30)
    assert done.returncode == 1 and done.stderr == "weir: could not write all of the output\n"
    for ignored in (False, True):   # as shells start a command, and as services do
        reading, writing = os.pipe()
        os.close(reading)
        asked = subprocess.Popen([binary(), "help", "run"], stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=folder,
                                 restore_signals=not ignored)
        os.close(writing)
        assert asked.communicate(timeout=30)[1] == "" and asked.returncode == (0 if ignored else -signal.SIGPIPE)


def test_commands_of_later_versions_say_so(folder):
    for command in ("postmortem", "automation", "incidents"):
        done = run_weir(command, "gateway.yaml", cwd=folder)
        assert done.returncode == 2 and "not in this version" in done.stderr


def test_a_mistyped_command_is_met_with_the_nearest(folder):
    done = run_weir("statsu", cwd=folder)
    assert done.returncode == 2 and "status" in done.stderr


def test_no_command_prints_more_than_a_hundred_columns(gateway, upstream):
    g = gateway(upstream())
    g.get("/" + "x" * 300)
    for words in (["status"], ["top", "--once", "--seconds", "1"], ["explain", "GET", "http://a.test/" + "y" * 300]):
        done = g.command(*words)
        assert done.returncode == 0, done.stderr
        assert max(map(len, done.stdout.splitlines())) <= 100, done.stdout


def test_status_in_words_says_the_numbers_of_the_json(gateway, upstream):
    g = gateway(upstream())
    for _ in range(7):
        g.get("/")
    g.eventually(lambda: g.api("status")["requests"]["total"] == 7, what="all are counted")
    words = g.command("status").stdout
    status = json.loads(g.command("status", "-o", "json").stdout)
    assert status["requests"]["total"] == 7 and status["requests"]["by_class"]["2xx"] == 7
    configured = status["configured"]
    for pattern, value in ((r"requests +(\S+)", 7), (r"2xx (\S+)", 7), (r"pid (\S+)", status["pid"]), (r"(\S+) workers?\b", status["workers"]),
                           (r"(\S+) routes?\b", configured["routes"]), (r"(\S+) upstreams?\b", configured["upstreams"]),
                           (r"(\S+) endpoints?\b", configured["endpoints"]), (r"(\S+) limits?\b", configured["limits"])):
        assert re.findall(pattern, words) == [str(value)], (pattern, words)


def test_top_shows_who_asks_and_what_was_refused(gateway, upstream):
    g = gateway(upstream(), limits=[{"name": "per-ip", "key": "client_ip", "rate": "1/h", "burst": 3}], route={"limits": ["per-ip"]})
    top = subprocess.Popen([binary(), "top", "--once", "--seconds", "2", "-o", "json", "-c", str(g.file)], stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    for _ in range(10):
        g.get("/")
    answer = json.loads(top.communicate(timeout=20)[0])
    assert top.returncode == 0
    assert round(answer["rate"] * answer["seconds"]) == 10 and round(answer["refused_rate"] * answer["seconds"]) == 7
    assert answer["routes"][0]["name"] == "all" and answer["callers"][0]["name"] == "127.0.0.1"
    assert answer["causes"][0]["cause"] == "limit_rejected" and answer["causes"][0]["rules"] == ["per-ip"]
    assert answer["endpoints"][0]["endpoint"] == g.config["upstreams"][0]["endpoints"][0]


def test_questions_spend_nothing(gateway, upstream):
    g = gateway(upstream(), limits=[{"name": "per-ip", "key": "client_ip", "rate": "1/h", "burst": 3}], route={"limits": ["per-ip"]})
    question = json.dumps({"method": "GET", "url": "http://a.test/", "client": "127.0.0.1"})
    for _ in range(100):
        status, _, body = g.admin("/api/v1/explain", "POST", question, {"Content-Type": "application/json"})
        assert status == 200 and json.loads(body)["decision"]["limits"][0]["left_after_it"] == 2
    assert [g.get("/")[0].status for _ in range(4)] == [200, 200, 200, 429]


def test_explain_without_a_gateway_answers_by_the_file_and_says_so(gateway, upstream):
    g = gateway(upstream(), start=False)
    done = g.command("explain", "GET", "http://a.test/x")
    assert done.returncode == 0 and "WOULD FORWARD" in done.stdout and "no gateway runs" in done.stdout
    assert g.command("explain", "0" * 32).returncode == 5


def test_show_prints_what_runs_not_what_the_file_says_now(gateway, upstream):
    g = gateway(upstream())
    running = g.file.read_text()
    g.write(routes=[{"name": "other", "match": {"path": "/*"}, "upstream": "main"}])
    shown = g.command("show")
    assert shown.returncode == 0 and shown.stdout == running


def test_apply_says_what_was_refused_and_status_remembers(gateway, upstream):
    g = gateway(upstream())
    good = g.file.read_text()
    g.file.write_text(good.replace('"upstream": "main"', '"upstream": "mane"'))
    done = g.command("apply", str(g.file), "--reason", "CHG-7", "-o", "json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1 and not answer["live"] and answer["revision"] == "r1" and answer["diagnostics"][0]["rule"] == "unknown-reference"
    last = g.api("status")["changes"]["last"]
    assert last["reason"] == "CHG-7" and last["errors"] == answer["errors"] and not last["live"]
    g.file.write_text(good + "\n")   # another text: another revision
    assert json.loads(g.command("apply", str(g.file), "-o", "json").stdout)["revision"] == "r2"


def test_bytes_that_are_no_utf8_are_found_before_they_travel(gateway, upstream):
    g = gateway(upstream())
    g.file.write_bytes(b"version: 1\n# caf\xe9\n")
    done = g.command("apply", str(g.file))
    assert done.returncode == 1 and "gateway.yaml:2" in done.stdout, (done.stdout, done.stderr)


def test_drain_ends_the_gateway(gateway, upstream):
    g = gateway(upstream())
    done = g.command("drain")
    assert done.returncode == 0 and "draining r1" in done.stdout
    assert g.wait(10) == 0
    assert g.command("status").returncode == 5


def test_completion_offers_commands_flags_and_values(folder):
    script = run_weir("completion", "bash", cwd=folder).stdout
    (folder / "weir.bash").write_text(script)

    def offered(*words):
        line = " ".join(f"'{word}'" for word in words)
        asked = f"source {folder}/weir.bash; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _weir; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        return subprocess.run(["bash", "-c", asked], capture_output=True, text=True, cwd=folder, check=True).stdout.split()
    assert "status" in offered("weir", "") and "incidents" not in offered("weir", "")
    assert offered("weir", "st") == ["status"]
    assert set(offered("weir", "keys", "")) >= {"add", "list", "revoke"}
    assert "--groups" in offered("weir", "keys", "add", "--g")
    assert offered("weir", "check", "-o", "sa") == ["sarif"]
    assert offered("weir", "completion", "z") == ["zsh"]
    for words in (("check",), ("diff",), ("diff", "weir.bash"), ("export",)):
        assert "weir.bash" in offered("weir", *words, "we"), words


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_scripts_name_every_command(folder, shell):
    done = run_weir("completion", shell, cwd=folder)
    assert done.returncode == 0
    for command in COMMANDS:
        assert command in done.stdout
    if shutil.which(shell):
        (folder / "script").write_text(done.stdout)
        assert subprocess.run([shell, "-n", str(folder / "script")], capture_output=True).returncode == 0
    assert run_weir("completion", "tcsh", cwd=folder).returncode == 2


def test_text_of_clients_never_reaches_the_terminal_as_a_command(gateway, upstream):
    g = gateway(upstream())
    head, _ = g.get("/x", headers=["User-Agent: a\tb\x9b2Jc"])
    if head.status != 200:
        pytest.skip("such a field is refused on the way in")
    done = g.eventually(lambda: (lambda d: d if d.returncode == 0 else None)(g.command("explain", head.get("x-request-id"))), what="it is known")
    assert "\x9b" not in done.stdout and "\x1b" not in done.stdout


@pytest.mark.parametrize("words", [("promote",), ("confirm",), ("change", "main", "v1")])
def test_a_refusal_with_the_text_of_others_obeys_nothing(folder, words):
    path, title = str(folder / "admin.sock"), "stopped by \x1b[2J\nr9 is live"
    body = json.dumps({"title": title}).encode()

    def refuse(listening):
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            connection.recv(65536)   # until the command has read it
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        threading.Thread(target=refuse, args=(listening,), daemon=True).start()
        done = run_weir(*words, "--admin", path, cwd=folder)
    assert done.returncode == 5, done.stderr
    assert done.stderr == "weir: stopped by \\x1b[2J\\nr9 is live\n"


def test_run_asks_for_large_pages_and_leaves_the_wishes_of_others_alone(gateway, upstream):
    def wish(g):
        words = Path(f"/proc/{g.pid}/environ").read_bytes().split(b"\0")
        return [word for word in words if word.startswith(b"GLIBC_TUNABLES=")]
    g = gateway(upstream())
    assert wish(g) == [b"GLIBC_TUNABLES=glibc.malloc.hugetlb=1"]   # still the process that was started
    assert g.get("/")[0].status == 200
    own = gateway(upstream(), prefix=["/usr/bin/env", "GLIBC_TUNABLES="])
    assert wish(own) == [b"GLIBC_TUNABLES="]
    assert own.get("/")[0].status == 200
