"""Plays every scenario of tests/wire/ against the gateway, each with a gateway of its own."""
from pathlib import Path

import pytest
from harness import wire

WIRE = Path(__file__).parents[1] / "wire"
SCENARIOS = sorted(WIRE.glob("**/*.txt"))


@pytest.mark.parametrize("path", SCENARIOS, ids=[str(p.relative_to(WIRE).with_suffix("")) for p in SCENARIOS])
def test_scenario(path, gateway):
    scenario = wire.parse(path)

    def start(upstream_port, settings):
        return gateway(upstream_port, **{"workers": 1, **settings})   # one pool: the order of upstream connections is certain
    wire.run(scenario, path.relative_to(WIRE.parent), start)
