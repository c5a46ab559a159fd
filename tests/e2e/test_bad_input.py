"""What an operator can get wrong: each ends with a clear error that names the thing, and what ran before still runs."""
import os
import socket

import pytest
from harness.gateway import run_weir


SEVERAL_ERRORS = """version: 1
listeners:
  - {name: a, adress: 127.0.0.1:1}
routes:
  - {name: r, upstrem: nope}
"""


def fails(g, *said, code=1):
    """Starting must fail with this code, saying all of `said` and nothing of a crash."""
    g.start(ready=False)
    assert g.wait(10) == code, g.stderr()
    g.may_end_with = code
    for text in said:
        assert text in g.stderr(), g.stderr()
    assert len(g.stderr().strip().splitlines()) <= 12, "an error is a few lines, not a dump"


def test_a_file_that_does_not_exist(folder):
    done = run_weir("run", "-c", str(folder / "nowhere.yaml"), cwd=folder)
    assert done.returncode == 1 and "nowhere.yaml" in done.stderr and "no such file" in done.stderr.lower()


def test_a_file_that_may_not_be_read(gateway, upstream, folder):
    path = folder / "secret.yaml"
    path.mkdir()   # a folder without configuration: root may read everything else
    done = run_weir("run", "-c", str(path), cwd=folder)
    assert done.returncode == 1 and "secret.yaml" in done.stderr
    if os.geteuid() != 0:
        path = folder / "closed.yaml"
        path.write_text("version: 1\n")
        path.chmod(0)
        done = run_weir("run", "-c", str(path), cwd=folder)
        assert done.returncode == 1 and "closed.yaml" in done.stderr and "permission" in done.stderr.lower()


def test_a_file_with_errors_is_refused_with_their_places(gateway, upstream):
    g = gateway(upstream(), start=False)
    g.file.write_text(SEVERAL_ERRORS)
    fails(g, "gateway.yaml:3:", "adress", "address", "gateway.yaml:5:", "upstrem", "upstream")


def test_a_port_in_use_is_named(gateway, upstream):
    g = gateway(upstream(), start=False)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)   # another SO_REUSEPORT server: bind alone would succeed
        taken.bind(("127.0.0.1", g.port))
        taken.listen()
        fails(g, f"127.0.0.1:{g.port}", "in use")


def test_the_admin_port_in_use_is_named(gateway, upstream):
    g = gateway(upstream(), start=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", g.admin_port))
        taken.listen()
        fails(g, f"127.0.0.1:{g.admin_port}", "in use")


def test_a_second_weir_on_the_same_data_dir_says_so(gateway, upstream):
    peer = upstream()
    first = gateway(peer)
    second = gateway(peer, start=False)
    second.write(data_dir=str(first.data))
    fails(second, str(first.data), "another weir")
    assert first.get()[0].status == 200


def test_a_second_weir_on_the_same_ports_says_so(gateway, upstream):
    peer = upstream()
    first = gateway(peer)
    second = gateway(peer, start=False)
    second.write(listeners=first.config["listeners"])
    fails(second, f"127.0.0.1:{first.port}", "in use")
    assert first.get()[0].status == 200


def test_a_data_dir_that_cannot_be_made_is_named(gateway, upstream):
    g = gateway(upstream(), start=False)
    blocker = g.folder / "file"
    blocker.write_text("")
    g.write(data_dir=str(blocker / "data"))
    fails(g, str(blocker / "data"))


def test_the_admin_socket_is_no_endpoint_wherever_state_is_kept(gateway):
    g = gateway(start=False, route={"upstream": "main"})
    own = f"unix:{g.folder}/weir-data/admin.sock"   # the default, beside the file
    g.config.pop("data_dir")
    g.write(upstreams=[{"name": "main", "endpoints": [own]}])
    done = run_weir("check", str(g.file), cwd=g.folder)
    assert done.returncode == 1 and "upstream-is-admin" in done.stdout, done
    fails(g, own, "upstream-is-admin")


def test_an_upstream_that_does_not_resolve_is_named(gateway):
    g = gateway(upstreams=[{"name": "main", "endpoints": ["nowhere.invalid:80"]}], route={"upstream": "main"})
    assert "nowhere.invalid" in g.stderr() and "resolve" in g.stderr()
    head, body = g.get()
    assert head.status == 502 and b"dns_failed" in body


def test_a_change_to_an_upstream_that_does_not_resolve_is_refused_and_changes_nothing(gateway, upstream):
    g = gateway(upstream())
    g.write(upstreams=[{"name": "main", "endpoints": [*g.config["upstreams"][0]["endpoints"], "nowhere.invalid:80"]}])
    done = g.command("apply", str(g.file))
    assert done.returncode == 1 and "nowhere.invalid" in done.stdout + done.stderr
    assert g.get()[0].status == 200 and "r1" in str(g.api("status")["revision"])


@pytest.mark.parametrize("words,said", [
    ([], "run"), (["fly"], "fly"), (["run", "--no-such-flag"], "--no-such-flag"), (["check"], "FILE"),
    (["explain", "GET"], "explain"), (["run", "--to", "nonsense"], "nonsense"),
])
def test_wrong_words_on_the_command_line_are_usage_errors(folder, words, said):
    done = run_weir(*words, cwd=folder)
    assert done.returncode == 2 and said.lower() in (done.stderr + done.stdout).lower(), (done.returncode, done.stderr)


def test_commands_without_a_running_gateway_say_that_none_runs(gateway, upstream):
    g = gateway(upstream(), start=False)
    for words in (["status"], ["apply", str(g.file)]):
        done = g.command(*words)
        assert done.returncode == 4 + 1, (words, done.returncode, done.stderr)
        assert "admin.sock" in done.stderr or "not running" in done.stderr


@pytest.mark.parametrize("output", ["text", "json", "sarif"])
def test_check_names_every_error_in_every_form(gateway, upstream, output):
    import json
    g = gateway(upstream(), start=False)
    g.file.write_text(SEVERAL_ERRORS)
    done = run_weir("check", str(g.file), "-o", output)
    assert done.returncode == 1 and "adress" in done.stdout and "upstrem" in done.stdout
    if output != "text":
        document = json.loads(done.stdout)
        assert output != "sarif" or document["version"] == "2.1.0"


def test_init_writes_a_file_that_passes_check(folder):
    done = run_weir("init", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "gateway.yaml").exists()
    checked = run_weir("check", "gateway.yaml", cwd=folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    again = run_weir("init", cwd=folder)
    assert again.returncode == 1 and "gateway.yaml" in again.stderr, "init overwrites nothing"


def test_show_effective_fills_in_the_defaults_and_can_be_run(gateway, upstream):
    g = gateway(upstream(), start=False)
    done = g.command("show", "--effective")
    assert done.returncode == 0, done.stderr
    for word in ("min_rate", "connect", "idle"):
        assert word in done.stdout
    g.file.write_text(done.stdout)
    assert g.start().get()[0].status == 200
