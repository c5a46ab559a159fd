"""The health of endpoints with real processes: checks, ejection by traffic, panic, the way back; and that it is seen."""
import json
import threading
import time
from collections import Counter

import pytest
from harness.gateway import run_weir
from harness.raw import OK, get
from harness.service import Service
from harness.traffic import Traffic

CHECK = {"path": "/healthz", "interval": "100ms", "timeout": "500ms", "rise": 2, "fall": 2}


NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def pool(services, **upstream):
    return [{"name": "main", "endpoints": [f"127.0.0.1:{s.port}" for s in services], **upstream}]


def states(g):
    return [endpoint["health"] for endpoint in g.api("upstreams")["upstreams"][0]["endpoints"]]


def usable(g):
    """As it was published to the workers."""
    return [endpoint["usable"] for endpoint in g.api("upstreams")["upstreams"][0]["endpoints"]]


def ask(g, times):
    """Statuses of so many requests."""
    return [get(g.port, "/x")[0].status for _ in range(times)]


def left_alone(g, service):
    """Of twelve requests, all well, none goes there."""
    before = service.taken
    return ask(g, 12) == [200] * 12 and service.taken == before


def test_an_endpoint_that_fails_its_check_takes_nothing_until_it_passes_again(gateway, upstream):
    services = [Service(upstream) for _ in range(3)]
    g = gateway(upstreams=pool(services, health_check=CHECK, slow_start="none"), route={"upstream": "main"})
    assert ask(g, 6) == [200] * 6
    services[1].health = UNAVAILABLE
    g.eventually(lambda: usable(g) == [True, False, True], what="the check to fail")
    g.eventually(lambda: left_alone(g, services[1]), what="the workers to take it up")
    before = services[1].taken
    assert "fails its health check" in g.stderr() + g.stdout()
    assert g.metric("weir_upstream_healthy_endpoints", upstream="main") == 2
    services[1].health = OK
    g.eventually(lambda: states(g) == ["healthy"] * 3, what="the check to pass")
    g.eventually(lambda: ask(g, 3) == [200] * 3 and services[1].taken > before, what="it to take requests")


def test_a_check_is_sent_with_its_query(gateway, upstream):
    service = Service(upstream)
    gateway(upstreams=pool([service], health_check={**CHECK, "path": "/ready?full=1"}), route={"upstream": "main"}).eventually(
        lambda: service.taken > 1, what="the checks to come")
    assert {(head.method, head.target) for head in list(service.heads)} == {("GET", "/ready?full=1")}


def test_a_moved_health_path_never_empties_the_pool(gateway, upstream):
    services = [Service(upstream, health=NOT_FOUND) for _ in range(3)]
    g = gateway(upstreams=pool(services, health_check=CHECK), route={"upstream": "main"})
    g.eventually(lambda: states(g) == ["check_down"] * 3, what="all checks to fail")

    def all_take_some():   # once the workers know of the third, too
        assert ask(g, 30) == [200] * 30
        return all(service.taken > 0 for service in services)
    g.eventually(all_take_some, what="all three to take requests")
    assert g.metric("weir_upstream_panic", upstream="main") == 1
    assert "checks are not believed" in g.stderr() + g.stdout()
    services[0].health = services[1].health = OK
    g.eventually(lambda: states(g) == ["healthy", "healthy", "check_down"], what="two to be healthy")
    assert g.metric("weir_upstream_panic", upstream="main") == 0


def test_where_only_one_is_reachable_the_panic_leaves_the_dead_out(gateway, upstream):
    services = [Service(upstream) for _ in range(3)]
    g = gateway(upstreams=pool(services, health_check={**CHECK, "path": "/healthz"}), route={"upstream": "main"})
    assert ask(g, 3) == [200] * 3
    for service in services[:2]:
        service.peer.stop()
    g.eventually(lambda: usable(g) == [False, False, True], what="two to be down")
    assert states(g) == ["check_down", "check_down", "healthy"]
    assert ask(g, 20) == [200] * 20


@pytest.mark.parametrize("health", [
    b"\x16\x03\x01\x02\x00\x01", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nstarted", b"HTTP/1.1 100 Continue\r\n\r\n" * 20, b"",
], ids=["garbage", "two lengths", "another body", "interim for ever", "silence"])
def test_a_check_is_passed_by_a_good_answer_alone(gateway, upstream, health):
    services = [Service(upstream, health=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready") for _ in range(2)]
    services[0].health = health
    g = gateway(upstreams=pool(services, health_check={**CHECK, "body": "ready"}), route={"upstream": "main"})
    g.eventually(lambda: states(g) == ["check_down", "healthy"], what="the check to fail")
    assert ask(g, 4) == [200] * 4


def test_an_endless_answer_to_a_check_is_read_for_64_kib(gateway, upstream):
    services = [Service(upstream, health=b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nready") for _ in range(2)]
    services[0].health = b"HTTP/1.1 200 OK\r\nContent-Length: 900000000\r\n\r\n" + b"x" * 1_000_000
    g = gateway(upstreams=pool(services, health_check={**CHECK, "body": "ready"}), route={"upstream": "main"})
    g.eventually(lambda: states(g) == ["check_down", "healthy"], what="the check to fail")
    before = g.memory_kib()
    time.sleep(2)
    assert g.memory_kib() - before < 8 * 1024


def test_a_connection_is_enough_where_no_path_is_given(gateway, upstream):
    services = [Service(upstream, health=UNAVAILABLE) for _ in range(2)]
    g = gateway(upstreams=pool(services, health_check={"interval": "100ms", "fall": 1, "rise": 1}), route={"upstream": "main"})
    g.eventually(lambda: g.metric("weir_health_probes_total", result="good") >= 4, what="probes")
    assert states(g) == ["healthy"] * 2
    services[0].peer.stop()
    g.eventually(lambda: states(g) == ["check_down", "healthy"], what="the closed one to be down")


def test_a_sick_endpoint_is_ejected_and_comes_back(gateway, upstream):
    """The catalogue's S10: it accepts, and answers 503 to 60 %."""
    services = [Service(upstream) for _ in range(4)]
    g = gateway(upstreams=pool(services, ejection={"window": "2s", "time": "2s"}, slow_start="1s"), route={"upstream": "main"})
    turn = iter(range(1_000_000))
    services[2].answer = lambda: UNAVAILABLE if next(turn) % 5 < 3 else OK
    with Traffic(g) as traffic:
        g.eventually(lambda: states(g)[2] == "ejected", timeout=10, what="the sick one to be ejected")
        time.sleep(0.3)
        seen, taken = len(traffic.statuses), services[2].taken
        time.sleep(1)
        assert services[2].taken == taken
        assert set(traffic.statuses[seen:]) == {200}
        services[2].answer = OK
        g.eventually(lambda: states(g)[2] == "healthy" and services[2].taken > taken, timeout=10, what="it to come back")
    assert g.metric("weir_ejections_total", upstream="main", reason="ratio") + g.metric("weir_ejections_total", upstream="main", reason="consecutive") >= 1
    assert "is out for 2 s" in g.stderr() + g.stdout()
    g.all_judged(len(traffic.statuses))
    assert g.metric("weir_replay_mismatch_total") == 0


def test_one_of_four_that_is_four_times_slower_is_ejected_without_an_error(gateway, upstream):
    services = [Service(upstream) for _ in range(4)]
    for service in services:
        service.delay = 0.02
    services[3].delay = 0.08
    g = gateway(upstreams=pool(services), route={"upstream": "main"})
    began = time.monotonic()
    with Traffic(g, threads=8) as traffic:
        g.eventually(lambda: states(g)[3] == "ejected", timeout=30, what="the slow one to be ejected")
    assert time.monotonic() - began < 30
    assert set(traffic.statuses) == {200}
    assert g.metric("weir_ejections_total", upstream="main", reason="latency") == 1


def test_replay_is_exact_with_an_ejection_an_open_breaker_and_retries_inside(gateway, upstream):
    """One of three fails and is ejected, its requests are tried elsewhere; then all fail, until the breaker opens; then all are well.
    Upstreams fail with 502, so a 503 is the breaker's and nobody else's."""
    services = [Service(upstream) for _ in range(3)]
    g = gateway(upstreams=pool(services, ejection={"window": "2s", "time": "3s"}, slow_start="none",
                               breaker={"failure_ratio": "60%", "min_requests": 20, "window": "2s", "open": "1s", "probes": 2}),
                route={"upstream": "main", "retry": {"on": ["502"]}}, workers=2)

    def breaker():
        return g.api("upstreams")["upstreams"][0]["breaker"]
    with Traffic(g) as traffic:
        g.eventually(lambda: len(traffic.statuses) > 50, what="requests while all is well")
        services[2].answer = BAD_GATEWAY
        g.eventually(lambda: states(g)[2] == "ejected", timeout=10, what="the sick one to be ejected")
        time.sleep(0.5)
        for service in services:
            service.answer = BAD_GATEWAY
        g.eventually(lambda: breaker() == "open", timeout=10, what="the breaker to open")
        time.sleep(0.5)
        for service in services:
            service.answer = OK
        g.eventually(lambda: breaker() == "closed", timeout=10, what="the breaker to close")
        seen = len(traffic.statuses)
        g.eventually(lambda: len(traffic.statuses) > seen + 50, what="requests after it")
    answered = Counter(traffic.statuses)
    asked, refused = len(traffic.statuses), answered[503]
    assert set(answered) == {200, 502, 503} and refused > 20, answered
    assert g.metric("weir_ejections_total", upstream="main") >= 1
    assert g.metric("weir_upstream_retries_total", upstream="main") > 0
    g.all_judged(asked)
    replay = g.api("status")["replay"]
    assert replay["carried_over"] == g.metric("weir_replay_carried_over_total") == refused
    assert replay["judged"] == asked and sum(replay["unjudged"].values()) == 0, replay
    g.stop()
    # What was refused stands in the recording with its cause, and a plan takes it over: nothing of it is new.
    exported = run_weir("export", str(g.data))
    assert exported.returncode == 0, exported.stderr
    causes = Counter(json.loads(line)["cause"] for line in exported.stdout.splitlines())
    assert causes == {"none": asked - refused, "breaker_open": refused}
    report = json.loads(run_weir("plan", str(g.file), "--recording", str(g.data), "-o", "json", cwd=g.folder).stdout)
    requests = report["requests"]
    assert requests["total"] == requests["judged"] == asked
    assert requests["newly_refused"] == requests["newly_allowed"] == 0
    assert requests["before_refused"] == requests["after_refused"] == requests["carried_over"] == refused
    assert {"health", "admission"} <= set(report["how"]["carried_over"])


def test_where_all_fail_alike_nobody_is_ejected(gateway, upstream):
    services = [Service(upstream) for _ in range(4)]
    for service in services:
        service.answer = UNAVAILABLE
    g = gateway(upstreams=pool(services), route={"upstream": "main"})
    with Traffic(g):
        time.sleep(3)
    # Whoever failed first, before the others had been heard of, may be out; nobody joins it.
    assert states(g).count("ejected") <= 1


def test_health_outlives_a_reload(gateway, upstream):
    services = [Service(upstream) for _ in range(2)]
    services[0].health = UNAVAILABLE
    g = gateway(upstreams=pool(services, health_check=CHECK), route={"upstream": "main"})
    g.eventually(lambda: usable(g) == [False, True], what="the check to fail")
    g.eventually(lambda: left_alone(g, services[0]), what="the workers to take it up")
    before = services[0].taken
    for _ in range(5):
        g.write(drain="29s" if g.config.get("drain") != "29s" else "28s")
        assert g.command("apply", str(g.file), config=False).returncode == 0
        assert states(g) == ["check_down", "healthy"]
        assert ask(g, 4) == [200] * 4
    assert services[0].taken == before
