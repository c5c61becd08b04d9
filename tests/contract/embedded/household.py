"""Run by test_dev.py as a process of its own: `running` with two small roles.

Usage: household.py DATA CACHE; says `ready`, or a problem and exit code 1.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from bus.embedded.dev import Dev, Options, Role, running
from bus.embedded.errors import EmbeddedProblem

_ROLE = """
import os, signal, sys, time
def end(*_):
    with open(os.environ["ENDS"], "a") as ends:
        ends.write(sys.argv[1] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
with open(os.environ["BEGINS"], "a") as begins:
    begins.write(f"{sys.argv[1]} {os.getpid()}\\n")
while True:
    time.sleep(60)
"""


def _roles(dev: Dev) -> list[Role]:
    folder = dev.data.path
    script = folder / "bus"
    script.write_text(f"#!{sys.executable}\n{_ROLE}")
    script.chmod(0o755)
    env = {"BEGINS": str(folder / "begins"), "ENDS": str(folder / "ends")}
    return [Role(name=name, argv=[script, name], env=env) for name in ("dispatch", "api")]


async def _prepare(dev: Dev) -> None:
    dev.share(BUS_URL="http://127.0.0.1:1")


async def _main(data: Path, cache: Path) -> None:
    options = Options(data_dir=data, cache=cache, environment=os.environ)
    async with running(options, prepare=_prepare, roles=_roles, say=_say) as dev:
        _say("ready " + json.dumps({"kafka": dev.kafka_bootstrap, "postgres": dev.database_url}))
        await dev.forever()
    _say("stopped")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- how it speaks to the test


try:
    asyncio.run(_main(Path(sys.argv[1]), Path(sys.argv[2])))
except EmbeddedProblem as problem:
    sys.exit(str(problem))
