"""weir explain says in words what would be decided and why, and spends nothing by it."""
import json

LIMITS = [{"name": "per-ip", "key": "client_ip", "rate": "1/h", "burst": 3}]
ROUTES = [
    {"name": "users", "match": {"hosts": ["a.test"], "path": "/users/*", "methods": ["GET"]}, "upstream": "main", "limits": ["per-ip"]},
    {"name": "user-me", "match": {"hosts": ["a.test"], "path": "/users/me"}, "upstream": "main"},
    {"name": "closed", "match": {"hosts": ["a.test"], "path": "/closed/*"}, "upstream": "main", "auth": {"require": ["partner"]}},
]
IDENTITY = [{"name": "partner", "api_key": {"header": "X-Api-Key", "file": "keys.yaml"}}]


def start(gateway, upstream):
    g = gateway(upstream(), start=False, limits=LIMITS, routes=ROUTES, identity=IDENTITY)
    (g.folder / "keys.yaml").write_text("[]\n")
    return g.start()


def explained(g, *words):
    done = g.command("explain", *words)
    assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
    assert max(map(len, done.stdout.splitlines())) <= 100
    return done.stdout


def test_it_names_route_caller_limit_endpoint_and_lines(gateway, upstream):
    g = start(gateway, upstream)
    text = explained(g, "GET", "http://a.test/users/1")
    for wanted in ("users", "per-ip", "3", g.config["upstreams"][0]["endpoints"][0], "gateway.yaml"):
        assert wanted in text, text


def test_it_says_why_not_the_other_routes(gateway, upstream):
    g = start(gateway, upstream)
    text = explained(g, "GET", "http://a.test/users/me")
    assert "user-me" in text and "users" in text, text
    text = explained(g, "POST", "http://a.test/users/1")
    assert "405" in text and "method_not_allowed" in text and "GET" in text, text


def test_it_says_how_a_refusal_comes_about(gateway, upstream):
    g = start(gateway, upstream)
    assert "no_route" in explained(g, "GET", "http://b.test/")
    text = explained(g, "GET", "http://a.test/closed/x")
    assert "auth_denied" in text and "partner" in text and "401" in text, text


def test_it_spends_nothing(gateway, upstream):
    g = start(gateway, upstream)
    for _ in range(20):
        explained(g, "GET", "http://a.test/users/1")
    assert [g.get("/users/1")[0].status for _ in range(4)] == [200, 200, 200, 429]


def test_it_shows_how_full_a_limit_is(gateway, upstream):
    g = start(gateway, upstream)
    for _ in range(4):
        g.get("/users/1")
    text = explained(g, "GET", "http://a.test/users/1", "-H", "X-A: b")
    # The command line's own address is not the client's: explain says for whom it asks and can be told.
    assert "per-ip" in text
    text = explained(g, "GET", "http://a.test/users/1", "--client", "127.0.0.1")
    assert "limit_rejected" in text and "429" in text, text


def test_it_explains_an_exchange_of_the_past(gateway, upstream):
    g = start(gateway, upstream)
    for _ in range(3):
        g.get("/users/1")
    head, body = g.get("/users/1")
    assert head.status == 429
    request_id = head.get("x-request-id")
    assert json.loads(body)["request_id"] == request_id
    text = g.eventually(lambda: (lambda d: d.stdout if d.returncode == 0 else None)(g.command("explain", request_id)), what="the id is known")
    for wanted in ("429", "limit_rejected", "per-ip", "users", "r1"):
        assert wanted in text, text
