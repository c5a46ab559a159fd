"""Options for all of tests/: --all runs the tests marked long too (./dev test --all)."""
import pytest


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also the tests marked long")


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes long; run by ./dev test --all")
    config.addinivalue_line("markers", "alone: measures rates and times; run by ./dev after the others, with nothing beside it")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--all"):
        return
    long = [item for item in items if item.get_closest_marker("long")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("long")]
