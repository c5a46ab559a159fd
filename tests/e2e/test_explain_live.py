"""explain and live agree: of random requests explain is asked first, then they are sent, and what was foretold is what the
access log says became of them; and no limit's fill changes by asking. Limits fill by the hour, so that a bucket does
not gain a token between the question and the request."""
import hashlib
import http.client
import json
import random
import socket

import pytest
from harness.raw import OK, Broken

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
HOSTS = ["a.test", "b.test", "x.c.test", "y.x.c.test", "d.test", "A.TEST:8080"]
PARTS = ["users", "orders", "items", "me", "v1", "closed", "static", "7", "a%2Fb", "caf%C3%A9"]
KEYS = {f"key-{i}": (f"caller-{i}", ["gold"] if i < 3 else ["silver"] if i < 6 else []) for i in range(12)}
IDENTITY = [{"name": "services", "service": {"header": "X-Service", "from": ["10.0.0.0/8"]}},
            {"name": "partner", "api_key": {"header": "X-Api-Key", "file": "keys.yaml"}}]
LIMITS = [
    {"name": "per-ip", "key": "client_ip", "rate": "6/h", "burst": 90, "before_auth": True},
    {"name": "per-caller", "key": "caller", "rate": "6/h", "burst": 60,
     "overrides": [{"groups": ["gold"], "rate": "9/h", "burst": 200}, {"identity": ["services"], "rate": "9/h", "burst": 300}]},
    {"name": "per-net-route", "key": ["client_net", "route"], "rate": "5/h", "burst": 150},
    {"name": "per-tenant", "key": "header:X-Tenant", "rate": "5/h", "burst": 120},
    {"name": "anonymous", "key": "client_ip", "rate": "4/h", "burst": 25, "for": {"anonymous": True}},
    {"name": "watched", "key": "all", "rate": "3/h", "burst": 50, "mode": "observe"},
]


def routes(rng, count):
    """Some that overlap in every way in which one can be more precise than another."""
    made = [{"name": "all-of-d", "match": {"hosts": ["d.test"]}, "respond": {"status": 200, "body": "d"}},
            {"name": "moved", "match": {"hosts": ["b.test"], "path": "/v1/*"}, "redirect": {"prefix": "/v2"}},
            {"name": "closed", "match": {"path": "/closed/*"}, "upstream": "main", "auth": {"require": ["partner"]}, "limits": ["per-ip", "per-caller"]}]
    for i in range(count):
        match = {"path": "/" + "/".join(rng.sample(["users", "orders", "items", "me", "v1", "static", "7"], rng.randint(1, 2))) + rng.choice(["", "/*", "/*"])}
        if rng.random() < .6:
            match["hosts"] = rng.sample(["a.test", "b.test", "*.c.test", "x.c.test"], rng.randint(1, 2))
        if rng.random() < .4:
            match["methods"] = rng.sample(["GET", "POST", "PUT", "DELETE"], rng.randint(1, 3))
        if rng.random() < .2:
            match["headers"] = [{"name": "X-Canary", "value": "always"}] if rng.random() < .5 else [{"name": "X-Canary"}]
        if rng.random() < .2:
            match["query"] = [{"name": "version", "value": "2"}]
        route = {"name": f"r{i}", "match": match, "upstream": "main", "limits": rng.sample([limit["name"] for limit in LIMITS], rng.randint(0, 4))}
        if rng.random() < .25:
            route["auth"] = {"require": rng.choice([["partner"], ["services"], ["partner", "services"]])}
        if rng.random() < .3:
            route["encoded_slash"] = "keep"
        made.append(route)
    return made


def draw(rng):
    """(method, host, target, headers) of a request."""
    path = "/" + "/".join(rng.choice(PARTS) for _ in range(rng.randint(0, 3)))
    if rng.random() < .05:
        path = rng.choice(["//users", "/users/../orders", "/users/./me", "/users/%41", "/orders/%2e%2e/users"])
    query = rng.choice(["", "", "?version=2", "?version=3", "?other=1&version=2"])
    headers = []
    if rng.random() < .5:
        headers.append(("X-Api-Key", rng.choice([*KEYS, "nobody"])))
    if rng.random() < .2:
        headers.append(("X-Service", rng.choice(["billing", "search"])))
    if rng.random() < .3:
        headers.append(("X-Canary", rng.choice(["always", "never"])))
    if rng.random() < .5:
        headers.append(("X-Tenant", f"t{rng.randint(0, 5)}"))
    client = rng.choice([f"10.1.0.{rng.randint(1, 9)}", f"198.51.100.{rng.randint(1, 20)}", f"203.0.113.{rng.randint(1, 20)}", "2001:db8::1", "2001:db8::2"])
    headers.append(("X-Forwarded-For", client))
    return rng.choice(METHODS[:1] * 4 + METHODS), rng.choice(HOSTS), path + query, headers


class Admin:
    """One kept connection to admin.sock."""

    def __init__(self, gateway):
        self.connection = http.client.HTTPConnection("localhost", timeout=10)
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.settimeout(10)
        self.connection.sock.connect(str(gateway.data / "admin.sock"))

    def ask(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, (path, body, answer.status, text)
        return json.loads(text)

    def close(self):
        self.connection.close()

    def explain(self, question):
        return self.ask("POST", "/api/v1/explain", question)["decision"]


def answer(connection):
    """An upstream that knows HEAD."""
    while True:
        try:
            head, _ = connection.read_request()
        except (Broken, OSError):
            return
        connection.send(OK[:-2] if head.method == "HEAD" else OK)


def unspent(before, after):
    """The same limits, none of them fuller: a request is 400 s of refill and more, the time between two questions is not."""
    assert [limit["name"] for limit in before] == [limit["name"] for limit in after]
    for was, now in zip(before, after, strict=True):
        assert now["left_after_it"] == was["left_after_it"] and abs(now["full_after_s"] - was["full_after_s"]) < 5, (was, now)


def run(gateway, echo, count, seed):
    rng = random.Random(seed)
    g = gateway(echo, start=False, limits=LIMITS, routes=routes(rng, 40), identity=IDENTITY, access_log="access.log", workers=1,
                listener={"trusted_proxies": ["127.0.0.0/8"]})
    (g.folder / "keys.yaml").write_text("".join(
        f"- {{name: {name}, digest: \"sha256:{hashlib.sha256(key.encode()).hexdigest()}\", groups: {json.dumps(groups)}}}\n" for key, (name, groups) in KEYS.items()))
    g.start()
    admin, live, foretold = Admin(g), g.connect(), []
    try:
        for _ in range(200):   # before anything was sent: nothing is spent by asking
            method, host, target, headers = draw(rng)
            admin.explain({"method": method, "url": f"http://{host}{target}", "headers": headers, "client": "127.0.0.1"})
        assert all(limit["passed"] == limit["refused"] == 0 for limit in admin.ask("GET", "/api/v1/limits")["limits"])
        for number in range(count):
            method, host, target, headers = draw(rng)
            question = {"method": method, "url": f"http://{host}{target}", "headers": headers, "client": "127.0.0.1"}
            told = admin.explain(question)
            if number % 5 == 0:
                unspent(told["limits"], admin.explain(question)["limits"])
            lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", f"X-Request-Id: q{number}", *(f"{name}: {value}" for name, value in headers)]
            if method in ("POST", "PUT"):
                lines.append("Content-Length: 0")
            live.send("\r\n".join(lines).encode() + b"\r\n\r\n")
            head, _ = live.read_response(method)
            foretold.append((question, told, head.status))
            if head.get("connection", "").lower() == "close":
                live.close()
                live = g.connect()
    finally:
        admin.close()
        live.close()
    log = g.folder / "access.log"
    g.eventually(lambda: log.exists() and len(log.read_text().splitlines()) >= count, what="every request is in the log")
    return foretold, {row["request_id"]: row for row in map(json.loads, log.read_text().splitlines())}


def compare(foretold, log):
    causes, differ = {}, []
    for number, (question, told, status) in enumerate(foretold):
        row, verdict = log[f"q{number}"], told["verdict"]
        cause = verdict["cause"]
        was = {"cause": cause, "rule": verdict["rule"] and verdict["rule"]["name"], "route": told["route"] and told["route"]["name"]}
        became = {"cause": row["cause"], "rule": row.get("rule"), "route": row.get("route")}
        if cause in ("none", "redirect", "direct_response"):   # no rule refused: the log names none
            was["rule"] = became["rule"] = None
        if was != became or (verdict["status"] and verdict["status"] != status):
            differ.append((question, was, became, verdict["status"], status))
        causes[cause] = causes.get(cause, 0) + 1
    assert not differ, (len(differ), differ[:3])
    return causes


def check(gateway, upstream, count, seed):
    foretold, log = run(gateway, upstream(default=answer), count, seed)
    causes = compare(foretold, log)
    print(causes)
    # Every kind of answer was among them.
    assert {"none", "no_route", "method_not_allowed", "auth_denied", "limit_rejected", "redirect", "direct_response", "bad_request"} <= set(causes), causes


def test_explain_foretells_what_becomes_of_a_request(gateway, upstream):
    check(gateway, upstream, 1500, 7)


@pytest.mark.long
def test_explain_and_live_agree_on_10_000_requests(gateway, upstream):
    check(gateway, upstream, 10_000, 1)
