#!/usr/bin/env python3
"""./dev bench replay: how fast recorded traffic is decided again. Four figures, by processor time where one core is meant:

  from a text log       nginx combined, 10,000 routes, a limit by client, one policy      requests a second a core
  from segments         the same traffic as weir records it, one policy                   requests a second a core
  weir plan             a recording, planned as recorded: the whole command               wall, processor and peak memory, and the
  weir plan --base      the same under two policies, of which one has another limit       wall time that a week would take: below 90 s

A week is reckoned from the recording at hand: what reading and compiling the configuration takes (`weir check`) is paid once, the
rest for each request. Of --days 7 nothing is reckoned. It is wall time on the cores that there are: run it on two (taskset).

  ./dev bench replay [--days 7] [--rate 300] [--rounds 3] [--keep]

The recording of --days (0.25 by default: 6.5 M requests; 7 days need 1.5 GB and ten minutes to write) is made anew into
build/bench/replay, the log is of two million lines. The best of the rounds counts: others on the machine only add.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
OUT = ROOT / "build/bench/replay"
ROUTES, LOG_LINES = 10_000, 2_000_000


def made(bench, kind, folder, seconds, rate):
    wanted = f"{kind} {seconds} {rate} {ROUTES} {os.path.getmtime(bench)}"
    stamp = folder / "made"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    subprocess.run([bench, kind, folder, str(seconds), str(rate), str(ROUTES)], check=True)
    stamp.write_text(wanted)


def measured(bench, kind, folder, rounds):
    # In large pages, as `weir plan` asks for them by itself (src/cmd/large_pages.h).
    pages = os.environ | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
    runs = [json.loads(subprocess.run([bench, kind, folder], check=True, capture_output=True, text=True, env=pages).stdout) for _ in range(rounds)]
    # A worker writes 16 MiB of shapes a segment; of 40,000 targets some come only after that, and are lost to replay.
    if any(run["unjudged"] > run["requests"] / 1000 or not run["refused"] for run in runs) or len({(run["requests"], run["refused"]) for run in runs}) != 1:
        sys.exit(f"{kind} did not decide what it was given: {runs}")
    best = min(runs, key=lambda run: run["seconds"])
    return best["requests"], best["seconds"]


def planned(weir, folder, rounds, arguments):
    def once():
        began = time.monotonic()
        process = subprocess.Popen([weir, "plan", *arguments, "--recording", ".", "-o", "json"], cwd=folder, stdout=subprocess.PIPE)
        report = json.loads(process.stdout.read())
        _, _, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        return wall, report["requests"]["total"], usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    return min(once() for _ in range(rounds))


def fixed(weir, folder, rounds):
    def once():
        began = time.monotonic()
        subprocess.run([weir, "check", "gateway.yaml"], cwd=folder, stdout=subprocess.DEVNULL, check=False)
        return time.monotonic() - began
    return min(once() for _ in range(rounds))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=0.25)
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="leave the input, for the next run")
    parser.add_argument("--build", default="build/release", help="where the programs are")
    options = parser.parse_args()
    bench, weir = ROOT / options.build / "bench_replay", ROOT / options.build / "weir"
    made(bench, "log", OUT / "log", LOG_LINES / options.rate, options.rate)
    made(bench, "make", OUT / "recording", options.days * 86400, options.rate)
    size = sum(path.stat().st_size for path in (OUT / "recording/segments").iterdir())
    print("| | requests | ns each | a second a core | wanted |\n|---|---|---|---|---|")
    for title, kind, folder, wanted in (("from a text log", "from-log", "log", "2.5 M (goal 4)"), ("from segments", "from-segments", "recording", "6 M")):
        requests, seconds = measured(bench, kind, OUT / folder, options.rounds)
        print(f"| {title} | {requests:,} | {1e9 * seconds / requests:.0f} | {requests / seconds / 1e6:.2f} M | {wanted} |", flush=True)
    recording = OUT / "recording"
    (recording / "wider.yaml").write_text((recording / "gateway.yaml").read_text().replace("rate: 2/s", "rate: 3/s"))
    print(f"\n{options.days:g} days, {size / requests:.1f} bytes each on disk; the whole command, configurations read and compiled\n\n"
          "| weir plan | requests | s | s of processor | ns each | a week of 300/s | wanted | peak |\n|---|---|---|---|---|---|---|---|")
    week, once = 7 * 86400 * 300, fixed(weir, recording, options.rounds)
    for title, arguments in (("as recorded", ["gateway.yaml"]), ("two policies", ["wider.yaml", "--base", "gateway.yaml"])):
        wall, requests, processor, memory = planned(weir, recording, options.rounds, arguments)
        print(f"| {title} | {requests:,} | {wall:.1f} | {processor:.1f} | {1e9 * wall / requests:.0f} | {once + (wall - once) / requests * week:.0f} s "
              f"| 90 s | {memory:.0f} MiB |", flush=True)
    if not options.keep:
        shutil.rmtree(OUT)


if __name__ == "__main__":
    main()
