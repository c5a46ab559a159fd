"""A request that goes round ends with 508 at the configured depth, in bounded time, whatever intermediaries keep of the marks
(RFC 8586, RFC 9110 7.6.3); what one client forges costs that client alone."""
import json
import re
import time

import pytest
from harness.gateway import run_weir
from harness.raw import RawUpstream, get


def ring(gateway, depth_a=8, depth_b=8):
    """Two gateways, each the other's upstream."""
    a, b = gateway(start=False), gateway(start=False)
    for one, other, depth in ((a, b, depth_a), (b, a, depth_b)):
        one.write(upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{other.port}"]}], loop={"depth": depth}, access_log="access.log",
                  routes=[{"name": "all", "match": {"path": "/*"}, "upstream": "main"}])
        one.start()
    return a, b


def metrics_say(g, **causes):
    def counted():
        return {cause: g.metric("weir_requests_total", cause=cause) for cause in causes} == causes
    g.eventually(counted, what=f"{causes} in the metrics")


@pytest.mark.parametrize("depth", [8, 1, 32])
def test_two_gateways_that_point_at_each_other_end_at_the_depth(gateway, depth):
    a, b = ring(gateway, depth_a=depth, depth_b=32)
    began = time.monotonic()
    head, body = a.get("/round?and=round")
    assert time.monotonic() - began < 10
    assert head.status == 508, head
    problem = json.loads(body)
    assert problem["type"] == "urn:weir:cause:loop_detected" and problem["status"] == 508
    # The first gateway had it `depth` times and sent it on; the next time it refused.
    metrics_say(a, loop_detected=1, upstream_error=depth)
    metrics_say(b, loop_detected=0, upstream_error=depth)
    assert a.get("/round")[0].status == 508   # nobody is worse off for the one before


def test_the_lower_depth_of_two_gateways_ends_it(gateway):
    a, b = ring(gateway, depth_a=8, depth_b=3)
    assert a.get("/")[0].status == 508
    metrics_say(a, loop_detected=0, upstream_error=4)
    metrics_say(b, loop_detected=1, upstream_error=3)


def test_the_refusal_can_be_explained_and_planned(gateway, folder):
    a, _ = ring(gateway, depth_a=4)
    problem = json.loads(a.get("/r")[1])
    assert problem["detail"] == "this request was here 4 times before, and loop.depth is 4"
    a.eventually(lambda: a.command("explain", problem["request_id"]).returncode == 0, what="the id is known")
    text = a.command("explain", problem["request_id"]).stdout
    line = 1 + next(i for i, each in enumerate(a.file.read_text().splitlines()) if '"depth"' in each)
    for wanted in ("508", "loop_detected", "loop.depth", f"gateway.yaml:{line}", "here 4 times before"):
        assert wanted in text, text
    a.eventually(lambda: a.api("status")["recording"]["arrivals"] == 5, what="recorded")
    hops = [json.loads(each).get("hops", 0) for each in (a.folder / "access.log").read_text().splitlines()]
    assert sorted(hops) == [0, 1, 2, 3, 4]
    a.stop()

    def plan(depth):
        changed = json.loads(a.file.read_text())
        changed["loop"] = {"depth": depth}
        (folder / "changed.yaml").write_text(json.dumps(changed))
        done = run_weir("plan", str(folder / "changed.yaml"), "--recording", str(a.data), "-o", "json")
        report = json.loads(done.stdout)
        assert "loops" in report["how"]["redecided"], report["how"]
        assert "hops" not in [each["what"] for each in report["input"]["cannot_judge"]]
        return report["requests"]["newly_refused"], report["requests"]["newly_allowed"]
    assert plan(4) == (0, 0)
    assert plan(2) == (2, 0)    # those that had been here 2 and 3 times
    assert plan(5) == (0, 1)


def dropping(port, *names, comments=True):
    """An intermediary in front of `port` that passes on all but the fields of these names, and Via perhaps without comments."""
    def relay(connection):
        head, body = connection.read_request()
        fields = [(n, v) for n, v in head.fields if n.lower() not in ("host", "connection", "content-length", *names)]
        if not comments:
            fields = [(n, re.sub(r" \([^)]*\)", "", v) if n.lower() == "via" else v) for n, v in fields]
        answer, text = get(port, head.target, headers=[f"{n}: {v}" for n, v in fields] + ["Via: 1.1 relay"])
        connection.send(f"HTTP/1.1 {answer.status} Relayed\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode() + text)
    return RawUpstream(default=relay)


@pytest.mark.parametrize("names, comments", [(("cdn-loop",), True), (("cdn-loop",), False), (("via",), True)])
def test_an_intermediary_that_drops_one_of_the_fields_does_not_hide_the_loop(gateway, names, comments):
    g = gateway(start=False)
    relay = dropping(g.port, *names, comments=comments)
    try:
        g.write(upstreams=[{"name": "main", "endpoints": [f"127.0.0.1:{relay.port}"]}], loop={"depth": 5},
                routes=[{"name": "all", "match": {"path": "/*"}, "upstream": "main"}])
        g.start()
        assert g.get("/")[0].status == 508
        metrics_say(g, loop_detected=1, upstream_error=5)
        assert not relay.failures
    finally:
        relay.stop()


def recording_upstream():
    heads = []

    def serve(connection):
        while True:
            head, _ = connection.read_request()
            heads.append(head)
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    return heads, serve


def test_what_is_forged_costs_the_forger_alone(gateway, upstream):
    heads, serve = recording_upstream()
    g = gateway(upstream(default=serve), loop={"depth": 3})
    g.get("/")
    mark = heads[-1].get("cdn-loop")
    own, seal = mark.split(";")[0], mark.rsplit("=", 1)[1]
    assert g.get("/", headers=[f"CDN-Loop: {own}, {own}, {own}"])[0].status == 508   # its own request, by ids that it wrote
    assert g.get("/", headers=[f"CDN-Loop: {own}; hops=60; seal={seal}"])[0].status == 200   # a number that is not sealed
    assert "hops=2" in heads[-1].get("cdn-loop").split(", ")[-1]
    assert g.get("/", headers=[f'CDN-Loop: "{mark}, x; y="', f"CDN-Loop: {mark}"])[0].status == 200
    assert g.get("/")[0].status == 200
    assert heads[-1].get("cdn-loop") == mark   # nothing stays of it
    metrics_say(g, loop_detected=1)


def test_the_id_survives_a_restart_and_differs_between_installations(gateway, upstream):
    heads, serve = recording_upstream()
    server = upstream(default=serve)
    g = gateway(server)
    g.get("/")
    g.stop()
    g.start()
    g.get("/")
    gateway(server).get("/")
    first, again, other = [(head.get("cdn-loop"), head.get("via")) for head in heads]
    assert first == again
    assert first[0] != other[0] and first[1] != other[1]
    assert first[0].split(";")[0] in first[1]   # one id in both
