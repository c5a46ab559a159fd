"""Every command that the guide shows is run, and prints what the guide says."""
import contextlib
import os
import signal
from pathlib import Path

import pytest
import yaml
from harness.gateway import ROOT, binary
from harness.tour import check_document
from test_quickstart import quickstart   # noqa: F401  the fixture: the quick start's gateway, running


@pytest.mark.parametrize("page", ["commands", "admin", "plan", "advise", "testing", "pipelines"])
def test_the_guide_prints_what_it_says(quickstart, page):   # noqa: F811
    ports, folder = quickstart
    try:
        check_document(ROOT / f"docs/guide/{page}.md", ports, folder)
    finally:
        left = folder / "weir.pid"   # of the gateway that the page starts, where it did not come to stop it
        if left.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(left.read_text()), signal.SIGKILL)


def test_the_page_on_drills_prints_what_it_says(folder):
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "build").mkdir()
    (folder / "build/release").symlink_to(Path(binary()).parent)
    check_document(ROOT / "docs/guide/drill.md", {}, folder)


def test_the_scenario_of_the_page_is_the_one_that_is_run():
    page, file = (yaml.safe_load(text) for text in (
        (ROOT / "docs/guide/drill.md").read_text().split("```yaml\n")[1].split("```")[0], (ROOT / "examples/drill/short.yaml").read_text()))
    assert page == file
