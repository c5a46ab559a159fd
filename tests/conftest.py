"""Options for all of tests/: --all runs the tests marked long too (./dev test --all)."""
import pytest


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also the tests marked long")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes long; run by ./dev test --all")
    config.addinivalue_line("markers", "slow: takes twelve seconds or more; begun among the first, so that none is waited for at the end")
    config.addinivalue_line("markers", "alone: measures rates and times; run by ./dev after the others, with nothing beside it")


def slow_ones_first(items):
    """Spread over the first quarter: each process that runs tests takes so many of them, one after the other, to begin with."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    rest = [item for item in items if not item.get_closest_marker("slow")]
    for number, item in reversed(list(enumerate(slow))):
        rest.insert(number * (len(rest) // 4) // len(slow), item)
    items[:] = rest


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--all"):
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    slow_ones_first(items)
