"""The first minutes of somebody new: the quick start's file runs as it is, the README's tour prints what it says."""
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from harness.gateway import ROOT, binary, run_weir
from harness.ports import free_port
from harness.raw import RawUpstream, get
from harness.tour import at_ports, check_document

QUICKSTART = Path("examples/quickstart/gateway.yaml")
README = ROOT / "README.md"


def ended(process):
    """The exit code of one that was told to end."""
    try:
        return process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(10)


@pytest.fixture
def quickstart(folder):
    """The quick start as ./dev run starts it, in a folder that looks like the repository, on free ports: the files' text
    with its addresses changed and nothing else. Yields {port as written: port used} and the folder."""
    text = (ROOT / QUICKSTART).read_text()
    ports = {int(port): free_port() for port in {*re.findall(r"127\.0\.0\.1:(\d{4,5})\b", text), 8090}}   # 8090: of the guide's own gateway
    (folder / QUICKSTART).parent.mkdir(parents=True)
    (folder / QUICKSTART).write_text(at_ports(text, ports))
    cases = QUICKSTART.with_name("cases.yaml")
    (folder / cases).write_text(at_ports((ROOT / cases).read_text(), ports))
    (folder / "build").mkdir()
    (folder / "build/release").symlink_to(Path(binary()).parent)
    processes = []
    try:
        for port, name in ((9001, "catalog-1"), (9002, "catalog-2")):
            processes.append(subprocess.Popen([Path(binary()).parent / "sample_upstream", f"127.0.0.1:{ports[port]}", name]))
        gateway = subprocess.Popen([binary(), "run", "-c", QUICKSTART, "--live"], cwd=folder, stdout=(folder / "live").open("wb"),
                                   stderr=(folder / "errors").open("wb"))
        processes.append(gateway)
        until = time.monotonic() + 10
        while True:
            try:
                if get(ports[9347], "/readyz", host=f"127.0.0.1:{ports[9347]}")[0].status == 200:
                    break
            except OSError:
                pass
            assert gateway.poll() is None and time.monotonic() < until, (folder / "errors").read_text()
            time.sleep(0.02)
        yield ports, folder
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
        codes = [ended(process) for process in processes]
    assert codes[-1] == 0, (folder / "errors").read_text()


def test_the_quick_start_passes_check():
    done = run_weir("check", str(ROOT / QUICKSTART))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in done.stdout.lower().replace("0 warnings", "")


def test_the_curl_lines_of_the_quick_start_work_and_show_one_live_line_each(quickstart):
    ports, folder = quickstart
    lines = [shlex.split(line) for line in re.findall(r"^ *# *(curl .*)$", (folder / QUICKSTART).read_text(), re.M)]
    assert lines, "the quick start names no curl line to try"
    for words in lines:
        done = subprocess.run([words[0], "-sS", *words[1:]], capture_output=True, text=True, timeout=20)
        assert done.returncode == 0, (words, done.stderr)
    live = folder / "live"
    until = time.monotonic() + 5
    while len(live.read_text().splitlines()) < len(lines) and time.monotonic() < until:
        time.sleep(0.05)
    assert len([line for line in live.read_text().splitlines() if re.search(r" [1-5]\d\d ", line)]) == len(lines), live.read_text()


def test_the_readme_names_the_two_commands():
    assert "./dev run" in README.read_text() and "./dev test" in README.read_text()


def test_the_readmes_tour_prints_what_it_says(quickstart):
    ports, folder = quickstart
    check_document(README, ports, folder)


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
        upstream.stop()
        process.send_signal(signal.SIGTERM)
        code = ended(process)
    assert code == 0, (folder / "err").read_text()
