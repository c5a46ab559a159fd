"""Two versions that run at one time are held against each other: the stable and candidate part of a split, which weir returns by
itself, and the versions behind one upstream, by a header of their answers."""
import concurrent.futures
import re

import pytest
from harness.service import Service
from test_change import BUSY, announce
from test_top import SERVICES, Caller

SPLIT = [{"upstream": "v41", "weight": 80, "arm": "stable"}, {"upstream": "v42", "weight": 20, "arm": "candidate"}]


def answer(version, busy=False):
    status = "503 Service Unavailable" if busy else "200 OK"
    return f"HTTP/1.1 {status}\r\nX-Version: {version}\r\nContent-Length: 2\r\n\r\nok".encode()


@pytest.fixture
def calling():
    made = []
    yield lambda g: made.extend(Caller(g.port, f"web-{i}", 50, "/checkout") for i in range(4))
    for caller in made:
        caller.stop()


def listed(g):
    return {(each["subject"], each["version"], each["answer"]): each for each in g.api("changes")["changes"]}


@pytest.mark.slow
def test_a_candidate_that_is_worse_loses_its_requests_and_gets_them_back_from_a_person(gateway, upstream, calling):
    v41, v42 = Service(upstream), Service(upstream)
    g = gateway(identity=SERVICES, upstreams=[{"name": name, "endpoints": [f"127.0.0.1:{peer.port}"], "ejection": False}
                                              for name, peer in (("v41", v41), ("v42", v42))],
                routes=[{"name": "checkout", "match": {"path": "/checkout"}, "split": SPLIT}])
    calling(g)
    g.eventually(lambda: ("checkout", "v42", "under way") in listed(g), what="it is watched by itself")
    g.eventually(lambda: v42.taken > 20 and v41.taken > 40, what="both have answered")
    assert re.search(r"^  deploy +checkout v42: under way, .*; as split candidate ", g.command("status").stdout, re.M)
    v42.answer = BUSY
    found = g.eventually(lambda: listed(g).get(("checkout", "v42", "harmed")), timeout=20, what="it is harmed")
    (split,) = found["as"]
    assert split["role"] == "split" and split["arms"]["harm"] == "bad" and split["arms"]["stable"]["bad_share"] == 0
    assert split["arms"]["candidate"]["bad_share"] > 0.2 and split["arms"]["guards"][0]["evidence"] >= split["arms"]["harms_at"] == 4000
    g.eventually(lambda: listed(g)[("checkout", "v42", "harmed")]["returned"] == "o1", what="it is given back")
    (laid,) = g.api("overrides")["overrides"]
    assert laid["what"] == "give back route checkout from v42" and laid["author"] == "weir", laid
    assert laid["reason"].startswith(f"change {found['id']}: v42 fails more, ") and laid["reason"].endswith(" % against 0 %")
    assert "deploy checkout v42: harmed" in g.stderr() and "o1 is in force: give back route checkout from v42 by weir" in g.stderr()
    taken, before = v42.taken, v41.taken
    g.eventually(lambda: v41.taken > before + 200, timeout=10, what="stable has all of them")
    assert v42.taken <= taken + 1

    shown = g.command("change", "show", str(found["id"]))
    assert shown.returncode == 0 and "as split     harmed\n  bad       candidate " in shown.stdout, shown.stdout + shown.stderr
    assert shown.stdout.endswith("its requests go to the stable part by override o1.\nnext: weir override remove o1 once another version is there\n")
    assert re.search(r"^ +1  20\S+  harmed +checkout v42 by weir, given back by o1$", g.command("change", "list").stdout, re.M)
    assert len(g.api("changes")["changes"]) == 1, "nothing is judged while nothing is sent to it"

    # Kept: a restart leaves it with the stable part, and knows why.
    g.stop()
    g.start()
    assert [each["what"] for each in g.api("overrides")["overrides"]] == ["give back route checkout from v42"]
    assert listed(g)[("checkout", "v42", "harmed")]["returned"] == "o1"
    v42.answer = answer("v42")
    calling(g)
    g.command("override", "remove", "o1", "--author", "ann")
    g.eventually(lambda: v42.taken > taken + 10 and ("checkout", "v42", "under way") in listed(g), what="it is asked and watched again")
    done = announce(g, "checkout", "v43", "--watch", "12s")   # somebody watches it by himself: both as good
    assert done.returncode in (0, 4) and done.stdout.startswith("checkout v43: "), done.stdout
    assert "as split " in done.stdout and "candidate " in done.stdout


def test_versions_behind_one_upstream_are_held_against_each_other(gateway, upstream, calling):
    v41, v42 = Service(upstream, answer("v41")), Service(upstream, answer("v42"))
    g = gateway(identity=SERVICES, upstreams=[{"name": "orders", "version_header": "X-Version", "ejection": False,
                                               "endpoints": [f"127.0.0.1:{peer.port}" for peer in (v41, v42)]}],
                routes=[{"name": "checkout", "match": {"path": "/checkout"}, "upstream": "orders"}])
    calling(g)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waits = pool.submit(announce, g, "orders", "v42", "--watch", "40s")
        g.eventually(lambda: v42.taken > 50, what="both run")
        # Both fail alike for a time, as with a database: no harm of either.
        v41.answer, v42.answer = answer("v41", busy=True), answer("v42", busy=True)
        asked = v41.taken + v42.taken
        g.eventually(lambda: v41.taken + v42.taken > asked + 400, timeout=10, what="they fail for two seconds")
        v41.answer = answer("v41")
        done = waits.result()
    assert done.returncode == 3, done.stdout + done.stderr
    (orders,) = g.api("changes")["changes"][0]["as"]
    assert orders["role"] == "upstream" and orders["arms"]["harm"] == "bad" and orders["arms"]["candidate"]["requests"] > 50
    assert "as upstream  harmed\n  bad       candidate " in done.stdout and "next: return orders to what ran before v42" in done.stdout
