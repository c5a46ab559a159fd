#!/usr/bin/env python3
"""The rules of the house as a test. Prints one line per finding, PATH:LINE: RULE: what is wrong and what to write
instead, and ends with a count; exit code 1 when there is any finding, notes not counted.

  tools/tidy.py [--fast] [--root DIR]      --fast: nothing is compiled or formatted
"""
import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from house import compile, docs, layers, names, sizes, texts   # noqa: E402
from house.sources import Tree   # noqa: E402


def findings(root, fast=False):
    tree = Tree(root)
    for module in [layers, names, texts, sizes, docs] + ([] if fast else [compile]):
        for rule in module.RULES:
            yield from rule(tree)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--root", default=Path(__file__).parent.parent)
    options = parser.parse_args()
    started = time.monotonic()
    found = sorted(set(findings(options.root, options.fast)), key=lambda f: (f.warning, f.path, f.line))
    for finding in found:
        print(finding)
    faults = sum(not f.warning for f in found)
    print(f"tidy: {faults} findings, {len(found) - faults} notes, {time.monotonic() - started:.1f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
