"""The examples for pipelines: the steps of the action and the scripts, taken from their files, run as a runner runs them."""
import json
import os
import re
import shutil
import stat
import subprocess

import pytest
import yaml
from harness.gateway import ROOT, binary

ACTION = ROOT / "examples/ci/action.yml"
PIPELINE = ROOT / "examples/ci/pipeline.yml"
APPLY = ROOT / "examples/ci/apply.sh"
HOOKS = ROOT / "examples/pre-commit/.pre-commit-hooks.yaml"
LINE = '203.0.113.9 - - [24/Jan/2022:16:0{}:0{} +0000] "GET /orders/{} HTTP/1.1" 200 80 "-" "program"\n'
CONFIGURATION = {
    "version": 1, "listeners": [{"name": "public", "address": "127.0.0.1:8080"}],
    "limits": [{"name": "per-caller", "key": "caller", "rate": "5/s"}],
    "routes": [{"name": "all", "match": {"path": "/*"}, "respond": {"status": 200}, "limits": ["per-caller"]}]}


def configuration(folder, name="gateway.yaml", **limit):
    config = {**CONFIGURATION, "limits": [{**CONFIGURATION["limits"][0], **limit}]}
    (folder / name).write_text(json.dumps(config, indent=1))
    return name


def traffic(folder, name="access.log"):
    (folder / name).write_text("".join(LINE.format(minute, n, n) for minute in range(6) for n in range(10)))
    return name


class Run:
    """The steps of the action one after another, until one fails."""

    def __init__(self, folder, **given):
        action = yaml.safe_load(ACTION.read_text())
        inputs = {name: each["default"] for name, each in action["inputs"].items()} | {"weir": binary()} | given
        summary, outputs = folder / "summary", folder / "outputs"
        for file in (summary, outputs):
            file.write_text("")
        self.code, self.said = 0, ""
        for step in action["runs"]["steps"]:
            assert "${{" not in step["run"], "what comes from outside is no text of a shell"
            environment = {name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], value) for name, value in step["env"].items()}
            done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], cwd=folder, capture_output=True, text=True,
                                  timeout=30, stdin=subprocess.DEVNULL,
                                  env={**os.environ, "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_OUTPUT": str(outputs), **environment})
            self.said += done.stdout + done.stderr
            self.code = done.returncode
            if self.code:
                break
        self.summary = summary.read_text()
        self.outputs = dict(line.split("=") for line in outputs.read_text().splitlines())


def test_a_harmless_change_passes_and_its_report_is_in_the_summary(folder):
    run = Run(folder, file=configuration(folder), traffic=f"--log\n{traffic(folder)}\n")
    assert run.code == 0 and run.outputs == {"verdict": "harmless"}, run.said
    assert run.summary.startswith("### weir plan: Harmless") and "0 of 60 requests" in run.summary


def test_a_change_that_hurts_fails_and_its_report_is_in_the_summary(folder):
    run = Run(folder, file=configuration(folder, rate="1/h"), traffic=f"--log\n{traffic(folder)}\n")
    assert run.code == 3 and run.outputs == {"verdict": "harm"} and "::error" in run.said, run.said
    assert "58 of 60 requests newly refused" in run.summary   # a burst of two passes


def test_what_cannot_be_told_is_a_warning(folder):
    """A rate that is learned from a service's past, and nobody knows that past."""
    config = {**CONFIGURATION, "identity": [{"name": "services", "service": {"header": "X-Service", "from": ["127.0.0.0/8"]}}],
              "limits": [{"name": "per-caller", "key": "caller", "for": {"identity": ["services"]}, "learned": {"default": "5/s"}}]}
    (folder / "gateway.yaml").write_text(json.dumps(config))
    line = {"time": "2022-01-24T16:00:00Z", "remote_addr": "127.0.0.1", "who": "billing", "request": "GET /x HTTP/1.1", "status": "200"}
    (folder / "access.log").write_text(f"{json.dumps(line)}\n" * 100)
    run = Run(folder, traffic="--log\naccess.log\n--log-format\nnginx-json\n--field\nidentity:services=who")
    assert run.code == 0 and run.outputs == {"verdict": "not_enough_data"} and "::warning" in run.said, run.said
    assert run.summary.startswith("### weir plan: Not enough data")


def test_without_traffic_it_is_a_check_alone(folder):
    run = Run(folder, file=configuration(folder))
    assert run.code == 0 and run.outputs == {"verdict": "not_judged"} and run.summary == "", run.said


def test_a_file_with_an_error_fails_with_its_place_before_any_plan(folder):
    run = Run(folder, file=configuration(folder, rate="much"), traffic=f"--log\n{traffic(folder)}\n")
    assert run.code == 1 and re.search(r"gateway\.yaml:\d+:\d+: error: limits\.per-caller\.rate", run.said) and run.outputs == {}, run.said


def test_traffic_that_is_not_there_fails_and_is_named(folder):
    run = Run(folder, file=configuration(folder), traffic="--log\nnowhere.log")
    assert run.code == 1 and "nowhere.log" in run.said and run.outputs == {}, run.said


def test_names_are_words_whatever_is_in_them(folder):
    name = configuration(folder, "a $(touch made) b;touch made.yaml")
    run = Run(folder, file=name, traffic=f"--log\n{traffic(folder, '$(touch made) *.log')}\n")
    assert run.code == 0 and run.outputs == {"verdict": "harmless"}, run.said
    assert not (folder / "made").exists()


# ---- the pipeline

def test_the_pipeline_gives_the_action_and_the_script_what_they_take():
    action, pipeline = yaml.safe_load(ACTION.read_text()), yaml.safe_load(PIPELINE.read_text())
    assert action["runs"]["using"] == "composite" and all(step["shell"] == "bash" for step in action["runs"]["steps"])
    judge, apply = pipeline["jobs"]["judge"]["steps"][-1], pipeline["jobs"]["apply"]["steps"][-1]
    assert set(judge["with"]) <= set(action["inputs"])
    assert set(apply["env"]) == {"FILE", "ADMIN", "AUTHOR", "REASON"} and apply["run"].endswith(APPLY.name)
    for script in (APPLY, HOOKS.with_name("weir-check.sh")):
        assert script.stat().st_mode & stat.S_IXUSR
        if shutil.which("shellcheck"):
            done = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout


def apply(g, **given):
    environment = {"WEIR": binary(), "FILE": str(g.file), "ADMIN": str(g.data / "admin.sock"), "AUTHOR": "ada", "REASON": "more for acme\n\nCHG-1182",
                   "PAUSE": "0", **given}
    return subprocess.run([str(APPLY)], env={**os.environ, **environment}, capture_output=True, text=True, timeout=30)


def test_apply_says_who_and_why_and_ends_with_what_became_of_it(gateway, upstream):
    g = gateway(upstream())
    g.write(drain="29s")
    done = apply(g)
    assert done.returncode == 0, done
    told = json.loads(done.stdout)
    assert (told["live"], told["revision"]) == (True, "r2")
    row = g.api("revisions?limit=1")["revisions"][0]
    assert (row["author"], row["reason"]) == ("ada", "more for acme")

    g.write(drain="28s")
    done = apply(g, BASE="r1")   # asked once: a try more would not make it right
    assert done.returncode == 5 and json.loads(done.stdout)["stale"], done
    assert g.api("status")["changes"]["refused"] == 1
    assert apply(g, BASE="r2").returncode == 0
    assert g.command("rollback", "--reason", "it hurts").returncode == 0
    done = apply(g)
    assert done.returncode == 3 and json.loads(done.stdout)["taken_back"], done
    g.file.write_text("version: 1\nroutes: 7\n")
    done = apply(g)
    assert done.returncode == 1 and json.loads(done.stdout)["errors"] > 0, done
    g.stop()
    done = apply(g)
    assert done.returncode == 5 and done.stdout == "" and "no weir is running there" in done.stderr, done


def test_apply_asks_a_busy_gateway_again_and_not_for_ever(gateway, upstream, folder):
    g = gateway(upstream(), start=False)
    weir = folder / "weir"
    weir.write_text(f"""#!/bin/sh
echo x >>{folder}/asked
[ $(wc -l <{folder}/asked) -gt "$FREE_AFTER" ] && echo '{{"live":true,"busy":false}}' && exit 0
echo '{{"live":false,"busy":true}}'
exit 5
""")
    weir.chmod(0o755)
    done = apply(g, WEIR=str(weir), FREE_AFTER="2")
    assert done.returncode == 0 and json.loads(done.stdout)["live"] and (folder / "asked").read_text() == "x\n" * 3, done
    (folder / "asked").unlink()
    done = apply(g, WEIR=str(weir), FREE_AFTER="99")
    assert done.returncode == 5 and json.loads(done.stdout)["busy"] and (folder / "asked").read_text() == "x\n" * 6, done


@pytest.mark.parametrize("missing", ["ADMIN", "AUTHOR", "REASON"])
def test_apply_goes_nowhere_without_knowing_who_and_why(gateway, upstream, missing):
    done = apply(gateway(upstream(), start=False), **{missing: ""})
    assert done.returncode != 0 and missing in done.stderr


# ---- before a commit

def test_the_hook_checks_the_files_that_it_is_given(folder):
    hook, = yaml.safe_load(HOOKS.read_text())
    assert hook["language"] == "script"
    for path, wanted in (("gateway.yaml", True), ("conf/gateway.yml", True), ("gateway.json", True), ("mygateway.yaml", False), ("gateway.yaml.bak", False)):
        assert bool(re.search(hook["files"], path)) == wanted, path

    def check(*words):
        return subprocess.run([str(HOOKS.with_name(hook["entry"])), *words], cwd=folder, env={**os.environ, "WEIR": binary()}, capture_output=True,
                              text=True, timeout=30)
    (folder / "b").mkdir()
    good, bad = configuration(folder), configuration(folder, "b/gateway.yaml", rate="much")
    assert check(good).returncode == 0
    for order in ((good, bad), (bad, good)):
        done = check(*order)
        assert done.returncode == 1 and "b/gateway.yaml:" in done.stdout, done
    assert check("--folder", "b", good).returncode == 1
    assert check().returncode == 0
