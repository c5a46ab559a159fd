"""weir test: cases that pass, cases that fail, files that are broken; the JUnit file as a CI reads it. No gateway runs."""
import json
import time
import xml.etree.ElementTree as ElementTree

import pytest
from harness.gateway import ROOT, run_weir

GATEWAY = """\
version: 1
listeners: [{name: public, address: 127.0.0.1:8080, trusted_proxies: [10.0.0.0/8]}]
identity: [{name: partner, api_key: {file: no-such-keys.yaml}}]
limits:
  - {name: per-caller, key: caller, rate: 60/s, burst: 120, overrides: [{groups: [gold], rate: 600/s, burst: 1200}]}
  - {name: trial, key: all, rate: 1/s, burst: 100, mode: observe}
upstreams:
  - {name: main, endpoints: [{address: 127.0.0.1:9001, weight: 3}, 127.0.0.1:9002]}
  - {name: next, endpoints: [127.0.0.1:9003]}
routes:
  - {name: orders, match: {hosts: [api.example.com], path: /orders/*}, upstream: main, limits: [per-caller, trial]}
  - {name: partners, match: {hosts: [api.example.com], path: /partners/*}, upstream: main, auth: {require: [partner]}}
  - {name: canary, match: {path: /canary}, split: [{upstream: main, weight: 9}, {upstream: next, weight: 1}]}
  - {name: tenant, match: {path: /t/*, headers: [{name: X-Tenant, value: a}]}, upstream: next}
"""

PASSING = """\
version: 1
config: gateway.yaml
cases:
  - name: a burst of 120 passes, the next is refused
    requests:
      - {at: 0s, url: http://api.example.com/orders, client: 192.0.2.1, caller: {partner: acme-mobile}, times: 121}
    expect: {allowed: 120, refused: 1, causes: {none: 120, limit_rejected: 1}, rules: {per-caller: 1}, observed: {trial: 21},
             first: {verdict: allowed}, last: {cause: limit_rejected, rule: per-caller, status: 429}}
  - name: gold callers get ten times that
    requests: [{url: http://api.example.com/orders, caller: {partner: {name: acme, groups: [gold]}}, times: 1200}]
    expect: {refused: 0}
  - name: two callers behind one address are two
    requests:
      - {url: http://api.example.com/orders, caller: {partner: a}, times: 120, expect: {refused: 0}}
      - {url: http://api.example.com/orders, caller: {partner: b}, times: 120, expect: {refused: 0}}
  - name: spread out nobody is refused
    requests: [{at: 1s, every: 20ms, times: 500, url: http://api.example.com/orders?page=1}]
    expect: {refused: 0, route: orders, upstream: main}
  - name: weights hold
    requests: [{times: 10000, every: 20ms, url: http://api.example.com/orders}]
    expect: {endpoints: {"127.0.0.1:9001": 75%, "127.0.0.1:9002": 25%}}
  - name: the canary gets a tenth
    requests: [{times: 20000, url: http://a.test/canary}]
    expect: {upstreams: {main: 90%, next: 8..12%}, within: 1%}
  - name: partners need a key, and one that is valid
    requests:
      - {url: http://api.example.com/partners, expect: {cause: auth_denied, status: 401}}
      - {url: http://api.example.com/partners, caller: {partner: {name: acme, proof: expired}}, expect: {cause: auth_denied}}
      - {url: http://api.example.com/partners, caller: {partner: acme}, expect: {verdict: allowed, route: partners}}
  - name: headers route, and X-Forwarded-For counts behind the balancer
    requests:
      - {url: http://a.test/t/1, headers: {X-Tenant: a}, expect: {endpoint: "127.0.0.1:9003"}}
      - {url: http://a.test/t/1, headers: {X-Tenant: b}, expect: {cause: no_route, status: 404}}
      - {url: http://api.example.com/orders, client: 10.0.0.1, headers: {X-Forwarded-For: 192.0.2.1}, times: 120, expect: {refused: 0}}
      - {url: http://api.example.com/orders, client: 10.0.0.1, headers: {X-Forwarded-For: 192.0.2.2}, times: 120, expect: {refused: 0}}
      - {url: http://api.example.com/orders, client: 10.0.0.2, headers: {X-Forwarded-For: 192.0.2.1}, expect: {verdict: refused}}
"""


@pytest.fixture
def run(folder):
    """run(cases, *words): weir test on these cases."""
    (folder / "gateway.yaml").write_text(GATEWAY)

    def make(cases, *words):
        (folder / "cases.yaml").write_text(cases)
        return run_weir("test", "cases.yaml", *words, cwd=folder)
    return make


def one(requests, expect):
    return f"version: 1\nconfig: gateway.yaml\ncases:\n  - name: one\n    requests: [{requests}]\n    expect: {expect}\n"


def test_cases_that_hold_pass(run):
    done = run(PASSING)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\nok ") + done.stdout.startswith("ok ") == 8
    assert "8 passed, 0 failed" in done.stdout


def test_a_failure_says_what_was_expected_what_came_and_which_lines_decided(run):
    done = run(one("{url: http://api.example.com/orders, times: 125}", "{refused: 1}"))
    assert done.returncode == 1
    assert "FAILED  one" in done.stdout and "0 passed, 1 failed" in done.stdout
    assert "cases.yaml:6:23" in done.stdout
    assert "expected  refused: 1" in done.stdout and "came      5 of 125 requests" in done.stdout
    assert "gateway.yaml:5   limit_rejected by per-caller: 5 requests" in done.stdout
    assert "gateway.yaml:11   forwarded by orders: 120 requests" in done.stdout


@pytest.mark.parametrize("expect, came", [
    ("{route: canary}", "route: orders"),
    ("{last: {status: 503}}", "status: 429 in request 125"),
    ("{last: {rule: orders}}", "rule: per-caller in request 125"),
    ("{first: {verdict: refused}}", "verdict: allowed in request 1"),
    ("{cause: none}", "cause: limit_rejected in 5 of 125 requests, first in request 121"),
    ("{refused: 6..}", "5 of 125 requests"),
    ("{refused: 5%, within: 0.9%}", "4.000% (5 of 125 requests)"),
    ("{endpoints: {\"127.0.0.1:9002\": 75%}}", "25.000% (30 of 120 requests forwarded)"),
    ("{rules: {trial: 5}}", "0 of 125 requests"),
    ("{observed: {trial: 0}}", "of 125 requests"),
])
def test_each_kind_of_expectation_can_fail(run, expect, came):
    done = run(one("{url: http://api.example.com/orders, times: 125}", expect))
    assert done.returncode == 1, done.stdout
    assert came in done.stdout


@pytest.mark.parametrize("cases, said", [
    (one("{url: /, times: lots}", "{refused: 0}"), 'cases.yaml:5:32: error: cases.one.requests[0].times: "lots"'),
    (one("{url: /, tims: 1}", "{refused: 0}"), "did you mean times?"),
    (one("{url: /}", "{rule: per-calle}"), 'there is no limit or route "per-calle"'),
    (one("{url: /}", "{endpoints: {\"127.0.0.1:9009\": 1}}"), 'there is no endpoint "127.0.0.1:9009"'),
    (one("{url: /}", "{observed: {per-caller: 1}}"), "there is no limit with mode: observe"),
    (one("{url: /, caller: {partners: acme}}", "{refused: 0}"), "did you mean partner?"),
    (one("{url: /, headers: {X-Api-Key: weir_1}}", "{refused: 0}"), "write caller: {partner: NAME} instead"),
    (one("{url: 'ftp://a.test/'}", "{refused: 0}"), "is not a URL"),
    (one("{url: /}", "{cause: limit_reject}"), "did you mean limit_rejected?"),
    ("version: 1\ncases: [{name: x, requests: [{url: /}], expect: {refused: 0}}]\n", "add config: gateway.yaml"),
    ("version: 1\nconfig: gateway.yaml\ncases: [{name: x, requests: [{url: /}]}]\n", "expects nothing"),
    ("cases: [", "cases.yaml:1"),
])
def test_a_broken_file_is_answered_with_place_and_remedy(run, cases, said):
    done = run(cases)
    assert done.returncode == 1
    assert said in done.stdout, done.stdout + done.stderr


def test_a_broken_configuration_is_answered_as_check_answers_it(run, folder):
    (folder / "broken.yaml").write_text(GATEWAY.replace("rate: 60/s", "rate: 60"))
    done = run(PASSING, "-c", "broken.yaml")
    assert done.returncode == 1
    assert done.stdout.startswith("broken.yaml:5:") and "has no period" in done.stdout


def test_words_that_are_wrong_and_files_that_are_not_there(folder):
    assert run_weir("test", cwd=folder).returncode == 2
    assert run_weir("test", "cases.yaml", "-o", "xml", cwd=folder).returncode == 2
    missing = run_weir("test", "cases.yaml", cwd=folder)
    assert missing.returncode == 1 and "cases.yaml" in missing.stderr


def test_junit_is_xml_that_a_ci_reads(run, folder):
    name = "<&\"'> \u202eé"
    cases = PASSING + f"  - name: {json.dumps(name)}\n    requests: [{{url: /nowhere}}]\n    expect: {{verdict: allowed, cause: none}}\n"
    done = run(cases, "-o", "junit")
    assert done.returncode == 1
    suites = ElementTree.fromstring(done.stdout)
    suite, = suites.findall("testsuite")
    assert suites.tag == "testsuites"
    assert (suite.get("name"), suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("cases.yaml", "9", "1", "0")
    found = suite.findall("testcase")
    assert len(found) == 9 and [c.find("failure") is not None for c in found] == [False] * 8 + [True]
    assert found[0].get("name") == "a burst of 120 passes, the next is refused" and found[0].get("line") == "4"
    assert found[8].get("name").startswith("<&\"'> ") and "\u202e" not in found[8].get("name")
    failure = found[8].find("failure")
    assert failure.get("message") == "expected each verdict: allowed, came verdict: refused"
    assert "expected  each cause: none" in failure.text and "no_route" in failure.text


def test_junit_of_a_broken_file_is_one_error(run):
    done = run(one("{url: /}", "{route: ordrs}"), "-o", "junit")
    assert done.returncode == 1
    suite = ElementTree.fromstring(done.stdout).find("testsuite")
    error = suite.find("testcase/error")
    assert suite.get("errors") == "1" and 'there is no route "ordrs"' in error.get("message") and "did you mean orders?" in error.text


def test_json_says_what_the_text_says(run):
    answer = json.loads(run(one("{url: http://api.example.com/orders, times: 125}", "{refused: 1}"), "-o", "json").stdout)
    assert (answer["passed"], answer["failed"], answer["requests"], answer["config"]) == (0, 1, 125, "gateway.yaml")
    case, = answer["cases"]
    assert (case["name"], case["result"], case["requests"], case["refused"]) == ("one", "failed", 125, 5)
    failure, = case["failures"]
    assert (failure["at"], failure["expected"], failure["got"]) == ("cases.yaml:6:23", "refused: 1", "5 of 125 requests")
    assert failure["decided_by"][1] == {"what": "limit_rejected by per-caller", "at": "gateway.yaml:5", "requests": 5}


def test_thousands_of_cases_take_a_second_and_nobody_waits(run):
    cases = "version: 1\nconfig: gateway.yaml\ncases:\n"
    for i in range(2000):
        cases += (f"  - {{name: case {i}, requests: [{{url: 'http://api.example.com/orders/{i}', times: 10, every: 10m}}], "
                  "expect: {refused: 0, route: orders}}\n")
    begun = time.monotonic()
    done = run(cases)
    took = time.monotonic() - begun
    assert done.returncode == 0 and "2,000 passed, 0 failed: 20,000 requests" in done.stdout, done.stdout[-300:]
    assert took < 5, took   # a build with checks on a busy machine; alone it is well below a second


def test_the_quick_starts_cases_pass():
    done = run_weir("test", "examples/quickstart/cases.yaml", cwd=ROOT)
    assert done.returncode == 0, done.stdout
