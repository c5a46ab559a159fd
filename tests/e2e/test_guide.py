"""Every command that the guide shows is run, and prints what the guide says."""
import contextlib
import os
import signal

import pytest
from harness.gateway import ROOT
from harness.tour import check_document
from test_quickstart import quickstart   # noqa: F401  the fixture: the quick start's gateway, running


@pytest.mark.parametrize("page", ["commands", "admin", "plan", "advise", "testing"])
def test_the_guide_prints_what_it_says(quickstart, page):   # noqa: F811
    ports, folder = quickstart
    try:
        check_document(ROOT / f"docs/guide/{page}.md", ports, folder)
    finally:
        left = folder / "weir.pid"   # of the gateway that the page starts, where it did not come to stop it
        if left.exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(left.read_text()), signal.SIGKILL)
