"""The numbers: read by a real Prometheus and by promtool, true to what happened, and never about one path or caller."""
import json
import re
import subprocess
import time
import urllib.parse
import urllib.request

from harness.ports import free_port
from harness.raw import get


def scrape(g, accept=""):
    head, body = get(g.admin_port, "/metrics", host=f"127.0.0.1:{g.admin_port}", headers=[f"Accept: {accept}"] if accept else [])
    assert head.status == 200
    return head, body.decode()


def some_traffic(g):
    for number in range(10):
        assert g.get(f"/secret-{number}", headers=["X-Api-Key: very-secret"])[0].status == 200
    g.get("/", host="bad host")


def test_promtool_accepts_the_metrics(gateway, upstream):
    g = gateway(upstream(), limits=[{"name": "per-ip", "key": "client_ip", "rate": "100/s"}], route={"limits": ["per-ip"]})
    some_traffic(g)
    g.eventually(lambda: g.metric("weir_requests_total") >= 11, what="the requests are counted")
    _, text = scrape(g)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_openmetrics_is_spoken_when_asked_for(gateway, upstream):
    g = gateway(upstream())
    some_traffic(g)
    head, text = scrape(g, "application/openmetrics-text; version=1.0.0")
    assert head.get("content-type").startswith("application/openmetrics-text") and text.endswith("# EOF\n")
    head, text = scrape(g)
    assert head.get("content-type").startswith("text/plain; version=0.0.4") and "# EOF" not in text


def test_counts_are_what_happened(gateway, upstream):
    g = gateway(upstream(), limits=[{"name": "per-ip", "key": "client_ip", "rate": "1/h", "burst": 3}], route={"limits": ["per-ip"]})
    statuses = [g.get("/")[0].status for _ in range(8)]
    assert statuses == [200] * 3 + [429] * 5
    g.eventually(lambda: g.metric("weir_requests_total") == 8, what="8 requests are counted")
    assert g.metric("weir_requests_total", code_class="2xx", route="all", upstream="main") == 3
    assert g.metric("weir_requests_total", code_class="4xx", cause="limit_rejected") == 5
    assert g.metric("weir_request_seconds_count") == 8


def test_no_label_holds_a_path_or_a_caller(gateway, upstream):
    g = gateway(upstream())
    some_traffic(g)
    g.eventually(lambda: g.metric("weir_requests_total") >= 11, what="the requests are counted")
    _, text = scrape(g)
    assert "secret" not in text and "127.0.0.1:" not in re.sub(r'endpoint="[^"]*"', "", text)


def test_a_real_prometheus_scrapes_it(gateway, upstream, folder):
    g = gateway(upstream())
    some_traffic(g)
    port = free_port()
    (folder / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s"},
        "scrape_configs": [{"job_name": "weir", "static_configs": [{"targets": [f"127.0.0.1:{g.admin_port}"]}]}]}))
    prometheus = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                                   f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=(folder / "prometheus.log").open("w"))
    try:
        def value(query):
            url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": query})
            try:
                with urllib.request.urlopen(url, timeout=5) as response:
                    result = json.load(response)["data"]["result"]
            except OSError:
                return None
            return float(result[0]["value"][1]) if result else None
        until = time.monotonic() + 40
        while time.monotonic() < until and value("sum(weir_requests_total)") is None:
            time.sleep(0.5)
        assert value("up") == 1 and value('sum(weir_requests_total{code_class="2xx"})') == 10
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/targets", timeout=5) as response:
            target = json.load(response)["data"]["activeTargets"][0]
        assert target["lastError"] == ""
    finally:
        prometheus.terminate()
        prometheus.wait(10)
