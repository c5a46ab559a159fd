#!/usr/bin/env python3
"""./dev stats: how long files and functions are, per room and over all. Numbers to think about, not limits."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from house.sizes import functions   # noqa: E402
from house.sources import Tree   # noqa: E402


def spread(values):
    """p50, p90 and the largest, by nearest rank."""
    ordered = sorted(values) or [0]
    return ordered[(len(ordered) - 1) // 2], ordered[(len(ordered) - 1) * 9 // 10], ordered[-1]


def main():
    tree = Tree(Path(__file__).parent.parent)
    product = [s for s in tree.cpp() if not s.is_test]
    tests = [s for s in tree.cpp() if s.is_test]
    print(f"{'room':10} {'files':>5} {'lines':>6}   file p50 p90 max     function p50 p90 max   test lines")
    for room in [*tree.layers.floor, "all"]:
        files = [s for s in product if room in ("all", s.room)]
        if not files:
            continue
        sizes = [len(s.lines) for s in files]
        lengths = [length for s in files for _, _, length in functions(s)]
        own_tests = sum(len(s.lines) for s in tests if room in ("all", s.room))
        print("{:10} {:5} {:6}        {:4} {:4} {:4}         {:4} {:4} {:4}   {:10}".format(
            room, len(files), sum(sizes), *spread(sizes), *spread(lengths), own_tests))


if __name__ == "__main__":
    main()
