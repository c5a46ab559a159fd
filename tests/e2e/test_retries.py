"""Retries with real processes: only what may be repeated, elsewhere, within the budget; and the budget against a storm."""
import threading
import time

from harness.raw import get
from harness.service import Service

UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"


def pool(*endpoints):
    return [{"name": "main", "endpoints": [f"127.0.0.1:{e.port}" for e in endpoints], "ejection": False}]


def started(gateway, *endpoints, **retry):
    return gateway(upstreams=pool(*endpoints), route={"upstream": "main", "retry": retry, "timeouts": {"response": "1s"}})


def test_a_503_is_tried_elsewhere_and_never_a_post(gateway, upstream):
    bad, good = Service(upstream, UNAVAILABLE), Service(upstream)
    g = started(gateway, bad, good, on=["503"])
    assert [get(g.port, "/x")[0].status for _ in range(20)] == [200] * 20
    assert len(bad.methods) > 0
    statuses = [get(g.port, "/x", method="POST", body=b"once")[0].status for _ in range(20)]
    assert statuses.count(503) == bad.methods.count("POST") > 0
    assert statuses.count(200) == good.methods.count("POST")
    assert g.metric("weir_upstream_retries_total", upstream="main") == len(bad.methods) - bad.methods.count("POST")


def test_what_is_not_in_the_list_is_not_retried(gateway, upstream):
    bad, good = Service(upstream, UNAVAILABLE), Service(upstream)
    g = started(gateway, bad, good, on=["connect_failed", "502"])
    assert sorted(get(g.port, "/x")[0].status for _ in range(10)) == [200] * 5 + [503] * 5


def test_an_answer_that_comes_too_late_is_asked_for_elsewhere(gateway, upstream):
    slow, good = Service(upstream, delay=0.9), Service(upstream)
    g = started(gateway, slow, good, on=["timeout"], per_try_timeout="100ms")
    began = time.monotonic()
    assert [get(g.port, "/x")[0].status for _ in range(6)] == [200] * 6
    assert time.monotonic() - began < 2
    assert len(slow.methods) == 3


def test_a_connection_that_is_reset_is_asked_for_elsewhere(gateway, upstream):
    broken, good = Service(upstream, None), Service(upstream)
    g = started(gateway, broken, good, on=["closed"])
    assert [get(g.port, "/x")[0].status for _ in range(10)] == [200] * 10
    assert len(broken.methods) == 5
    assert {get(g.port, "/x", method="POST", body=b"x")[0].status for _ in range(4)} == {200, 502}


def test_a_long_retry_after_is_heeded(gateway, upstream):
    busy = Service(upstream, b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\nContent-Length: 4\r\n\r\nbusy")
    good = Service(upstream)
    g = started(gateway, busy, good, on=["503"])
    answers = [get(g.port, "/x") for _ in range(10)]
    refused = [body for head, body in answers if head.status == 503]
    assert refused == [b"busy"] * 5
    assert len(busy.methods) == 5


def test_the_last_of_several_failures_says_what_was_tried(gateway, upstream):
    one, two = Service(upstream, None), Service(upstream, None)
    g = started(gateway, one, two, on=["closed"], max_retries=3)
    head, body = get(g.port, "/x")
    assert head.status == 502 and b"retries_exhausted" in body
    assert len(one.methods) + len(two.methods) == 4
    head, body = get(g.port, "/x", method="POST", body=b"x")
    assert head.status == 502 and b"upstream_closed" in body


def test_no_retry_where_none_is_wanted(gateway, upstream):
    bad, good = Service(upstream, UNAVAILABLE), Service(upstream)
    g = started(gateway, bad, good, on=["503"], max_retries=0)
    assert sorted(get(g.port, "/x")[0].status for _ in range(10)) == [200] * 5 + [503] * 5


def test_a_failing_upstream_is_not_asked_many_times_more(gateway, upstream):
    """200 requests at once to an upstream that fails: 20 % of those under way may be retries, or three."""
    endpoints = [Service(upstream, UNAVAILABLE, delay=0.05) for _ in range(2)]
    g = started(gateway, *endpoints, on=["503"], max_retries=3)
    statuses = []

    def ask():
        for _ in range(10):
            statuses.append(get(g.port, "/x")[0].status)
    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [503] * 200
    sent = sum(len(endpoint.methods) for endpoint in endpoints)
    # At most max(3, 20 % of 20) = 4 retries at any time, each of 50 ms, while 20 exchanges take 50 ms each: without a budget
    # it would be 800.
    assert 200 < sent <= 200 * 1.5, sent
