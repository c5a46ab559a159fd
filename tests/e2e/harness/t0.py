"""The testbed T0 (examples/drill/t0.yaml) as it was before today: an access log of its traffic, drawn from the scenario's own
rates, callers, mix and laws, for `weir import --log`. Nothing of weir's draws it.

A day at 300 requests a second are 26 million; kept are samples of it, each from the beginning of a minute on, at T0's full
rate: what limits, timeouts and endpoints meet within one is what they meet all day. Before it a week of a few requests a day of every
caller: who is known is known by that."""
import heapq
import math
import random
import re
import time

import yaml

from .gateway import ROOT, run_weir

SCENARIO = ROOT / "examples/drill/t0.yaml"
GATEWAY = ROOT / "examples/drill/t0-gateway.yaml"
FORMAT = 'nginx:$remote_addr $msec "$request" $status $request_time $upstream_response_time $upstream_addr "$key_owner" "$service"'
FIELDS = ("--log-format", FORMAT, "--field", "identity:partner=key_owner", "--field", "identity:services=service")
DAY = 86_400


def seconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]


def law(text):
    """A law of the drill (docs/guide/drill.md) as something that draws from a random source."""
    if match := re.fullmatch(r"lognormal\((\S+?),? ([\d.]+)\)", text):
        median, sigma = seconds(match[1]), float(match[2])
        return lambda chance: median * math.exp(chance.gauss(0, sigma))
    if match := re.fullmatch(r"exponential\((\S+)\)", text):
        mean = seconds(match[1])
        return lambda chance: chance.expovariate(1 / mean)
    return lambda chance, always=seconds(text): always


def kib(text):
    number, unit = re.fullmatch(r"([\d.]+)(B|KiB)", text).groups()
    return float(number) / (1024 if unit == "B" else 1)


class Service:
    """The endpoints of one upstream in turn, each with its workers and a queue without end: first come, first served."""

    def __init__(self, spec):
        behaviour = spec["behaviour"]
        self.latency = law(behaviour["latency"])
        self.per_kib = seconds(behaviour.get("per_kib", "0s"))
        self.free = [(address, [0.0] * behaviour["workers"]) for address in spec["endpoints"]]
        self.turn = 0

    def serve(self, at, body, chance):
        """(endpoint, seconds until the answer)"""
        address, workers = self.free[self.turn]
        self.turn = (self.turn + 1) % len(self.free)
        begin = max(at, heapq.heappop(workers))
        end = begin + self.latency(chance) + self.per_kib * body
        heapq.heappush(workers, end)
        return address, end - at


class Traffic:
    """One traffic of the scenario: sessions of callers by Zipf, requests of a session with gaps between them."""

    def __init__(self, spec):
        self.rate = float(spec["rate"].removesuffix("/s"))
        self.noise = float(spec["noise"].removesuffix("%")) / 100
        self.mean = spec.get("burst", {}).get("mean", 1)
        self.gap = law(spec["burst"]["gap"]) if "burst" in spec else None
        callers = spec["callers"]
        self.names = callers.get("names") or [f"{callers['prefix']}-{i + 1}" for i in range(callers["count"])]
        self.weights, upto = [], 0.0
        for k in range(len(self.names)):
            upto += (k + 1) ** -callers.get("zipf", 0)
            self.weights.append(upto)
        self.identity = callers["identity"]
        self.networks = callers.get("networks")
        self.spoil = float(spec["spoil"]["share"].removesuffix("%")) / 100 if "spoil" in spec else 0
        self.cluster = spec.get("spoil", {}).get("cluster", 1)
        self.requests = spec["requests"]
        self.shares = [each["weight"] for each in self.requests]
        self.spoiled = {}

    def address(self, caller):
        if not self.networks:
            return "127.0.0.1"
        net, host = caller % self.networks, caller // self.networks % 254 + 1
        return f"10.{net >> 8}.{net & 255}.{host}"

    def sample(self, length, chance):
        """(when, caller, request) within `length` seconds."""
        made = []
        for second in range(length):
            rate = self.rate * max(0.2, chance.gauss(1, self.noise)) / self.mean
            at = second + chance.expovariate(rate)
            while at < second + 1:
                caller = chance.choices(range(len(self.names)), cum_weights=self.weights)[0]
                due = at
                while due < length:
                    made.append((due, caller, chance.choices(self.requests, self.shares)[0]))
                    if chance.random() < 1 / self.mean:
                        break
                    due += self.gap(chance)
                at += chance.expovariate(rate)
        return sorted(made, key=lambda each: each[0])

    def goes_wrong(self, caller, chance):
        """0.3 % of all, in clusters of one caller's."""
        if self.spoiled.get(caller, 0) > 0:
            self.spoiled[caller] -= 1
            return True
        if chance.random() >= self.spoil / self.cluster:
            return False
        self.spoiled[caller] = round(chance.expovariate(1 / self.cluster))
        return True


class Past:
    """Draws T0's past up to `end` (Unix time, an hour back if left out), for two logs."""

    def __init__(self, end=None, seed=1):
        self.scenario = yaml.safe_load(SCENARIO.read_text())
        self.gateway = yaml.safe_load(GATEWAY.read_text())
        self.chance = random.Random(seed)
        self.end = int(end or time.time() - 3600) // 60 * 60
        self.arrivals = []   # (when, identity, caller, route, how long) of all that was written
        self.services = {each["name"]: Service(each) for each in self.scenario["upstreams"]}
        self.traffic = [Traffic(each) for each in self.scenario["traffic"]]

    def line(self, at, traffic, caller, request):
        path = request["path"]
        route = next(each for each in self.gateway["routes"] if path.startswith(each["match"]["path"].removesuffix("*"))
                     or path == each["match"]["path"].removesuffix("/*"))
        body = kib(request["body"]) if "body" in request else 0
        endpoint, took = self.services[route["upstream"]].serve(at, body, self.chance)
        status = 500 if traffic.goes_wrong(caller, self.chance) else 200
        name = traffic.names[caller]
        self.arrivals.append((at, traffic.identity, name, route["name"], round(took, 3)))
        key, service = ("-", name) if traffic.identity == "services" else (name, "-")
        return at + took, (f'{traffic.address(caller)} {at + took:.3f} "{request.get("method", "GET")} {path} HTTP/1.1" '
                           f'{status} {took:.3f} {took:.3f} {endpoint} "{key}" "{service}"\n')

    def write(self, file, arrivals):
        """In the order of the ends, as a log is."""
        arrivals.sort(key=lambda each: each[0])
        file.writelines(text for _, text in sorted(self.line(*each) for each in arrivals))

    def day(self, path, every=3600, length=60):
        """25 hours, of which `length` seconds `every` so many are there: more than a day, for which endpoints are judged."""
        with path.open("w") as file:
            for begin in range(self.end - DAY - 3600, self.end - length + 1, every):
                self.write(file, [(begin + at, traffic, caller, request) for traffic in self.traffic
                                  for at, caller, request in traffic.sample(length, self.chance)])
        return path

    def week(self, path, days=7, each=3):
        """Every caller a few times a day, for the seven days before the day."""
        begin = self.end - DAY - 3600 - days * DAY
        arrivals = [(begin + (day + self.chance.random()) * DAY, traffic, caller, self.chance.choices(traffic.requests, traffic.shares)[0])
                    for day in range(days) for traffic in self.traffic for caller in range(len(traffic.names)) for _ in range(each)]
        with path.open("w") as file:
            self.write(file, arrivals)
        return path


def remember(folder, data, *logs):
    """Takes the logs into recorder and caller directory of `data`, as an operator would on the first day. T0's configuration is in
    `folder`/gateway.yaml then."""
    (folder / "gateway.yaml").write_text(GATEWAY.read_text())
    (folder / "keys.yaml").touch()
    words = [word for log in logs for word in ("--log", str(log))]
    done = run_weir("import", *words, *FIELDS, "-c", "gateway.yaml", "--data-dir", str(data), "--report", "json", cwd=folder, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done
