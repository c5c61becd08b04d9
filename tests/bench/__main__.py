"""Runs benches one after the other: `python -m tests.bench [NAME …]`; all without a name."""

import runpy
import sys
from pathlib import Path

PARTS = {"bare", "load", "many", "receiver", "servers", "sink"}
"""Modules that are parts of benches."""


def _names() -> list[str]:
    found = {each.stem for each in Path(__file__).parent.glob("*.py") if each.stem[0] != "_"}
    return sorted(found - PARTS)


if __name__ == "__main__":
    asked = sys.argv[1:] or _names()
    if unknown := set(asked) - set(_names()):
        names = ", ".join(_names())
        sys.exit(f"no bench is called {', '.join(sorted(unknown))}; there are {names}")
    sys.argv[1:] = []
    for name in asked:
        print(f"\n== {name}", flush=True)
        runpy.run_module(f"tests.bench.{name}", run_name="__main__")
