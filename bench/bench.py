#!/usr/bin/env python3
"""./dev bench: weir beside nginx, haproxy and nghttpx from Debian, one worker each on one core, load and backend on
another. Rounds are interleaved, the order of the proxies shuffled in each; medians and their spread are printed as
Markdown (fit for docs/performance.md), every single number goes to build/bench/results.json.

  ./dev bench [--cases keep64,full] [--proxies weir,nginx] [--rounds 5] [--seconds 2] [--together] [--list]

µs is processor time of all the proxy's tasks (from /proc, in nanoseconds) over requests answered. The best peer is the
cheapest of the three in that case and run. Compare only numbers of one run. "copier" copies bytes and reads none of them
(bench/copier.cc): no peer, but what no proxy on this machine goes below.
"""
import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from measure import LOAD_CORE, Running, answers, free_ports, idle, pinned, wrk   # noqa: E402
from proxies import proxies   # noqa: E402

ROOT = Path(__file__).parent.parent
OUT = ROOT / "build/bench"
MANY = 10_000
KEYS = 1_000_000
WARMING = 5   # seconds: tables that grow with the first requests of 10,000 hosts have grown, and what follows 3 s behind has begun
KEPT = 3      # rounds that a process lives where all are up together
# The load of `bare` and `full` is the same to the byte: random host of 10,000, random key of a million.
FULL_LOAD = ("math.randomseed(1) request=function() local k=math.random(1,%d) wrk.headers['Host']='h'..math.random(0,%d)..'.example.test' "
             "return wrk.format('GET','/100?k='..k) end" % (KEYS, MANY - 1))
KEY_LOAD = "math.randomseed(1) request=function() return wrk.format('GET','/100?k='..math.random(1,%d)) end" % KEYS
HOST_LOAD = "math.randomseed(1) request=function() wrk.headers['Host']='h'..math.random(0,%d)..'.example.test' return wrk.format('GET','/100') end"
FULL = dict(hosts=MANY, limit=True, log=True, metrics=True)


def with_memory(running, result):
    return {**result, "pss_kib": running.pss_kib(), "started_kib": running.started_kib, "started_s": running.started_in}


def reloads(running, seconds, close):
    times = []

    def during():
        for _ in range(3):
            time.sleep(seconds / 4)
            times.append(running.reload())
        known = [t for t in times if t is not None]
        return {"apply_ms": 1e3 * max(known)} if known else {}
    result = {**wrk(running, 32, seconds, close=close, during=during), "pss_kib": running.pss_kib()}
    at_rest = running.reload()
    return {**result, "apply_rest_ms": 1e3 * at_rest} if at_rest is not None else result


class Case:
    def __init__(self, title, run, needs=("forward",), warm=True, once=False, **setup):
        self.title, self.run, self.needs, self.warm, self.once, self.setup = title, run, set(needs), warm, once, setup


CASES = {
    "keep1": Case("100 B, 1 connection", lambda r, s: wrk(r, 1, s), ("small",)),
    "keep64": Case("100 B, 64 connections", lambda r, s: wrk(r, 64, s), ("small",)),
    "norecord": Case("100 B, 64 connections, nothing recorded", lambda r, s: wrk(r, 64, s), ("record",), record=False),
    "plain64": Case("100 B, 64 connections, no resilience", lambda r, s: wrk(r, 64, s), ("record",), resilience="none"),
    "resilient64": Case("100 B, 64 connections, all resilience on", lambda r, s: wrk(r, 64, s), ("record",), resilience="all"),
    "watched64": Case("100 B, 64 connections, two policies decide", lambda r, s: wrk(r, 64, s), ("record",), watched=True),
    "auth64": Case("100 B, 64 connections, a service asked for each whether it may pass", lambda r, s: wrk(r, 64, s), ("record",), auth="asked"),
    "authcache64": Case("the same, its answers kept", lambda r, s: wrk(r, 64, s), ("record",), auth="kept"),
    "keep1000": Case("100 B, 1,000 connections", lambda r, s: wrk(r, 1000, s), ("small",)),
    "new": Case("new connection per request", lambda r, s: wrk(r, 64, s, close=True)),
    "16k": Case("16 KB", lambda r, s: wrk(r, 64, s, "/16384")),
    "1m": Case("1 MB, 16 connections", lambda r, s: wrk(r, 16, s, "/1048576")),
    "hosts10": Case("10 hosts", lambda r, s: with_memory(r, wrk(r, 64, s, script=HOST_LOAD % 9)), ("hosts",), hosts=10),
    "hosts10k": Case("10,000 hosts", lambda r, s: with_memory(r, wrk(r, 64, s, script=HOST_LOAD % (MANY - 1))), ("hosts",), hosts=MANY),
    "nolimit": Case("a million keys in the query, no limit", lambda r, s: wrk(r, 64, s, script=KEY_LOAD)),
    "limit": Case("limit with a million keys", lambda r, s: with_memory(r, wrk(r, 64, s, script=KEY_LOAD)), ("limit",), limit=True),
    "log": Case("JSON log on", lambda r, s: wrk(r, 64, s), ("log",), log=True),
    "bare": Case("bare: 10,000 hosts and a million keys asked for, only forwarded", lambda r, s: wrk(r, 64, s, script=FULL_LOAD), ("small",)),
    "full": Case("full: 10,000 routes, limit per key, JSON log, metrics; same load", lambda r, s: with_memory(r, wrk(r, 64, s, script=FULL_LOAD)),
                 ("hosts", "limit", "log", "metrics"), **FULL),
    "bare1000": Case("bare, 1,000 connections", lambda r, s: wrk(r, 1000, s, script=FULL_LOAD), ("small",)),
    "whole": Case("full, and all resilience on", lambda r, s: wrk(r, 64, s, script=FULL_LOAD), ("hosts", "limit", "log", "metrics", "record"), resilience="all", **FULL),
    "everything": Case("whole, and two policies decide", lambda r, s: wrk(r, 64, s, script=FULL_LOAD),
                       ("hosts", "limit", "log", "metrics", "record"), resilience="all", watched=True, **FULL),
    "full1000": Case("full, 1,000 connections", lambda r, s: wrk(r, 1000, s, script=FULL_LOAD), ("hosts", "limit", "log", "metrics"), **FULL),
    "idle": Case("10,000 idle connections", lambda r, s: idle(r, 10_000), ("idle",), warm=False, once=True),
    "reload": Case("3 reloads under keep-alive load", lambda r, s: reloads(r, max(4, s), False), ("reload",), warm=False, once=True),
    "reload_new": Case("3 reloads, new connection per request", lambda r, s: reloads(r, max(4, s), True), ("reload",), warm=False, once=True),
    "reload10k": Case("3 reloads of 10,000 routes", lambda r, s: reloads(r, 12, True), ("reload", "hosts"), warm=False, once=True, hosts=MANY),
}

# (what, kind, of which case, against which, at most): ratio to the best peer's number, difference to an own one, or share of it;
# `at most` is None where it is only reported.
GATES = [
    ("full against the best bare peer, c=64", "ratio", "full", "bare", 1.0),
    ("the same with all resilience on", "ratio", "whole", "bare", 1.0),
    ("everything on, and two policies decide, against the best bare peer, c=64", "ratio", "everything", "bare", 1.05),
    ("full against the best bare peer, c=1,000", "ratio", "full1000", "bare1000", 0.80),
    ("new connections", "ratio", "new", "new", 1.05),
    ("16 KB", "ratio", "16k", "16k", 0.85),
    ("1 MB", "ratio", "1m", "1m", 0.95),
    ("10,000 hosts over 10, µs", "own", "hosts10k", "hosts10", 0.3),
    ("limit with a million keys, µs", "own", "limit", "nolimit", 0.4),
    ("JSON log, µs", "own", "log", "keep64", 0.3),
    ("all resilience but external auth, µs", "own", "resilient64", "plain64", 0.6),
    ("two policies decide, µs", "own", "watched64", "keep64", 0.5),
    ("external auth that is asked for each request, µs", "own", "auth64", "keep64", None),
    ("external auth whose answers are kept, µs", "own", "authcache64", "keep64", None),
    ("recording, follower and directory, % of a request", "share", "keep64", "norecord", 3.0),
]
PEERS = ("nginx", "haproxy", "nghttpx")


class Rounds:
    """Runs rounds and keeps what came of them."""
    def __init__(self, table, backend, seconds):
        self.table, self.backend, self.seconds, self.results = table, backend, seconds, {}

    def start(self, key, name):
        """A proxy in a case, warmed; None where it did not start."""
        case = CASES[key]
        try:
            running = Running(self.table[name], OUT / "run" / f"{name}-{key}", self.backend, **case.setup)
        except RuntimeError as error:
            print(error, file=sys.stderr)
            return None
        if running.setup.watched:   # made live by force, and judged beside the one before it: two policies decide
            running.reload("--now", "--reason", "bench")
        if case.warm:
            case.run(running, WARMING)
        return running

    def measure(self, number, key, name, running):
        result = {**CASES[key].run(running, self.seconds), "round": number}
        self.results.setdefault(key, {}).setdefault(name, []).append(result)
        shown = {k: round(v, 2) if isinstance(v, float) else v for k, v in result.items() if v is not None}
        print(f"round {number + 1} {key} {name}: {shown}", file=sys.stderr, flush=True)
        (OUT / "results.json").write_text(json.dumps(self.results, indent=1))

    def apart(self, wanted, rounds):
        """One program at a time, each round a fresh one."""
        for number in range(rounds):
            for key in dict.fromkeys(key for key, _ in wanted):
                if CASES[key].once and number > 0:
                    continue
                order = [pair for pair in wanted if pair[0] == key]
                random.Random(1000 * number + list(CASES).index(key)).shuffle(order)
                for key, name in order:
                    if running := self.start(key, name):
                        try:
                            self.measure(number, key, name, running)
                        finally:
                            running.stop()

    def together(self, wanted, rounds):
        """All of them up at once and asked by turns: what is compared is seconds apart. Two processes of one program differ by some
        percent for as long as they live, so fresh ones take over every KEPT rounds."""
        for first in range(0, rounds, KEPT):
            up = []
            try:
                for key, name in wanted:
                    if running := self.start(key, name):
                        up.append((key, name, running))
                for number in range(first, min(first + KEPT, rounds)):
                    random.Random(number).shuffle(up)
                    for key, name, running in up:
                        self.measure(number, key, name, running)
            finally:
                for _, _, running in up:
                    running.stop()


def median(results, key, name, what="us"):
    values = [r[what] for r in results.get(key, {}).get(name, []) if r.get(what) is not None]
    return statistics.median(values) if values else None


def best_peer(results, key):
    known = {name: value for name in PEERS if (value := median(results, key, name)) is not None}
    return min(known, key=known.get) if known else None


def measured(results, key, name):
    """Rounds in which anything was answered."""
    return [r for r in results.get(key, {}).get(name, []) if r["us"] is not None]


def paired(results, above, below, name, combine):
    """Median of what `combine` makes of weir in the one case and `name` in the other, round by round: a machine that is
    slower for a while is so for both."""
    by_round = {r["round"]: r["us"] for r in measured(results, below, name)}
    values = [combine(r["us"], by_round[r["round"]]) for r in measured(results, above, "weir") if r["round"] in by_round]
    return statistics.median(values) if values else None


def of_lowest(results, above, below, name, combine):
    """The same of the lowest of each: what neither a neighbour nor the disk disturbed."""
    own = [r["us"] for r in measured(results, above, "weir")]
    other = [r["us"] for r in measured(results, below, name)]
    return combine(min(own), min(other)) if own and other else None


def spread(results, key, name, what="us", form="{:.2f}"):
    values = [r[what] for r in results.get(key, {}).get(name, []) if r.get(what) is not None]
    if not values:
        return "–"
    text = form.format(statistics.median(values))
    return text if len(values) == 1 else f"{text} ({form.format(min(values))}–{form.format(max(values))})"


def conditions(rounds, seconds):
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().split("\n") if line.startswith("model name")), "?")
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()

    def version(*command):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError:
            return "not here"
        return (done.stdout + done.stderr).strip().split("\n")[0]
    return "\n".join([
        f"- {time.strftime('%Y-%m-%d')}, commit {commit}; {os.cpu_count()} × {cpu}, kernel {platform.release()}, load average {os.getloadavg()[0]:.1f} at the end.",
        f"- Loopback; proxy on core 0, one worker; wrk and the backend on core {LOAD_CORE}; {rounds} rounds of {seconds} s after {WARMING} s of warming by the same load, order shuffled.",
        f"- {version('/usr/sbin/nginx', '-v')}; {version('/usr/sbin/haproxy', '-v')}; {version('/usr/sbin/nghttpx', '--version')}; {version('wrk', '-v')}.",
        "- µs: processor time of all the proxy's tasks per request, median (lowest–highest); gates: median over the rounds of what each round gives. Compare only within this table.",
    ])


def unwell(results, key, name):
    """Errors and refused answers of all its rounds; None where there is none."""
    rounds = results.get(key, {}).get(name, [])
    return sum(r.get("errors", 0) + r.get("refused", 0) for r in rounds) if rounds else None


def gates(results, names, cases):
    """Lines of the table. A gate that was asked for and has no number is missed; one of a case that was not asked for has no line."""
    lines = ["| gate | measured | of the lowest | at most | |", "|---|---|---|---|---|"]

    def gate(title, keys, value, most, form="{:.2f}", lowest=None, why="no number"):
        if value is not None:
            verdict = ("–", "") if most is None else (most, "met" if value <= most else "**missed**")
            quiet = "–" if lowest is None else form.format(lowest)
            lines.append(f"| {title} | {form.format(value)} | {quiet} | {verdict[0]} | {verdict[1]} |")
        elif most is not None and "weir" in names and all(key in cases for key in keys):
            lines.append(f"| {title} | – | – | {most} | **missed**: {why} |")
    for title, kind, above, below, most in GATES:
        name, combine = {"ratio": (best_peer(results, below), lambda a, b: a / b), "own": ("weir", lambda a, b: a - b),
                         "share": ("weir", lambda a, b: 100 * (a / b - 1))}[kind]
        gate(title, (above, below), paired(results, above, below, name, combine), most, lowest=of_lowest(results, above, below, name, combine),
             why="no peer" if name is None else "no number")
    many, few = median(results, "hosts10k", "weir", "started_kib"), median(results, "hosts10", "weir", "started_kib")
    gate("memory of one host of 10,000, KiB", ("hosts10k", "hosts10"), (many - few) / (MANY - 10) if many and few else None, 2.0)
    gate("idle connection, KiB of user memory", ("idle",), median(results, "idle", "weir", "kib"), 0.6)
    gate("apply of 10,000 routes at rest, ms", ("reload10k",), median(results, "reload10k", "weir", "apply_rest_ms"), 150, "{:.0f}")
    for key in cases:   # cheap is what was answered, and answered well
        gate(f"errors + refused, {CASES[key].title}", (key,), unwell(results, key, "weir"), 0, "{:.0f}")
    return lines


def report(results, names, cases, rounds, seconds):
    lines = [conditions(rounds, seconds), "", "| case | " + " | ".join(names) + " | weir / best peer |", "|---" * (len(names) + 2) + "|"]
    for key in results:
        if CASES[key].once:
            continue
        best, own = best_peer(results, key), median(results, key, "weir")
        ratio = f"{own / median(results, key, best):.2f}× {best}" if best and own else "–"
        lines.append(f"| {CASES[key].title} | " + " | ".join(spread(results, key, n) for n in names) + f" | {ratio} |")
    if "idle" in results:
        lines += ["", "| idle connections | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        for what, title, form in (("kib", "KiB of user memory each", "{:.2f}"), ("resting_percent", "% of a core while they rest", "{:.2f}"),
                                  ("us", "µs per request beside them", "{:.1f}"), ("errors", "lost", "{:.0f}")):
            lines.append(f"| {title} | " + " | ".join(spread(results, "idle", n, what, form) for n in names) + " |")
    for key in ("reload", "reload_new", "reload10k"):
        if key in results:
            lines += ["", f"| {CASES[key].title} | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
            for what, title, form in (("errors", "failed requests", "{:.0f}"), ("requests", "of", "{:.0f}"), ("p99", "p99 µs", "{:.0f}"),
                                      ("apply_ms", "slowest apply, ms", "{:.0f}"), ("apply_rest_ms", "apply at rest, ms", "{:.0f}"), ("pss_kib", "PSS after, KiB", "{:.0f}")):
                lines.append(f"| {title} | " + " | ".join(spread(results, key, n, what, form) for n in names) + " |")
    return "\n".join([*lines, "", *gates(results, names, cases)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--proxies", default="weir,nginx,haproxy,nghttpx,copier")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--build", default="build/release", help="where the programs are that are measured")
    parser.add_argument("--together", action="store_true", help="keep all of them up and ask them by turns: the finest comparison, for a few cases")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{key:11} {case.title}" for key, case in CASES.items()))
        return 0
    build = ROOT / options.build
    table = proxies(str(build / "weir"))
    names = [n for n in options.proxies.split(",") if Path(table[n].program).exists()]
    for name in set(options.proxies.split(",")) - set(names):
        print(f"{name} is not here ({table[name].program}): left out", file=sys.stderr)
    cases = options.cases.split(",")
    if unknown := set(cases) - set(CASES):
        parser.error(f"no case {', '.join(unknown)}; --list shows them")
    if options.together and (once := [key for key in cases if CASES[key].once]):
        parser.error(f"not together: {', '.join(once)}")
    OUT.mkdir(parents=True, exist_ok=True)
    port = free_ports(1)[0]
    backend = subprocess.Popen(pinned(LOAD_CORE, [str(build / "bench_backend"), str(port)]))
    try:
        for _ in range(100):
            try:
                answers(port)
                break
            except OSError:
                time.sleep(0.02)
        rounds = Rounds(table, port, options.seconds)
        wanted = [(key, name) for key in cases for name in names if CASES[key].needs <= table[name].can]
        (rounds.together if options.together else rounds.apart)(wanted, options.rounds)
    finally:
        backend.terminate()
        backend.wait()
    text = report(rounds.results, names, cases, options.rounds, options.seconds)
    (OUT / "report.md").write_text(text + "\n")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
