"""The simulated upstream: its latency, capacity, queue, failures, and work that goes on when nobody waits for it any more."""
import threading
import time

import pytest
from harness.gateway import run_weir
from harness.raw import connect, get


@pytest.fixture
def service(drill):
    """service(option=value, …): a simulated upstream."""
    def make(**options):
        words = [word for key, value in options.items() for word in (f"--{key.replace('_', '-')}", str(value))]
        return drill("upstream", *words)
    return make


def asked(port, method="GET", target="/x", headers=(), body=b"", timeout=10):
    return get(port, target, method=method, headers=headers, body=body, timeout=timeout)


def at_once(port, count, **options):
    """`count` requests at the same time, each on its own connection: [(status, seconds)] in the order of their ends."""
    done, lock = [], threading.Lock()

    def one():
        begun = time.monotonic()
        status = asked(port, **options)[0].status
        with lock:
            done.append((status, time.monotonic() - begun))
    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done


def leaves(port):
    """Asks, and goes away at once."""
    connection = connect(port)
    connection.send(b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
    time.sleep(0.02)
    connection.close()


@pytest.mark.alone
def test_a_worker_takes_as_long_as_the_law_says(service):
    s = service(latency="30ms", workers=1)
    connection = connect(s.port)
    begun = time.monotonic()
    for _ in range(20):
        connection.send(b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
        head, body = connection.read_response()
        assert head.status == 200 and len(body) == 64 and float(head.get("X-Worked-Ms")) == 30
    assert 0.6 <= time.monotonic() - begun < 0.8


def test_what_is_drawn_is_lognormal_and_the_same_from_the_same_seed(service):
    def drawn(seed):
        s = service(latency="lognormal(2ms, 0.6)", seed=seed)
        connection = connect(s.port)
        times = []
        for _ in range(300):
            connection.send(b"GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n")
            times.append(float(connection.read_response()[0].get("X-Worked-Ms")))
        return times
    first = drawn(3)
    ordered = sorted(first)
    # Median 2 ms: of 300 the 150th lies within 2 ms * exp(+-4 * 1.2533 * 0.6 / sqrt(300)) = 1.68 to 2.38.
    assert 1.68 < ordered[150] < 2.38
    assert ordered[252] > 2.9 and ordered[48] < 1.4   # one sigma: 3.64 and 1.10
    assert drawn(3) == first and drawn(4) != first


def test_capacity_is_workers_by_latency_and_the_queue_waits_its_turn(service):
    s = service(latency="100ms", workers=2, queue=64)
    times = sorted(seconds for _, seconds in at_once(s.port, 10))
    for i, seconds in enumerate(times):   # two after 100 ms, two after 200, …
        assert (i // 2 + 1) * 0.1 - 0.05 < seconds < (i // 2 + 1) * 0.1 + 0.15   # they begin some milliseconds apart


def test_a_full_queue_answers_503_at_once(service):
    s = service(latency="200ms", workers=1, queue=2)
    done = at_once(s.port, 8)
    full = [seconds for status, seconds in done if status == 503]
    assert len(full) == 5 and max(full) < 0.15
    assert sorted(status for status, _ in done)[:3] == [200, 200, 200]
    assert s.counts()["queue_full"] == 5 and s.counts()["answered"] == 3


def test_abandoned_work_goes_on(service):
    s = service(latency="150ms", workers=1)
    for _ in range(4):
        leaves(s.port)
    begun = time.monotonic()
    assert asked(s.port)[0].status == 200
    # The four before it, 600 ms less the 80 ms that they took to leave, and its own 150.
    assert time.monotonic() - begun > 0.6
    assert s.counts()["abandoned"] == 4


@pytest.mark.alone
def test_its_own_timeout_answers_while_the_work_goes_on(service):
    s = service(latency="400ms", timeout="100ms", timeout_status=504, workers=1)
    begun = time.monotonic()
    assert asked(s.port)[0].status == 504
    assert 0.095 < time.monotonic() - begun < 0.25
    assert s.state()["busy"] == 1
    assert s.counts()["own_timeouts"] == 1
    time.sleep(0.45)
    assert s.state()["busy"] == 0


def test_errors_by_share_and_by_method(service):
    s = service(latency="0s", errors="30%", error_status=503, error_methods="[POST]")
    statuses = {method: [asked(s.port, method=method)[0].status for _ in range(200)] for method in ("GET", "POST")}
    assert set(statuses["GET"]) == {200}
    assert 60 - 26 < statuses["POST"].count(503) < 60 + 26   # four deviations of 6.5
    assert set(statuses["POST"]) == {200, 503}


def test_resets(service):
    s = service(latency="0s", resets="100%")
    with pytest.raises(ConnectionResetError):
        asked(s.port)
    s.set("{resets: 0%}")
    assert asked(s.port)[0].status == 200
    assert s.counts()["resets"] == 1


@pytest.mark.alone
def test_version_size_and_health(service):
    s = service(latency="300ms", workers=1, version="v42", answer="10KiB", health="/alive")
    thread = threading.Thread(target=asked, args=(s.port,))
    thread.start()
    time.sleep(0.05)
    begun = time.monotonic()
    head, _ = asked(s.port, target="/alive")   # needs no worker
    assert head.status == 200 and time.monotonic() - begun < 0.2 and head.get("X-Version") == "v42"
    thread.join()
    s.set("{healthy: false, latency: 0s}")
    assert asked(s.port, target="/alive")[0].status == 503
    head, body = asked(s.port)
    assert head.status == 200 and len(body) == 10 * 1024
    assert s.counts()["health_checks"] == 2


def test_a_body_is_work(service):
    s = service(latency="20ms", per_kib="10ms")
    head, _ = asked(s.port, method="POST", body=b"x" * 8192)
    assert float(head.get("X-Worked-Ms")) == 100
    assert float(asked(s.port)[0].get("X-Worked-Ms")) == 20


def test_it_changes_while_it_runs(service):
    s = service(latency="20ms")
    assert float(asked(s.port)[0].get("X-Worked-Ms")) == 20
    assert "slowdown: 4" in s.set("{slowdown: 4}")["behaviour"]
    assert float(asked(s.port)[0].get("X-Worked-Ms")) == 80
    status, text = s.ask("PUT", "{slowdown: fast, erors: 3%, latency: 5ms}")
    assert status == 400 and "is not a factor" in text and "did you mean errors?" in text
    assert float(asked(s.port)[0].get("X-Worked-Ms")) == 80   # not half of it either


def test_a_client_may_ask_for_a_failure(service):
    s = service(latency="0s")
    assert asked(s.port, headers=["X-Drill-Status: 502"])[0].status == 502
    assert asked(s.port, headers=["X-Drill-Status: 200x"])[0].status == 200
    assert s.counts()["errors"] == 1


def test_bytes_that_are_no_request_are_refused(service):
    s = service()
    connection = connect(s.port)
    connection.send(b"GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n")
    assert connection.read_head().status == 400
    assert asked(s.port)[0].status == 200


@pytest.mark.parametrize("words, said", [
    (["--latency", "quick"], "is not a law"),
    (["--workers", "0"], "workers"),
    (["--errors", "200%"], "is not a share"),
    (["--behaviour", "{wokers: 3}"], "did you mean workers?"),
    (["--listen", "here"], "here"),
    (["--seed", "x"], "--seed"),
])
def test_wrong_words(words, said):
    done = run_weir("drill", "upstream", *words, timeout=5)
    assert done.returncode == 2 and said in done.stderr, done.stderr


def test_a_port_that_is_taken(service):
    s = service()
    done = run_weir("drill", "upstream", "--listen", f"127.0.0.1:{s.port}", timeout=5)
    assert done.returncode == 1 and "could not listen" in done.stderr
