"""/v1/event-types/{type}/schemas: the versions of what the data of an event type looks like."""

import asyncio
import sys
from typing import Final

from bus.api.call import JSON, Answer, Call, answer
from bus.api.event_types import change, document, find, known
from bus.api.problem import Problem, body_errors
from bus.catalogue import EventType, Schema, parse_schema
from bus.catalogue.compatibility import Mode, read_faults, write_question
from bus.catalogue.schema import MEDIA_TYPE
from bus.event import Fault
from bus.observe.logging import LogEvent, get

_log = get()

_PROOF: Final = "from bus.catalogue.compatibility import main; main()"
_PROOF_SECONDS: Final = 20.0  # on the clock; it ends itself when it has worked for so much less
_one_proof = asyncio.Lock()


async def add(call: Call) -> Answer:
    """Add a version, compatible with the last as the type asks; the same again adds nothing."""
    schema = parse_schema(await call.json_body(MEDIA_TYPE, JSON))
    added = False

    async def store(current: EventType) -> None:
        nonlocal added
        last = current.latest
        if last is not None and last.schema == schema:
            return
        if last is not None:
            faults = await _incompatibilities(last.schema, schema, current.compatibility)
            if faults:
                detail = f"Not proven {current.compatibility} compatible with version "
                detail += f"{last.version}; nothing was stored."
                raise Problem(409, "incompatible-schema", detail, body_errors(faults))
        await call.house.event_types.add_version(current, schema.text)
        added = True

    changed = await change(call, store)
    shown = document(call.house, changed)["schemas"][-1]
    if not added:
        return answer(200, shown)
    _log.info(LogEvent.SCHEMA_ADDED, type=changed.type, version=str(shown["version"]))
    path = f"/v1/event-types/{changed.type}/schemas/{shown['version']}"
    return answer(201, shown, {"Location": path})


async def list_all(call: Call) -> Answer:
    """List the versions, the oldest first."""
    return answer(200, {"items": document(call.house, await known(call))["schemas"]})


async def get_one(call: Call) -> Answer:
    """Give one version, byte for byte as it was sent: what `dataschema` leads to."""
    type_, version = call.path["type"], call.path["version"]
    found = (await known(call)).version(version) or (await find(call, type_)).version(version)
    if found is None:
        raise Problem(404, "no-such-schema", "The event type has no schema of this version.")
    return Answer(200, found.schema.text.encode(), MEDIA_TYPE)


async def _incompatibilities(last: Schema, new: Schema, mode: Mode) -> list[Fault]:
    """Compare two versions in a process of its own, one at a time.

    A contrived schema keeps a proof busy for ever, and would keep this process from its work.
    """
    if mode == "none":
        return []
    async with _one_proof:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _PROOF),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(_PROOF_SECONDS):
                found, _ = await process.communicate(write_question(last, new, mode))
                return read_faults(found)
        except (TimeoutError, ValueError):  # it had more to do than it may
            return [Fault("", "not-proven", "this is too intricate to be compared")]
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
