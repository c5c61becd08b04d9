"""Feeds the codec what atheris makes up: `python -m tests.fuzz.codec CORPUS… [-libFuzzer=option]`.

Only modules that are run so know atheris, which is not there for every platform.
"""

import sys

import atheris

with atheris.instrument_imports(include=["bus.codec", "bus.event", "bus.document"]):
    from tests.fuzz.wire import one

if __name__ == "__main__":
    atheris.enabled_hooks.add("RegEx")
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
