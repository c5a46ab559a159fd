"""The first minutes of somebody new: the quick start's file runs as it is, the README's tour prints what it says."""
import os
import re
import shlex
import signal
import subprocess
import time

import pytest
import yaml
from harness.gateway import ROOT, binary, run_weir
from harness.ports import free_port
from harness.raw import RawUpstream, get

QUICKSTART = ROOT / "examples/quickstart/gateway.yaml"


@pytest.fixture
def quickstart(folder):
    """The quick start on free ports: the file's text with its addresses changed and nothing else."""
    text = QUICKSTART.read_text()
    ports = {int(port): free_port() for port in set(re.findall(r"(?:127\.0\.0\.1|0\.0\.0\.0)?:(\d{4,5})\b", text))}
    for old, new in ports.items():
        text = re.sub(rf":{old}\b", f":{new}", text)
    (folder / "gateway.yaml").write_text(text)
    for extra in QUICKSTART.parent.glob("*.yaml"):
        if extra.name != "gateway.yaml":
            (folder / extra.name).write_bytes(extra.read_bytes())
    upstreams = [RawUpstream(port=new) for old, new in ports.items() if old in (9001, 9002)]
    live = (folder / "live").open("wb")
    process = subprocess.Popen([binary(), "run", "-c", "gateway.yaml", "--live"], cwd=folder, stdout=live, stderr=subprocess.PIPE)
    yield ports, process, folder
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
    for upstream in upstreams:
        upstream.stop()


def test_the_quick_start_passes_check():
    done = run_weir("check", str(QUICKSTART))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout.lower().replace("0 warnings", "")


def curls(text):
    return [shlex.split(line) for line in re.findall(r"^# *(curl .*)$", text, re.M)]


def test_the_curl_lines_of_the_quick_start_work_and_show_one_live_line_each(quickstart):
    ports, process, folder = quickstart
    lines = curls((folder / "gateway.yaml").read_text())
    assert lines, "the quick start names no curl line to try"
    until = time.monotonic() + 10
    for number, words in enumerate(lines, 1):
        while True:
            done = subprocess.run([words[0], "-sS", *words[1:]], capture_output=True, text=True, timeout=20)
            if done.returncode == 0 or time.monotonic() > until:
                break
            time.sleep(0.1)
        assert done.returncode == 0, (words, done.stderr)
    live = (folder / "live").read_text
    until = time.monotonic() + 5
    while len(live().splitlines()) < len(lines) and time.monotonic() < until:
        time.sleep(0.05)
    assert len([line for line in live().splitlines() if re.search(r"\b[1-5]\d\d\b", line)]) >= len(lines), live()


def tour():
    """Blocks of the README as [(command, expected output)]: ```console with `$ ` before each command."""
    steps = []
    for block in re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.S):
        for piece in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = piece.partition("\n")
            steps.append((command, output))
    return steps


def test_the_readme_names_the_two_commands():
    text = (ROOT / "README.md").read_text()
    assert "./dev run" in text and "./dev test" in text


def generalised(text):
    """What differs from run to run (ids, times, ports, durations, dates, digests) made equal."""
    text = re.sub(r"\b[0-9a-f]{12,64}\b", "ID", text)
    text = re.sub(r"\b\d+(\.\d+)? ?(ms|µs|us|s|min|h|KiB|MiB|%)(?=\W|$)", "N", text)
    text = re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+Z?|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} [\d:]+ GMT|\b\d\d:\d\d:\d\d(\.\d+)?\b", "TIME", text)
    text = re.sub(r":\d{4,5}\b", ":PORT", text)
    return re.sub(r"[ \t]+", " ", re.sub(r"\d+", "N", text)).strip()


def test_the_readmes_tour_prints_what_it_says(quickstart):
    ports, process, folder = quickstart
    steps = tour()
    assert steps, "the README has no tour"
    until = time.monotonic() + 10
    public = ports[8080]
    while time.monotonic() < until:
        try:
            get(public, "/")
            break
        except OSError:
            time.sleep(0.05)
    environment = {**os.environ, "NO_COLOR": "1", "PATH": f"{os.path.dirname(binary())}:{os.environ['PATH']}"}
    for command, expected in steps:
        command = command.replace("examples/quickstart/gateway.yaml", "gateway.yaml")
        for old, new in ports.items():
            command = re.sub(rf":{old}\b", f":{new}", command)
        command = re.sub(r"\bbuild/release/weir\b", "weir", command)
        if command.startswith("./dev"):
            continue
        done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, timeout=30)
        assert generalised(done.stdout) == generalised(expected), f"$ {command}\n{done.stdout}{done.stderr}"


def test_run_to_needs_no_file_and_prints_the_yaml_it_equals(folder):
    upstream, port = RawUpstream(), free_port()
    process = subprocess.Popen([binary(), "run", "--to", f"127.0.0.1:{upstream.port}", "--listen", f"127.0.0.1:{port}"], cwd=folder,
                               stdout=(folder / "out").open("wb"), stderr=(folder / "err").open("wb"))
    try:
        until = time.monotonic() + 10
        while True:
            try:
                assert get(port)[1] == b"ok"
                break
            except OSError:
                assert time.monotonic() < until and process.poll() is None, (folder / "err").read_text()
                time.sleep(0.05)
        printed = (folder / "out").read_text() + (folder / "err").read_text()
        assert f"127.0.0.1:{upstream.port}" in printed and "listeners:" in printed
        text = printed[printed.index("version:"):].split("\n\n")[0]
        equal = yaml.safe_load(text)
        assert equal["listeners"][0]["address"].endswith(str(port))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
        upstream.stop()
