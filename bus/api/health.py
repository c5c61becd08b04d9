"""/healthz, /readyz and /metrics: for those who keep the process running."""

import asyncio

from bus.api.call import Answer, Call, answer
from bus.log.errors import LogError
from bus.observe import metrics
from bus.store.errors import StoreError, StoreUnavailable

_PATIENCE_SECONDS = 3.0


async def healthz(_: Call) -> Answer:
    """Say that the process answers; what it depends on is not asked."""
    return answer(200, {"status": "ok"})


async def readyz(call: Call) -> Answer:
    """Say whether the log and the store answer; the cause stands beside the one that does not."""
    async with asyncio.TaskGroup() as tasks:
        log = tasks.create_task(_log(call))
        store = tasks.create_task(_store(call))
    causes = {"log": log.result(), "store": store.result()}
    ready = not any(causes.values())
    document = {"status": "ok" if ready else "unavailable"}
    document |= {name: cause or "ok" for name, cause in causes.items()}
    headers = {} if ready else {"Retry-After": "1"}
    return answer(200 if ready else 503, document, headers)


async def show_metrics(_: Call) -> Answer:
    """Give every metric in Prometheus' text format."""
    return Answer(200, metrics.render(), metrics.CONTENT_TYPE)


async def _log(call: Call) -> str | None:
    """Give why the log cannot be used, None if it can."""
    try:
        topics = [domain.topic for domain in call.house.directory.now.domains]
    except StoreUnavailable:
        topics = []  # the store's own line says why
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            there = await call.house.topics.partitions(topics)
    except (LogError, TimeoutError) as error:
        return f"Kafka does not answer: {type(error).__name__}"
    if not call.house.writer.available:
        return "the producer has no connection to Kafka yet"
    missing = sorted(set(topics) - set(there))
    return f"topics are missing: {', '.join(missing)}" if missing else None


async def _store(call: Call) -> str | None:
    """Give why the store cannot be used, None if it can."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await call.house.directory.refresh()
    except (StoreError, TimeoutError) as error:
        return f"Postgres cannot be used: {type(error).__name__}: {error}"
    return None
