"""Feeds CESQL what atheris makes up: `python -m tests.fuzz.cesql CORPUS… [-libFuzzer=option]`."""

import sys

import atheris

with atheris.instrument_imports(include=["bus.match", "bus.subscription.filters"]):
    from tests.fuzz.expression import one

if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
