"""Seed 001 on the running testbed T0: a version of the service `worker` with an endless loop is deployed, and was announced."""
import re
import shlex
import tempfile
import time
from pathlib import Path

import pytest
from harness.testbed import Testbed

pytestmark = [pytest.mark.alone, pytest.mark.long]

CALM, LOOP = 45, 300   # s until the loop; requests a second in it: T0's orders bear 220


def with_a_loop(scenario):
    """`worker` asks by itself, ten times a second as before, and then in a loop."""
    internal = scenario["traffic"][1]
    assert internal["callers"]["names"][0] == "worker" and internal["rate"] == "60/s"
    internal["callers"]["names"], internal["rate"] = internal["callers"]["names"][1:], "50/s"
    scenario["traffic"].append({"name": "worker", "rate": "10/s", "callers": {"names": ["worker"], "identity": "services"},
                                "requests": [{"name": "orders", "path": "/orders/17"}]})
    scenario["events"] = [{"at": f"{CALM}s", "name": "the loop", "traffic": "worker", "rate": f"{LOOP}/s"}]
    return scenario


def without_its_cap(text):
    """Nothing held it then: T0's limit of each service is taken away."""
    text, limits = re.subn(r"  - \{name: per-service, .*\n", "", text)
    text, used = re.subn(r"per-key, per-service", "per-key", text)
    assert limits == used == 1
    return text


def felt(bed, since, until):
    """Of those who ask for orders and are not `worker`, the share that is refused or fails."""
    lines = [line for at, line in bed.exchanges(since) if at < until and line.get("route") == "orders" and line.get("caller") != "worker"]
    assert len(lines) > 50
    return sum(line["status"] >= 400 for line in lines) / len(lines)


def test_an_announced_service_that_runs_away_is_named():
    with tempfile.TemporaryDirectory(prefix="weir-seed-") as folder:
        bed = Testbed(Path(folder), {"shadow": "none", "canary": [], "watch": "none"}, with_a_loop, without_its_cap)
        try:
            time.sleep(max(0, bed.began + CALM - 15 - time.time()))
            done = bed.command("change", "worker", "v9", "--watch", "1h", "--author", "ci", timeout=90)
            named = time.time()
            assert done.returncode == 3 and done.stdout.startswith("worker v9: HARMED"), done.stdout + done.stderr
            assert "as caller    harmed" in done.stdout and "as upstream" not in done.stdout
            assert re.search(r"^  rate +(9|1[01])(\.\d)?/s usual, at most \d+/s, now \d{2,3}/s ", done.stdout, re.M), done.stdout
            print(f"named {named - bed.began - CALM:.1f} s after the loop began")
            assert named - bed.began - CALM < 30
            others = {name: bed.command("change", name, "v1", "--no-wait", "-o", "json") for name in ("billing", "catalog")}
            assert all(each.returncode == 0 for each in others.values())
            time.sleep(5)
            hurt = felt(bed, named, named + 5)
            # What it says is to be done meanwhile is done, by a person, since `worker` is known.
            capped = re.search(r"^  weir (override add cap caller worker .*)$", done.stdout, re.M)[1]
            laid = bed.command(*shlex.split(capped), "--yes", "--person")
            assert laid.returncode == 0, laid.stdout + laid.stderr
            time.sleep(20)
            healed = felt(bed, time.time() - 10, time.time())
            print(f"others' orders: {hurt:.0%} failed in the loop, {healed:.1%} once it was capped")
            assert hurt > 0.2 and healed < 0.05
            # Nobody else is named for what it did.
            for each in bed.api("changes")["changes"]:
                assert each["subject"] == "worker" or each["answer"] == "under way", each
        finally:
            bed.stop()
