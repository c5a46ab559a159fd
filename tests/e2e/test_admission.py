"""What is taken up at all, with real processes: breakers, bulkheads, adaptive limits and limits on requests at once; and that a
replay knows what was refused for them."""
import threading
import time

from harness.raw import get
from harness.service import Service
from harness.traffic import Traffic

UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"


def one(service, **over):
    return [{"name": "main", "endpoints": [f"127.0.0.1:{service.port}"], **over}]


def at_once(g, count, target="/x", headers=()):
    """The statuses of so many requests that are under way together, and their bodies."""
    answers = [None] * count

    def ask(i):
        head, body = get(g.port, target, headers=headers)
        answers[i] = (head.status, body, head)
    threads = [threading.Thread(target=ask, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers, key=lambda answer: answer[0])


def upstream_state(g):
    return g.api("upstreams")["upstreams"][0]


def test_a_bulkhead_refuses_what_is_too_much_at_once(gateway, upstream):
    service = Service(upstream, delay=0.3)
    g = gateway(upstreams=one(service, breaker={"max_in_flight": 3}), route={"upstream": "main"})
    answers = at_once(g, 8)
    assert [status for status, _, _ in answers] == [200] * 3 + [503] * 5
    status, body, head = answers[-1]
    assert b"breaker_open" in body and 1 <= int(head.get("retry-after")) <= 2
    assert service.taken == 3
    assert get(g.port, "/x")[0].status == 200
    assert upstream_state(g)["in_flight"] == 0
    assert g.metric("weir_requests_total", cause="breaker_open") == 5
    g.all_judged(9)


def test_a_limit_on_requests_at_once_counts_each_key_alone(gateway, upstream):
    service = Service(upstream, delay=0.3)
    g = gateway(listener={"trusted_proxies": ["127.0.0.0/8"]}, upstreams=one(service), concurrency=[{"name": "two", "key": "client_ip", "max_in_flight": 2}],
                route={"upstream": "main", "concurrency": ["two"]})
    answers = {}

    def ask(client):
        answers[client] = at_once(g, 4, headers=[f"X-Forwarded-For: {client}"])
    threads = [threading.Thread(target=ask, args=(client,)) for client in ("192.0.2.1", "192.0.2.2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for client in answers:
        assert [status for status, _, _ in answers[client]] == [200, 200, 429, 429]
        assert b"concurrency_rejected" in answers[client][-1][1]
    assert service.taken == 4
    g.all_judged(8)


def test_a_breaker_opens_tells_so_and_closes_by_itself(gateway, upstream):
    service = Service(upstream, UNAVAILABLE)
    breaker = {"failure_ratio": "50%", "min_requests": 10, "window": "2s", "open": "1s", "probes": 2}
    g = gateway(upstreams=one(service, breaker=breaker), route={"upstream": "main"})
    with Traffic(g) as traffic:
        g.eventually(lambda: upstream_state(g)["breaker"] == "open", what="the breaker to open")
        began = time.monotonic()
        time.sleep(0.3)
        taken = service.taken
        time.sleep(0.4)
        assert service.taken == taken, "nothing is sent while it is open"
        service.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        g.eventually(lambda: upstream_state(g)["breaker"] == "closed", what="the breaker to close")
        assert time.monotonic() - began < 3
        time.sleep(0.3)
    assert traffic.statuses[-5:] == [200] * 5
    told = g.stderr() + g.stdout()
    assert "its breaker is open for 1 s: 100 % of its requests failed" in told and "its breaker is closed again" in told
    assert g.metric("weir_requests_total", cause="breaker_open") > 20
    g.all_judged(len(traffic.statuses))


TRUSTING = {"trusted_proxies": ["127.0.0.0/8"]}


def told(service):
    """What the upstream was told in the last request: milliseconds, or None."""
    value = service.heads[-1].get("x-left")
    return None if value is None else int(value)


def test_a_deadline_is_believed_from_trusted_peers_shrinks_and_only_tightens(gateway, upstream):
    service = Service(upstream)
    g = gateway(listener=TRUSTING, upstreams=one(service), route={"upstream": "main", "timeouts": {"total": "2s"}}, deadline={"header": "X-Left"})
    assert get(g.port, "/x")[0].status == 200 and 1900 <= told(service) <= 2000
    assert get(g.port, "/x", headers=["X-Left: 500"])[0].status == 200 and 400 <= told(service) <= 500
    assert get(g.port, "/x", headers=["X-Left: 60000"])[0].status == 200 and 1900 <= told(service) <= 2000
    assert get(g.port, "/x", headers=["X-Left: soon"])[0].status == 200 and 1900 <= told(service) <= 2000
    head, body = get(g.port, "/x", headers=["X-Left: 0"])
    assert head.status == 504 and b"deadline_expired" in body and service.taken == 4
    service.delay = 1
    began = time.monotonic()
    head, body = get(g.port, "/x", headers=["X-Left: 200"])
    assert head.status == 504 and b"deadline_expired" in body and 0.15 < time.monotonic() - began < 0.8
    g.all_judged(6)


def test_nobody_else_is_believed_and_an_attempt_later_is_told_less(gateway, upstream):
    first, second = Service(upstream, UNAVAILABLE, delay=0.25), Service(upstream)
    endpoints = [{"name": "main", "endpoints": [f"127.0.0.1:{first.port}", f"127.0.0.1:{second.port}"], "ejection": False}]
    g = gateway(listener={"trusted_proxies": []}, upstreams=endpoints, deadline={"header": "X-Left"},
                route={"upstream": "main", "timeouts": {"total": "1s"}, "retry": {"on": ["503"]}})
    while not first.taken:
        assert get(g.port, "/x", headers=["X-Left: 5"])[0].status == 200
    assert 900 <= told(first) <= 1000 and told(second) <= 750
