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


def test_what_is_not_kept_of_a_long_query_is_not_taken_for_absent(gateway, upstream):
    routes = [{"name": "new", "match": {"path": "/x", "query": [{"name": "version", "value": "2"}]}, "upstream": "main"},
              {"name": "old", "match": {"path": "/x"}, "upstream": "main"}]
    g = gateway(upstream(), routes=routes)
    ids = [g.get(f"/x?a={'a' * length}&version=2")[0].get("x-request-id") for length in (10, 2000)]
    short, long = (g.eventually(lambda i=i: (lambda d: d.stdout if d.returncode == 0 else None)(g.command("explain", i)), what="the id is known") for i in ids)
    assert "was not recorded" not in short and "(not recorded)" not in short, short
    assert "the query at " in long and "the rest was not recorded" in long and "wants query version: 2 (not recorded)" in long, long
    exchange = g.api(f"exchanges/{ids[1]}")
    assert exchange["query_cut"] and not exchange["path_cut"] and len(exchange["query"]) < 1024


def test_a_request_that_is_none_would_be_refused(gateway, upstream):
    g = start(gateway, upstream)
    for words in (("CONNECT", "http://a.test/users/1"), ("GET", "http://a.test/users/1", "-H", "X A: b"), ("G(T", "http://a.test/users/1"),
                  ("GET", "http://a.test/users/1", "-H", "Content-Length: 1", "-H", "Transfer-Encoding: chunked")):
        assert explained(g, *words).startswith("WOULD REFUSE "), words
    assert explained(g, "GET", "http://a.test/users/1?next=https://b.test/").startswith("WOULD FORWARD")


def test_a_deadline_that_has_passed_is_seen(gateway, upstream):
    g = gateway(upstream(), listener={"trusted_proxies": ["10.0.0.0/8"]}, deadline={"header": "X-Left"})
    asked = ("GET", "http://a.test/x", "-H", "X-Left: 0", "--client")
    assert explained(g, *asked, "10.0.0.1").startswith("WOULD REFUSE 504 deadline_expired")
    assert explained(g, *asked, "192.0.2.1").startswith("WOULD FORWARD")
