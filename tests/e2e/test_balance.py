"""Balancing with real processes: who takes what under ring_hash, peak_ewma and tiers, and names that move, fail and come."""
import threading

from harness.dns import Names
from harness.raw import get
from harness.service import Service

UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
MAIN = {"upstream": "main"}
CHECK = {"path": "/healthz", "interval": "100ms", "timeout": "500ms", "rise": 1, "fall": 1}


def pool(*endpoints, **upstream):
    return [{"name": "main", "endpoints": list(endpoints), "ejection": False, "slow_start": "none", **upstream}]


def at(service, **more):
    return {"address": f"127.0.0.1:{service.port}", **more}


def endpoints(g):
    return g.api("upstreams")["upstreams"][0]["endpoints"]


def took(services, before):
    return [s.taken - b for s, b in zip(services, before)]


# ---- ring_hash, tiers, peak_ewma, shares

def test_a_tenant_stays_with_one_endpoint_and_comes_back_to_it(gateway, upstream):
    services = [Service(upstream) for _ in range(4)]
    g = gateway(route=MAIN, upstreams=pool(*map(at, services), balance="ring_hash", hash="header:X-Tenant", health_check=CHECK))

    def home(tenant, times=4):
        before = [s.taken for s in services]
        for _ in range(times):
            assert get(g.port, "/x", headers=[f"X-Tenant: {tenant}"])[0].status == 200
        counts = took(services, before)
        assert sorted(counts) == [0, 0, 0, times], counts
        return counts.index(times)

    homes = {tenant: home(tenant) for tenant in range(24)}
    assert len(set(homes.values())) == 4
    gone = homes[0]
    services[gone].health = UNAVAILABLE
    g.eventually(lambda: not endpoints(g)[gone]["usable"])
    for tenant, usual in homes.items():
        assert (home(tenant) == usual) == (usual != gone)
    services[gone].health = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    g.eventually(lambda: endpoints(g)[gone]["usable"])
    assert {tenant: home(tenant) for tenant in range(24)} == homes
    # Without the header the caller takes its place: one address, one endpoint.
    before = [s.taken for s in services]
    for _ in range(12):
        get(g.port, "/x")
    assert sorted(took(services, before)) == [0, 0, 0, 12]
    # And `weir explain` names the one.
    said = g.command("explain", "GET", "http://a.test/x", "-H", "X-Tenant: 0")
    assert "hash of header:x-tenant, slot" in said.stdout, said.stdout + said.stderr
    line = next(each for each in said.stdout.splitlines() if "has the slot" in each)
    assert f":{services[gone].port} " in line


def test_a_hot_key_spills_over_within_its_bound(gateway, upstream):
    services = [Service(upstream, delay=0.4) for _ in range(4)]
    g = gateway(route=MAIN, upstreams=pool(*map(at, services), balance="ring_hash"), workers=2)
    threads = [threading.Thread(target=get, args=(g.port, "/x")) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # At most 1.25 times a quarter of those under way, rounded up, and one more for each worker that looked at once.
    assert max(s.taken for s in services) <= 10 + 2
    assert sum(s.taken for s in services) == 32


def test_the_second_tier_steps_in_and_out(gateway, upstream):
    one, two, spare = Service(upstream), Service(upstream), Service(upstream)
    g = gateway(route=MAIN, upstreams=pool(at(one), at(two), at(spare, tier=1), health_check=CHECK))
    for _ in range(10):
        get(g.port, "/x")
    assert (one.taken, two.taken, spare.taken) == (5, 5, 0)
    one.health = two.health = UNAVAILABLE   # more than half of the pool: still no panic, the spare one is well
    g.eventually(lambda: [e["usable"] for e in endpoints(g)] == [False, False, True])
    for _ in range(10):
        assert get(g.port, "/x")[0].status == 200
    assert (one.taken, two.taken, spare.taken) == (5, 5, 10)
    two.health = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    g.eventually(lambda: endpoints(g)[1]["usable"])
    for _ in range(10):
        get(g.port, "/x")
    assert (one.taken, two.taken, spare.taken) == (5, 15, 10)


def test_a_dead_endpoint_is_helped_out_without_any_check(gateway, upstream):
    gone, spare = Service(upstream), Service(upstream)
    gone.peer.stop()
    g = gateway(route=MAIN, upstreams=pool(at(gone), at(spare, tier=1)))
    assert [get(g.port, "/x")[0].status for _ in range(10)] == [200] * 10
    assert spare.taken == 10


def test_a_slow_endpoint_gets_less(gateway, upstream):
    """One after the other, so nothing is in flight at a pick: the slow one costs more than anybody and, once known, is drawn in
    vain until its average has faded (10 s). It is asked once while nothing is known of it."""
    slow, fast, other = Service(upstream, delay=0.1), Service(upstream), Service(upstream)
    g = gateway(route=MAIN, upstreams=pool(at(slow), at(fast), at(other), balance="peak_ewma"), workers=1)
    for _ in range(60):
        get(g.port, "/x")
    assert slow.taken == 1
    assert fast.taken + other.taken == 59 and min(fast.taken, other.taken) > 0
    assert all(e["share_ratio"] is None for e in endpoints(g))


def test_the_share_is_published_against_the_weight(gateway, upstream):
    heavy, light = Service(upstream), Service(upstream)
    g = gateway(route=MAIN, upstreams=pool(at(heavy, weight=3), at(light, weight=1)), workers=1)
    for _ in range(120):
        get(g.port, "/x")
    g.eventually(lambda: endpoints(g)[0]["picks"] == 120 * 3 / 4)
    g.eventually(lambda: endpoints(g)[0]["share_ratio"] is not None)
    for endpoint, service in zip(endpoints(g), (heavy, light)):
        assert abs(endpoint["share_ratio"] - 1) < 0.05
        assert abs(g.metric("weir_upstream_share_ratio", upstream="main", endpoint=f"127.0.0.1:{service.port}") - 1) < 0.05


# ---- names

def by_name(names, port, name="app.test", **over):
    return {"route": MAIN, "dns": {"servers": [names.address]}, "upstreams": pool(f"{name}:{port}"), **over}


def on(upstream, host, port=0, answer=b"one"):
    return Service(lambda **more: upstream(host=host, port=port, **more),
                   answer=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))


def test_a_name_that_moves_is_followed_and_old_connections_leave(gateway, upstream):
    one = on(upstream, "127.0.0.1")
    two = on(upstream, "127.0.0.2", one.port, b"two")
    with Names(ttl=1) as names:
        names.records["app.test"] = ["127.0.0.1"]
        g = gateway(**by_name(names, one.port))
        assert get(g.port, "/x")[1] == b"one"
        one.delay = 2.5
        answers = []
        under_way = threading.Thread(target=lambda: answers.append(get(g.port, "/x")[1]))
        under_way.start()
        g.eventually(lambda: one.taken == 2)
        names.records["app.test"] = ["127.0.0.2"]
        g.eventually(lambda: endpoints(g)[0]["addresses"] == [f"127.0.0.2:{one.port}"])
        assert get(g.port, "/x")[1] == b"two"
        under_way.join()
        assert answers == [b"one"]   # what was under way ended well
        assert {get(g.port, "/x")[1] for _ in range(5)} == {b"two"}   # and its connection is not used again
        assert "app.test has moved to 127.0.0.2" in g.stderr()


def test_a_name_that_stops_resolving_keeps_its_addresses_and_says_so(gateway, upstream):
    one = on(upstream, "127.0.0.1")
    with Names(ttl=1) as names:
        names.records["app.test"] = ["127.0.0.1"]
        g = gateway(**by_name(names, one.port))
        assert g.metric("weir_dns_names") == 1
        del names.records["app.test"]
        g.eventually(lambda: g.metric("weir_dns_stale_names") == 1)
        assert get(g.port, "/x")[1] == b"one"
        assert "its addresses stay 127.0.0.1" in g.stderr()
        # A change of something else needs no answer of the name server.
        g.write(drain="29s")
        applied = g.command("apply", str(g.file), config=False)
        assert applied.returncode == 0, applied.stdout + applied.stderr
        assert get(g.port, "/x")[1] == b"one"
        names.records["app.test"] = ["127.0.0.1"]
        g.eventually(lambda: g.metric("weir_dns_stale_names") == 0, timeout=8)
        assert "app.test resolves again" in g.stderr()


def test_a_connection_that_fails_asks_again_long_before_the_ttl(gateway, upstream):
    one = on(upstream, "127.0.0.1")
    two = on(upstream, "127.0.0.2", one.port, b"two")
    with Names(ttl=3600) as names:
        names.records["app.test"] = ["127.0.0.1"]
        g = gateway(**by_name(names, one.port))
        assert get(g.port, "/x")[1] == b"one"
        one.peer.stop()
        names.records["app.test"] = ["127.0.0.2"]
        g.eventually(lambda: get(g.port, "/x")[1] == b"two")
        assert len(names.asked) <= 4   # once at the start, then at most once a second


def test_a_bad_name_keeps_nobody_else_down(gateway, upstream):
    one, late = on(upstream, "127.0.0.1"), on(upstream, "127.0.0.1", 0, b"late")
    with Names(ttl=1) as names:
        g = gateway(dns={"servers": [names.address]},
                    upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{one.port}", f"late.test:{late.port}"]},
                               {"name": "lost", "endpoints": ["lost.test:80"]}],
                    routes=[{"name": "all", "match": {"path": "/*"}, "upstream": "main"},
                            {"name": "lost", "match": {"path": "/lost"}, "upstream": "lost"}])
        assert {get(g.port, "/x")[1] for _ in range(6)} == {b"one"}
        head, body = get(g.port, "/lost")
        assert head.status == 502 and b"urn:weir:cause:dns_failed" in body
        assert [e["health"] for e in endpoints(g)] == ["healthy", "no_address"]
        assert "late.test" in g.stderr() and "lost.test" in g.stderr()
        names.records["late.test"] = ["127.0.0.1"]
        g.eventually(lambda: endpoints(g)[1]["health"] == "healthy", timeout=8)
        g.eventually(lambda: get(g.port, "/x")[1] == b"late")
        # A change that brings a name which does not exist is refused, and says which.
        g.write(upstreams=[{"name": "main", "endpoints": ["typo.test:80"]}, {"name": "lost", "endpoints": ["lost.test:80"]}])
        applied = g.command("apply", str(g.file), config=False)
        assert applied.returncode == 1 and "gateway.yaml:" in applied.stdout and "typo.test" in applied.stdout
        assert get(g.port, "/x")[0].status == 200


def test_a_change_with_stages_knows_the_addresses_that_were_known(gateway, upstream):
    """The name server is gone, and the change has nothing to do with names."""
    one = on(upstream, "127.0.0.1")
    with Names(ttl=1) as names:
        names.records["app.test"] = ["127.0.0.1"]
        g = gateway(**by_name(names, one.port), rollout={"shadow": "none", "canary": [], "watch": "1h"})
        assert get(g.port, "/x")[1] == b"one"
        names.silent = True
        g.write(drain="29s")
        assert g.command("apply", str(g.file), "--now", "--reason", "drain", config=False).returncode == 0
        one.answer = one.answer.replace(b"Content-Length", b"Connection: close\r\nContent-Length")
        assert [get(g.port, "/x")[1] for _ in range(6)] == [b"one"] * 6
