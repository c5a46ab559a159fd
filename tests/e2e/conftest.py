"""Fixtures of the end-to-end tests. gateway(...) makes and starts a weir, upstream(...) a scripted peer, nginx() a real
one; all of them are stopped when the test ends, and a weir that died or complained of a fault of its own fails the test."""
import os
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from harness.drill import DrillProcess   # noqa: E402
from harness.gateway import Gateway, binary   # noqa: E402
from harness.nginx import Nginx   # noqa: E402
from harness.raw import Ended, RawUpstream   # noqa: E402

FAULTS = ("AddressSanitizer", "ThreadSanitizer", "runtime error:", "WEIR_CHECK", "check failed", "terminate called")


@pytest.fixture(scope="session", autouse=True)
def weir_is_built():
    binary()


@pytest.fixture
def folder():
    """A folder of the test's own, with a short path: unix sockets have room for 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="weir-e2e-") as path:
        os.chmod(path, 0o755)
        yield Path(path)


@pytest.fixture
def upstream():
    made = []

    def make(*scripts, **options):
        made.append(RawUpstream(*scripts, **options))
        return made[-1]
    yield make
    for one in made:
        one.stop()
    failures = [failure for one in made for failure in one.failures if isinstance(failure, AssertionError) and not isinstance(failure, Ended)]
    assert not failures, f"a scripted upstream failed: {failures}"


@pytest.fixture
def gateway(folder, request):
    made = []

    def make(*upstreams, start=True, **options):
        ports = [u if isinstance(u, int) else u.port for u in upstreams]
        own = folder / f"g{len(made)}"
        own.mkdir()
        made.append(Gateway(own, *ports, **options))
        if start:
            made[-1].start()
        return made[-1]
    yield make
    problems = []
    for one in made:
        try:
            one.stop()
        except Exception as error:   # noqa: BLE001 - the others are stopped all the same
            problems.append(str(error) or repr(error))
        if any(fault in one.stderr() for fault in FAULTS):
            problems.append(one.stderr()[-4000:])
    assert not problems, "\n".join(problems)


@pytest.fixture
def drill():
    """drill("upstream" or "fault", *options)."""
    made = []

    def make(*words):
        made.append(DrillProcess(*words))
        return made[-1]
    yield make
    problems = []
    for one in made:
        try:
            one.stop()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


@pytest.fixture
def nginx(folder):
    made = []

    def make(files=None):
        root = Path(files or folder / "files")
        root.mkdir(exist_ok=True)
        made.append(Nginx(folder, root))
        made[-1].files = root
        return made[-1]
    yield make
    for one in made:
        one.stop()
