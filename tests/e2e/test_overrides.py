"""Overrides: temporary changes over the live revision. Each kind works and ends; a later apply stays when one ends; what no longer
fits is idle; they outlive the process; a person is told whom one hurts before it acts; replay stays exact under them."""
import datetime
import json
import re
import shutil
import signal
import time

import pytest
from harness.raw import get
from harness.service import Service

LISTENER = {"trusted_proxies": ["127.0.0.0/8"]}
WHY = ("--reason", "drill")


def ok(name):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name.encode())


class Shop:
    """Two endpoints that say their name, three routes, a limit of one an hour and three at once, keys for callers."""

    def __init__(self, gateway, upstream, **over):
        self.services = {name: Service(upstream, answer=ok(name)) for name in ("first", "second")}
        self.address = {name: f"127.0.0.1:{service.port}" for name, service in self.services.items()}
        self.g = gateway(start=False, listener=LISTENER, route={}, refusals={"detail": "full"},
                         identity=[{"name": "partner", "api_key": {"header": "X-Api-Key", "file": "keys.yaml"}}],
                         upstreams=[{"name": "main", "endpoints": list(self.address.values())}],
                         limits=[{"name": "per-caller", "key": "caller", "rate": "1/h", "burst": 3}],
                         routes=[{"name": "limited", "match": {"path": "/limited/*"}, "upstream": "main", "limits": ["per-caller"]},
                                 {"name": "batch", "match": {"path": "/batch/*"}, "upstream": "main", "priority": "sheddable"},
                                 {"name": "open", "match": {"path": "/*"}, "upstream": "main"}], **over)
        (self.g.folder / "keys.yaml").write_text("[]\n")
        self.keys = {}

    def start(self):
        self.g.start()
        return self

    def key(self, name):
        done = self.g.command("keys", "add", name)
        assert done.returncode == 0, done.stderr
        self.keys[name] = max(re.findall(r"[A-Za-z0-9_\-]{24,}", done.stdout), key=len)
        return self

    def ask(self, path="/", client="192.0.2.7", caller=None):
        headers = [f"X-Forwarded-For: {client}"] + ([f"X-Api-Key: {self.keys[caller]}"] if caller else [])
        return self.g.get(path, headers=headers)

    def status(self, *words, **options):
        return self.ask(*words, **options)[0].status

    def add(self, what, *words):
        return self.g.command("override", "add", *what.split(), *WHY, *words)

    def laid(self, what, *words):
        done = self.add(what, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return re.match(r"o\d+", done.stdout)[0]

    def remove(self, name):
        done = self.g.command("override", "remove", name)
        assert done.returncode == 0, done.stdout + done.stderr

    def in_force(self):
        return {row["override"]: row for row in self.g.api("overrides")["overrides"]}


@pytest.fixture
def shop(gateway, upstream):
    return Shop(gateway, upstream).key("acme").start()


def refused(answer, status, cause, rule):
    head, body = answer
    problem = json.loads(body)
    assert (head.status, problem["cause"], problem["rule"]) == (status, cause, rule), problem
    return head


# ---- each kind works, and ends

def test_a_blocked_net_and_a_blocked_caller_get_403_and_nobody_else_does(shop):
    name = shop.laid("block net 192.0.2.0/24")
    refused(shop.ask(), 403, "caller_capped", name)
    refused(shop.ask(caller="acme"), 403, "caller_capped", name)
    assert shop.status(client="198.51.100.1") == 200
    shop.remove(name)
    assert shop.status() == 200
    name = shop.laid("block caller ac*")
    refused(shop.ask(client="198.51.100.1", caller="acme"), 403, "caller_capped", name)
    assert shop.status(client="198.51.100.1") == 200
    shop.remove(name)
    assert shop.status(caller="acme") == 200 and shop.in_force() == {}


def test_an_ipv6_caller_is_blocked_by_the_name_that_weir_callers_gives_it(shop):
    name = shop.laid("block caller 2001:db8:1:2::")
    refused(shop.ask(client="2001:db8:1:2::7"), 403, "caller_capped", name)   # an IPv6 caller is a /64
    refused(shop.ask(client="2001:db8:1:2:ffff::7"), 403, "caller_capped", name)
    assert shop.status(client="2001:db8:1:3::7") == 200
    shop.remove(name)
    name = shop.laid("block net 2001:db8:1:2::7")
    refused(shop.ask(client="2001:db8:1:2::7"), 403, "caller_capped", name)
    assert shop.status(client="2001:db8:1:2::8") == 200


def test_a_capped_caller_and_a_capped_net_get_429_above_their_rate(shop):
    name = shop.laid("cap caller acme 1/h burst 2")
    assert [shop.status(caller="acme") for _ in range(2)] == [200, 200]
    head = refused(shop.ask(caller="acme"), 429, "caller_capped", name)
    assert int(head.get("retry-after")) >= 3600   # a token an hour
    assert shop.status() == 200
    shop.remove(name)
    assert shop.status(caller="acme") == 200
    name = shop.laid("cap net 192.0.2.0/24 1/h burst 2")
    assert [shop.status(client=f"192.0.2.{n}") for n in (1, 2)] == [200, 200]   # all of it together
    refused(shop.ask(client="192.0.2.3"), 429, "caller_capped", name)
    assert shop.status(client="198.51.100.1") == 200
    shop.remove(name)
    assert shop.status(client="192.0.2.3") == 200


def test_a_drained_endpoint_takes_nothing_and_a_weighed_one_its_share(shop):
    def answers(count):
        return [shop.ask()[1].decode() for _ in range(count)]
    assert set(answers(8)) == {"first", "second"}
    name = shop.laid(f"drain endpoint {shop.address['first']}")
    assert set(answers(8)) == {"second"}
    shop.remove(name)
    assert set(answers(8)) == {"first", "second"}
    shop.laid(f"weigh endpoint {shop.address['first']} 9 of main")
    workers = shop.g.api("status")["workers"]
    for _ in range(20):   # whole rounds of ten at each worker that took part: nine tenths, give or take a round each
        answers(5)
    before = shop.services["first"].taken, shop.services["second"].taken
    answers(200)
    first, second = shop.services["first"].taken - before[0], shop.services["second"].taken - before[1]
    assert first + second == 200 and abs(second - 20) <= 2 * workers, (first, second)


def test_a_limit_only_observes_or_is_twice_as_much(shop):
    def passes(client):
        return sum(shop.status("/limited/x", client=client) == 200 for _ in range(10))
    assert passes("198.51.100.1") == 3
    name = shop.laid("scale limit per-caller 2")
    assert passes("198.51.100.2") == 6
    shop.remove(name)
    assert passes("198.51.100.3") == 3
    assert shop.status("/limited/x", client="198.51.100.1") == 429   # its old bucket went on: it is as empty as it was
    name = shop.laid("observe limit per-caller")
    assert passes("198.51.100.4") == 10
    shop.remove(name)
    assert passes("198.51.100.5") == 3


def test_a_shed_priority_and_a_paused_route_get_503(shop):
    name = shop.laid("shed priority sheddable")
    head = refused(shop.ask("/batch/1"), 503, "paused", name)
    assert head.get("retry-after") and shop.status("/other") == 200
    shop.remove(name)
    assert shop.status("/batch/1") == 200
    name = shop.laid("pause route open")
    refused(shop.ask("/other"), 503, "paused", name)
    assert shop.status("/batch/1") == 200
    shop.remove(name)
    assert shop.status("/other") == 200


# ---- time, changes, restarts

def test_it_ends_by_itself_and_leaves_a_later_apply_alone(shop):
    name = shop.laid("block net 192.0.2.0/24", "--for", "2s")
    assert shop.status() == 403
    shop.g.write(limits=[{"name": "per-caller", "key": "caller", "rate": "1/h", "burst": 5}])
    assert shop.g.command("apply", str(shop.g.file)).returncode == 0
    assert shop.status() == 403   # laid over the new revision too
    shop.g.eventually(lambda: shop.status() == 200, timeout=10)
    assert shop.g.api("status")["revision"] == "r2"
    assert sum(shop.status("/limited/x", client="198.51.100.9") == 200 for _ in range(10)) == 5
    row = shop.g.api("overrides?ended=5")["ended"][0]
    assert (row["override"], row["ended_reason"], row["ended_by"]) == (name, "expired", "")
    assert f"{name} has expired" in shop.g.stderr()


def test_what_no_longer_fits_is_idle_and_is_in_force_again_when_it_does(shop):
    name = shop.laid(f"drain endpoint {shop.address['first']}")
    shop.g.write(upstreams=[{"name": "main", "endpoints": [shop.address["second"]]}])
    assert shop.g.command("apply", str(shop.g.file)).returncode == 0
    assert f"there is no endpoint {shop.address['first']}" in shop.in_force()[name]["idle"]
    assert "IDLE" in shop.g.command("status").stdout and shop.g.stderr().count("is idle, there is no endpoint") == 1
    assert shop.g.command("rollback").returncode == 0
    assert shop.in_force()[name]["idle"] == ""
    assert {shop.ask()[1] for _ in range(8)} == {b"second"}


def test_while_a_change_is_watched_it_is_laid_over_both_policies(gateway, upstream):
    shop = Shop(gateway, upstream, workers=1, rollout={"shadow": "2m", "canary": [], "watch": "1h"}).start()
    before = shop.laid(f"drain endpoint {shop.address['first']}")
    shop.g.write(limits=[{"name": "per-caller", "key": "caller", "rate": "1/h", "burst": 5}], upstreams=[{"name": "main", "endpoints": [shop.address["second"]]}])
    assert shop.g.command("apply", str(shop.g.file), "--now", *WHY, "--person").returncode == 0
    shop.g.eventually(lambda: shop.g.api("status")["revision"] == "r2")
    assert "there is no endpoint" in shop.in_force()[before]["idle"]
    name = shop.laid("block net 192.0.2.0/24")   # r1 decides beside r2
    assert shop.status() == 403 and shop.status(client="198.51.100.1") == 200
    assert sum(shop.status("/limited/x", client="198.51.100.9") == 200 for _ in range(10)) == 5
    assert shop.g.command("rollback", "--person", *WHY).returncode == 0
    shop.g.eventually(lambda: shop.g.api("status")["revision"] == "r1")
    assert list(shop.in_force()) == [before, name] and shop.in_force()[before]["idle"] == ""
    assert shop.status() == 403 and {shop.ask(client="198.51.100.1")[1] for _ in range(8)} == {b"second"}
    shop.remove(name)
    assert shop.status() == 200 and sum(shop.status("/limited/x", client="198.51.100.8") == 200 for _ in range(10)) == 3
    sent = 32
    replay = shop.g.eventually(lambda: (r := shop.g.api("status")["replay"])["judged"] >= sent and r, timeout=15)
    assert (replay["judged"], replay["mismatches"], sum(replay["unjudged"].values())) == (sent, 0, 0), replay


def test_it_outlives_the_process_and_numbers_never_come_again(shop):
    kept, short = shop.laid("pause route batch", "--for", "1h"), shop.laid("pause route limited", "--for", "1s")
    shop.remove(shop.laid("block net 198.51.100.0/24"))
    shop.g.may_end_with = -signal.SIGKILL
    shop.g.signal(signal.SIGKILL)
    shop.g.process.wait()
    time.sleep(1)
    shop.start()
    assert shop.status("/batch/1") == 503 and shop.status("/limited/1") == 200
    assert list(shop.in_force()) == [kept] and 3500 < shop.in_force()[kept]["left_s"] <= 3600
    ended = {row["override"]: row["ended_reason"] for row in shop.g.api("overrides?ended=9")["ended"]}
    assert short in ended and ended[short].startswith("expired")
    assert shop.laid("block net 198.51.100.0/24") == "o4"


def test_a_new_binary_that_takes_over_goes_on_with_it(shop):
    name = shop.laid("pause route batch")
    first = shop.g.pid
    shop.g.signal(signal.SIGUSR2)
    shop.g.eventually(lambda: shop.g.pids() and first not in shop.g.pids(), timeout=15)
    assert shop.status("/batch/1") == 503 and shop.status("/other") == 200 and list(shop.in_force()) == [name]
    shop.remove(name)
    assert shop.status("/batch/1") == 200


def test_a_store_that_cannot_be_read_refuses_it_with_the_reason_and_traffic_goes_on(shop):
    shop.g.eventually(lambda: shop.g.api("revisions")["revisions"][0]["settled_at"], what="what booted is written down")
    (shop.g.data / "revisions.db").write_bytes(b"no database" * 100)
    done = shop.add("block net 192.0.2.0/24")
    assert done.returncode == 1 and "revisions.db" in done.stdout
    assert shop.status() == 200 and shop.in_force() == {}


# ---- rehearsal

def established(shop, clients, each=20):
    for client in clients:
        for _ in range(each):
            assert shop.status(client=client) == 200


def test_a_block_over_established_callers_says_so_and_needs_yes_of_a_person(shop):
    established(shop, [f"192.0.2.{n}" for n in (7, 8, 9)])
    shop.status(client="192.0.2.200")   # one request makes nobody
    shop.g.eventually(lambda: shop.g.api("status")["recording"]["arrivals"] >= 61)
    done = shop.add("block net 192.0.2.0/24", "--person", "-o", "json")
    told = json.loads(done.stdout)
    assert done.returncode == 3 and told["harms"] and not told["done"]
    rehearsed = told["rehearsal"]
    assert (rehearsed["requests"], rehearsed["refused"], rehearsed["callers"], rehearsed["hurt"]) == (61, 61, 4, 3)
    assert rehearsed["refused_known"] == 60 and set(rehearsed["named"]) == {"192.0.2.7", "192.0.2.8", "192.0.2.9"}
    assert shop.status() == 200 and shop.in_force() == {}
    shown = shop.add("block net 192.0.2.0/24", "--person")
    assert shown.returncode == 3 and "3 established callers in there: 192.0.2.7" in shown.stdout and "--yes" in shown.stdout
    assert "1.6 % of what it refuses comes from nobody established" in shown.stdout   # one of 61, or of 62 and more by now
    # A pipeline may not want it, whatever it says.
    pipeline = shop.add("block net 192.0.2.0/24", "--yes")
    assert pipeline.returncode == 3 and "only a person" in pipeline.stdout
    # A net with nobody in it hurts nobody.
    assert "no established caller is hurt" in shop.add("block net 198.51.100.0/24").stdout
    name = shop.laid("block net 192.0.2.0/24", "--person", "--yes")
    refused(shop.ask(client="192.0.2.8"), 403, "caller_capped", name)
    assert (shop.in_force()[name]["person"], shop.in_force()[name]["hurt"]) == (True, 3)
    assert "knowing that it hurts 3 callers" in shop.g.command("override", "list").stdout


def test_a_cap_and_a_pause_say_whom_they_hurt(shop):
    established(shop, ["192.0.2.7", "192.0.2.8"])
    for _ in range(20):
        assert shop.status(client="198.51.100.77", caller="acme") == 200
    shop.g.eventually(lambda: shop.g.api("status")["recording"]["arrivals"] >= 60)
    for what, hurt in (("cap net 192.0.2.0/24 1/h", ["192.0.2.7", "192.0.2.8"]), ("block caller ac*", ["acme"]), ("cap caller acme 1/h", ["acme"]),
                       ("pause route open", ["192.0.2.7", "192.0.2.8", "acme"]), (f"drain endpoint {shop.address['first']}", []),
                       ("cap net 192.0.2.0/24 1000/s", []), ("pause route batch", [])):
        done = shop.add(what, "-o", "json")
        assert sorted(json.loads(done.stdout)["rehearsal"]["named"]) == hurt and done.returncode == (3 if hurt else 0), what


def test_the_directory_alone_tells_who_is_known_in_a_net(gateway, upstream):
    shop = Shop(gateway, upstream, record={"enabled": False})
    log = shop.g.folder / "access.log"
    now = datetime.datetime.now(datetime.timezone.utc)
    lines = []
    for hours in (68, 44, 20):
        for n in range(1, 42):   # 41 callers of the net on three days
            at = (now - datetime.timedelta(hours=hours)).strftime("%d/%b/%Y:%H:%M:%S +0000")
            lines.append(f'192.0.2.{n} - - [{at}] "GET /orders HTTP/1.1" 200 12 "-" "-"\n')
    at = (now - datetime.timedelta(hours=1)).strftime("%d/%b/%Y:%H:%M:%S +0000")
    lines.append(f'192.0.2.99 - - [{at}] "GET /orders HTTP/1.1" 200 12 "-" "-"\n')
    log.write_text("".join(lines))
    done = shop.g.command("import", "--log", str(log))
    assert done.returncode == 0, done.stderr
    shop.start()
    rehearsed = shop.add("block net 192.0.2.0/24", "--person")   # over the last day of it: a request of each, and one of who is new
    assert rehearsed.returncode == 3 and "41 known callers in there" in rehearsed.stdout and "42 of 42 requests" in rehearsed.stdout, rehearsed.stdout
    assert "2.4 % of what it refuses comes from nobody known" in rehearsed.stdout
    shutil.rmtree(shop.g.data / "segments")
    done = shop.add("block net 192.0.2.0/24", "--person")
    assert done.returncode == 3 and "41 known callers in there" in done.stdout, done.stdout
    assert "nothing is recorded" in done.stdout and shop.status(client="192.0.2.1") == 200
    assert shop.add("block net 192.0.2.96/27", "--person").returncode == 0   # 96 to 127: the one who is new
    assert shop.status(client="192.0.2.99") == 403 and shop.status(client="192.0.2.1") == 200


# ---- replay

@pytest.mark.parametrize("whats, wanted", [
    (("block net 192.0.2.0/30", "cap caller acme 1/h burst 5", "scale limit per-caller 2"), {"caller_capped", "limit_rejected"}),
    (("pause route batch", "observe limit per-caller", "block caller acme"), {"caller_capped", "paused", "limit_rejected"}),
    (("shed priority sheddable", "drain endpoint {first}", "cap net 192.0.2.0/24 1/h burst 4"), {"caller_capped", "paused"})])
def test_replay_is_exact_while_overrides_come_and_go(gateway, upstream, whats, wanted):
    shop = Shop(gateway, upstream, workers=1).key("acme").start()
    sent = 0

    def traffic():
        nonlocal sent
        for n in range(8):
            for path, client, caller in (("/limited/x", f"192.0.2.{n % 4}", None), ("/batch/1", "198.51.100.7", "acme"), ("/", "192.0.2.9", "acme")):
                shop.status(path, client=client, caller=caller)
                sent += 1
    traffic()
    for n, what in enumerate(whats):   # the follower keeps eight policies, and is three seconds behind
        name = shop.laid(what.format(**shop.address), "--person", "--yes")
        traffic()
        if n == 0:
            shop.remove(name)
            traffic()
    assert wanted <= {row["cause"] for row in shop.g.api("status")["requests"]["by_cause"]}

    def followed():
        replay = shop.g.api("status")["replay"]
        return replay if replay["judged"] + sum(replay["unjudged"].values()) >= sent else None
    replay = shop.g.eventually(followed, timeout=15, what=f"{sent} followed")
    assert (replay["judged"], replay["mismatches"], {why: count for why, count in replay["unjudged"].items() if count}) == (sent, 0, {}), replay["examples"]


# ---- the face

def test_status_diff_and_history_show_what_is_laid_over(shop):
    name = shop.laid("pause route batch", "--author", "anna")
    for words in (("status",), ("diff", "live", str(shop.g.file)), ("history",), ("override", "list")):
        done = shop.g.command(*words)
        assert done.returncode == 0 and re.search(rf"{name} pause route batch .* left +anna: drill", done.stdout), (words, done.stdout, done.stderr)
    row = shop.in_force()[name]
    assert (row["author"], row["reason"], row["revision"], row["lasts_s"]) == ("anna", "drill", "r1", 3600.0)
    assert json.loads(shop.g.command("diff", "live", str(shop.g.file), "-o", "json").stdout)["laid_over"][0]["what"] == "pause route batch"
    explained = shop.g.command("explain", "GET", "/batch/1")
    assert "paused" in explained.stdout and name in explained.stdout, explained.stdout
    shop.remove(name)
    assert "nothing is laid over r1" in shop.g.command("override", "list").stdout
    ended = shop.g.command("override", "list", "--ended", "5").stdout
    assert re.search(rf"{name} +pause route batch .* taken away by ", ended), ended


@pytest.mark.parametrize("what, text", [("explode net 10.0.0.0/8", "no temporary change"), ("cap caller acme 60", "no period"), ("block net 10.0.0.0/99", "10.0.0.0/99"),
                                        ("pause route btach", "there is no route btach; did you mean batch?"), ("scale limit per-caller 0", "factor"),
                                        ("drain endpoint 127.0.0.1:1", "there is no endpoint 127.0.0.1:1")])
def test_words_that_mean_nothing_are_refused_with_what_would_be_right(shop, what, text):
    done = shop.add(what)
    assert done.returncode == 1 and text in done.stdout + done.stderr, done.stdout + done.stderr
    assert shop.in_force() == {}


def test_a_reason_is_asked_for_and_no_time_is_without_end(shop):
    done = shop.g.command("override", "add", "pause", "route", "batch")
    assert done.returncode == 2 and "--reason" in done.stderr
    for time_ in ("0s", "forever", "31d"):
        done = shop.add("pause route batch", "--for", time_)
        assert done.returncode == 1 and shop.in_force() == {}, time_
    gone = shop.g.command("override", "remove", "o9")
    assert gone.returncode == 1 and "o9 is not in force" in gone.stderr


def test_over_tcp_the_token_is_needed_and_nobody_is_a_person(shop):
    def ask(method, path, *headers, body=b""):
        return get(shop.g.admin_port, path, host=f"127.0.0.1:{shop.g.admin_port}", method=method, headers=headers, body=body)
    token = "Authorization: Bearer " + (shop.g.data / "admin.token").read_text().strip()
    json_ = "Content-Type: application/json"
    body = json.dumps({"what": "pause route open", "reason": "drill", "person": True, "yes": True}).encode()
    assert ask("GET", "/api/v1/overrides")[0].status == 401
    assert ask("POST", "/api/v1/overrides", json_, body=body)[0].status == 401
    assert ask("POST", "/api/v1/overrides", token, body=body)[0].status == 415
    assert ask("DELETE", "/api/v1/overrides/o1", json_, body=b"{}")[0].status == 401
    for wrong in (b"", b"[]", b'{"what": 7}', b'{"what": "pause route open"}', b'{"what": "pause route open", "reason": "x", "yes": "yes"}'):
        assert ask("POST", "/api/v1/overrides", token, json_, body=wrong)[0].status == 400, wrong
    established(shop, ["192.0.2.7"])
    shop.g.eventually(lambda: shop.g.api("status")["recording"]["arrivals"] >= 20)
    head, answer = ask("POST", "/api/v1/overrides", token, json_, body=body)
    assert head.status == 422 and json.loads(answer)["harms"]
    head, answer = ask("POST", "/api/v1/overrides", token, json_, body=json.dumps({"what": "pause route batch", "for": "90s", "reason": "drill"}).encode())
    assert head.status == 200 and json.loads(answer)["override"]["override"] == "o1"
    assert ask("DELETE", "/api/v1/overrides/x", token, json_, body=b"{}")[0].status == 400
    assert ask("DELETE", "/api/v1/overrides/o7", token, json_, body=b"{}")[0].status == 404
    assert ask("DELETE", "/api/v1/overrides/o1", token, json_, body=b"{}")[0].status == 200
