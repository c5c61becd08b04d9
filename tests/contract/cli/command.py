"""Runs `bus …` as a process, with the environment that a user would have."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.api.bus_under_test import Bus

BUS = Path(sys.executable).with_name("bus")


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:  # noqa: ANN401 - JSON out
        """Read what `--json` printed."""
        assert self.code == 0, self.err
        return json.loads(self.out)


def environment(bus: Bus | None, **more: str) -> dict[str, str]:
    """Give the variables of a user of this bus, and of no other one."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith("BUS_")}
    if bus is not None:
        settings = bus.settings
        assert settings.database_url is not None
        assert settings.secret_key is not None
        clean |= {
            "BUS_URL": bus.url,
            "BUS_TOKEN": bus.tokens["all"],
            "BUS_DATABASE_URL": settings.database_url.get_secret_value(),
            "BUS_KAFKA_BOOTSTRAP": settings.kafka_bootstrap or "",
            "BUS_SECRET_KEY": settings.secret_key.get_secret_value(),
            "BUS_NAMESPACE": settings.namespace,
        }
    return clean | more


async def run(
    *arguments: str, env: Mapping[str, str], stdin: bytes = b"", cwd: Path | None = None
) -> Result:
    """Run a command to its end; a traceback is never right."""
    process = await asyncio.create_subprocess_exec(
        BUS,
        *arguments,
        env=dict(env),
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(40):
        out, err = await process.communicate(stdin)
    result = Result(process.returncode or 0, out.decode(), err.decode())
    assert "Traceback" not in result.out + result.err
    return result
