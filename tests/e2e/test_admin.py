"""Who may ask the admin what (docs/guide/admin.md): the socket belongs to the user; over TCP health and metrics are
free on loopback, everything else needs the token; nothing a browser can be made to send is taken."""
import json
import os
import stat

import pytest
from harness.raw import get


def ask(g, target, headers=(), method="GET", host=None, body=b""):
    return get(g.admin_port, target, host=host or f"127.0.0.1:{g.admin_port}", headers=headers, method=method, body=body)


def token(g):
    return (g.data / "admin.token").read_text().strip()


@pytest.fixture
def g(gateway, upstream):
    return gateway(upstream())


def test_health_and_metrics_are_free_on_loopback(g):
    for target in ("/healthz", "/readyz", "/metrics"):
        assert ask(g, target)[0].status == 200


def test_the_api_needs_the_token(g):
    assert ask(g, "/api/v1/status")[0].status == 401
    assert ask(g, "/api/v1/status", [f"Authorization: Bearer {'0' * 64}"])[0].status == 401
    assert ask(g, "/api/v1/status", [f"Authorization: Basic {token(g)}"])[0].status == 401
    head, body = ask(g, "/api/v1/status", [f"Authorization: Bearer {token(g)}"])
    assert head.status == 200 and "revision" in json.loads(body)
    assert head.get("access-control-allow-origin") is None


def test_socket_token_and_folder_are_the_users_own(g):
    assert stat.S_IMODE(os.stat(g.data).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(g.data / "admin.sock").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(g.data / "admin.token").st_mode) == 0o600
    assert len(token(g)) >= 32


def test_the_token_stays_the_same_over_restarts_and_is_in_no_answer(g):
    first = token(g)
    for name in ("status", "config", "routes", "upstreams", "limits"):
        status, headers, body = g.admin("/api/v1/" + name)
        assert status == 200 and first.encode() not in body, name
    g.stop()
    g.start()
    assert token(g) == first


@pytest.mark.parametrize("host", ["evil.test", "evil.test:9347", "localhost.evil.test", "127.0.0.1.evil.test"])
def test_a_foreign_host_is_refused_against_dns_rebinding(g, host):
    for target in ("/metrics", "/healthz", "/api/v1/status"):
        head, _ = ask(g, target, [f"Authorization: Bearer {token(g)}"], host=host)
        assert head.status in (400, 403, 421), (host, target)


def test_a_configured_name_is_taken(gateway, upstream):
    g = gateway(upstream(), admin={"hosts": ["weir.internal"]})
    assert ask(g, "/metrics", host="weir.internal")[0].status == 200
    assert ask(g, "/metrics", host="other.internal")[0].status != 200


@pytest.mark.parametrize("origin", ["http://evil.test", "null", "https://127.0.0.1"])
def test_a_foreign_origin_is_refused(g, origin):
    head, _ = ask(g, "/api/v1/status", [f"Authorization: Bearer {token(g)}", f"Origin: {origin}"])
    assert head.status == 403
    assert ask(g, "/metrics", [f"Origin: {origin}"])[0].status == 403


def test_a_change_needs_json(g):
    authorized = f"Authorization: Bearer {token(g)}"
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        head, _ = ask(g, "/api/v1/apply", [authorized, f"Content-Type: {kind}"], "POST", body=b"{}")
        assert head.status == 415, kind
    assert ask(g, "/api/v1/apply", [authorized], "POST", body=b"{}")[0].status == 415
    assert ask(g, "/api/v1/apply", [authorized, "Content-Type: application/json"], "GET")[0].status == 405


def test_what_is_not_there_is_404_and_the_wrong_method_405(g):
    assert g.admin("/api/v1/nothing")[0] == 404
    assert g.admin("/api/v1/status", "DELETE")[0] == 405
    assert g.admin("/nothing")[0] == 404


def test_an_exchange_is_found_by_its_request_id(g):
    head, _ = g.get("/find/me?a=1")
    text = json.dumps(g.exchange(head))
    assert head.get("x-request-id") in text and '"all"' in text and '"main"' in text and "200" in text
    assert g.admin("/api/v1/exchanges/" + "0" * 32)[0] == 404
    assert g.admin("/api/v1/exchanges/nonsense")[0] in (400, 404)


def test_status_routes_upstreams_and_limits_say_what_runs(gateway, upstream):
    g = gateway(upstream(), limits=[{"name": "per-ip", "key": "client_ip", "rate": "100/s"}], route={"limits": ["per-ip"]})
    g.get("/")
    assert "r1" in json.dumps(g.api("status"))
    assert "all" in json.dumps(g.api("routes"))
    assert g.config["upstreams"][0]["endpoints"][0] in json.dumps(g.api("upstreams"))
    assert "per-ip" in json.dumps(g.api("limits"))
    assert "per-ip" in json.dumps(g.api("config"))


def test_status_and_top_print_within_100_columns(g):
    g.get("/")
    done = g.command("status")
    assert done.returncode == 0 and "r1" in done.stdout, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 100
    as_json = g.command("status", "-o", "json")
    assert as_json.returncode == 0 and json.loads(as_json.stdout)


def test_the_admin_refuses_what_is_no_http(g):
    connection = g.connect()
    connection.close()
    from harness.raw import connect
    connection = connect(g.admin_port)
    connection.send(b"GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n")
    assert connection.read_response()[0].status == 400
