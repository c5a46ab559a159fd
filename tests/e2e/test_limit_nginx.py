"""Exactness against a real nginx: driven in real time with a slice of a shop's log, its limit_req refuses what weir plan
says of the access log that it wrote, caller by caller; and both refuse what its leaky bucket, in its own integers, does."""
import json
import lzma
import os
import random
import subprocess
import time
from collections import Counter, defaultdict

import pytest
from harness.gateway import ROOT, run_weir
from harness.ports import free_port
from harness.raw import connect, get

SHOP = ROOT.parent / "shared/data/http/shop-nginx-2019.main.log.xz"
FORMAT = '$remote_addr [$msec] "$request" $status $request_time'
CONF = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 1024; }}
http {{
  keepalive_timeout 600s; keepalive_requests 100000000;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  set_real_ip_from 127.0.0.1; real_ip_header X-Forwarded-For;
  limit_req_zone $binary_remote_addr zone=each:1m rate={rate}r/s; limit_req_status 429;
  log_format own '{format}';
  server {{
    listen 127.0.0.1:{port};
    access_log {folder}/access.log own;
    location = /ready {{ access_log off; return 200 "ok"; }}
    location / {{ limit_req zone=each burst={burst} nodelay; try_files /nothing =404; }}
  }}
}}
"""


class Leaky:
    """ngx_http_limit_req_module.c with nodelay: thousandths of a request, milliseconds."""

    def __init__(self, rate, burst):
        self.rate, self.burst, self.excess, self.last = rate * 1000, burst * 1000, None, 0

    def take(self, ms):
        """(passes, how far from the other answer, in thousandths)."""
        if self.excess is None:
            self.excess, self.last = 0, ms
            return True, self.burst
        excess = max(0, self.excess - self.rate * max(0, ms - self.last) // 1000 + 1000)
        if excess <= self.burst:
            self.excess, self.last = excess, ms
        return excess <= self.burst, abs(excess - self.burst)


def rows(seconds):
    """(second, client) of the slice of so many seconds with the most requests."""
    all_rows = []
    with lzma.open(SHOP, "rt", errors="replace") as lines:
        for line in lines:
            clock = line.split("[")[1].split()[0].split(":")
            all_rows.append((int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3]), line.split()[0]))
    all_rows.sort()
    begin = max({second for second, _ in all_rows}, key=lambda b: sum(b <= second < b + seconds for second, _ in all_rows))
    return [(second - begin, client) for second, client in all_rows if begin <= second < begin + seconds]


def schedule(slice_of_log, rate, burst):
    """(ms, client): somewhere within their seconds, so that no answer hangs on a few milliseconds of this machine."""
    for seed in range(1000):
        rng = random.Random(seed)
        made = sorted((second * 1000 + rng.randrange(1000), client) for second, client in slice_of_log)
        buckets = defaultdict(lambda: Leaky(rate, burst))
        if min(buckets[client].take(ms)[1] for ms, client in made) > 12 * rate:
            return made
    raise AssertionError("no schedule without a close call")


def drive(port, made):
    """One kept connection; every request at its time."""
    connection, begin = connect(port), time.monotonic() + .05
    for ms, client in made:
        time.sleep(max(0, begin + ms / 1000 - time.monotonic()))
        connection.send(f"GET /shop HTTP/1.1\r\nHost: shop.test\r\nX-Forwarded-For: {client}\r\n\r\n")
        head, _ = connection.read_response()
        assert head.status in (404, 429)
    connection.close()


def check(folder, seconds, rate, burst):
    if not SHOP.exists():
        pytest.skip("../shared/data is not beside this checkout")
    made = schedule(rows(seconds), rate, burst)
    os.chmod(folder, 0o755)
    port = free_port()
    conf = folder / "nginx.conf"
    conf.write_text(CONF.format(folder=folder, port=port, rate=rate, burst=burst, format=FORMAT))
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", str(conf), "-e", str(folder / "error.log"), *(["-g", "user root;"] if os.geteuid() == 0 else [])],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 10
        while True:
            try:
                get(port, "/ready", timeout=1)
                break
            except OSError:
                assert nginx.poll() is None and time.monotonic() < until, (folder / "error.log").read_text()
                time.sleep(.05)
        drive(port, made)
    finally:
        nginx.terminate()
        nginx.wait(10)
    lines = (folder / "access.log").read_text().splitlines()
    assert len(lines) == len(made)
    theirs, model, buckets = Counter(), Counter(), defaultdict(lambda: Leaky(rate, burst))
    for line in lines:
        client, stamp = line.split()[0], line.split("[")[1].split("]")[0]
        ms = int(stamp.replace(".", "")) - int(line.split()[-1].replace(".", ""))
        theirs[client] += " 429 " in line
        model[client] += not buckets[client].take(ms)[0]
    # burst=B nodelay is a bucket of B + 1.
    done = run_weir("plan", "--limit", f"client_ip {rate}/s burst={burst + 1}", "--log", "access.log", "--log-format", "nginx:" + FORMAT, "-o", "json", cwd=folder)
    report = json.loads(done.stdout)
    limit = report["limits"][0]
    assert report["requests"]["judged"] == len(made) and report["input"]["clock_resolution_ms"] == 1
    print(f"{len(made)} requests of {len({client for _, client in made})} clients in {seconds} s: nginx refused {sum(theirs.values())}, "
          f"its model {sum(model.values())}, weir plan {limit['refused']}")
    assert sum(theirs.values()) > 20, "else nothing was compared"
    assert limit["refused"] == limit["refused_low"] == limit["refused_high"] == sum(theirs.values())
    assert {top["caller"]: top["refused"] for top in limit["top"]} == dict(sorted((item for item in theirs.items() if item[1]), key=lambda item: (-item[1], item[0]))[:10])
    assert +model == +theirs
    # The same limit harms nobody who was refused by it already.
    assert report["requests"]["newly_refused"] == report["requests"]["newly_refused_high"] == 0 and done.returncode == 0, report["reasons"]


def test_a_real_nginx_refuses_what_plan_says_of_its_log(folder):
    check(folder, 8, 1, 3)


@pytest.mark.long
@pytest.mark.parametrize("rate, burst", [(1, 5), (2, 10)])
def test_a_longer_slice(folder, rate, burst):
    check(folder, 60, rate, burst)
