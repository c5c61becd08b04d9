"""What runs behind `bus dev`: servers, then roles, and their end, within one data folder."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from bus.embedded import jars
from bus.embedded.datadir import DataDir, secret_key
from bus.embedded.errors import Stopped
from bus.embedded.lifetime import beside, ended_by_signals
from bus.embedded.servers import Options, Servers
from bus.embedded.supervise import Role, RoleService, Say, keep_running

__all__ = ["Dev", "Options", "Role", "role_argv", "running"]

# Seconds; with what the servers take below the ten that `bus dev` has from SIGTERM to its end.
_ROLES_WITHIN = 6.5
# Roles of `bus dev` drain for less than they may in production, for the same reason.
_DRAIN_SECONDS = "2"


class Dev:
    """The bus on this machine, as its hooks see it."""

    def __init__(
        self, data: DataDir, *, kafka_bootstrap: str, database_url: str, token: str | None
    ) -> None:
        self.data = data
        self.kafka_bootstrap = kafka_bootstrap
        self.database_url = database_url
        self.token = data.secret("token", given=token)
        self.secret_key = data.secret("secret-key", secret_key)
        self._shared = {
            "BUS_KAFKA_BOOTSTRAP": kafka_bootstrap,
            "BUS_DATABASE_URL": database_url,
            "BUS_SECRET_KEY": self.secret_key,
            "BUS_TOKEN": self.token,
        }
        self.share()

    @property
    def environment(self) -> Mapping[str, str]:
        """Give the settings that every role needs."""
        return self._shared | {"BUS_DRAIN_SECONDS": _DRAIN_SECONDS}

    def share(self, **variables: str) -> None:
        """Add settings to D/env, which lets other commands on this machine join."""
        self._shared |= variables
        self.data.write_environment(self._shared)

    async def forever(self) -> None:
        """Wait until a signal ends it all."""
        await asyncio.Event().wait()


Prepare = Callable[[Dev], Awaitable[None]]
Roles = Callable[[Dev], Sequence[Role]]


@contextlib.asynccontextmanager
async def running(
    options: Options,
    *,
    prepare: Prepare,
    roles: Roles,
    say: Say = lambda _: None,
    progress: jars.OnProgress = lambda _: None,
) -> AsyncIterator[Dev]:
    """Run the servers, `prepare`, then the roles, as long as the body runs; then stop them all.

    SIGTERM, SIGINT and SIGHUP end the body early, as a cancellation that goes no further than this.
    Whatever dies is started again. Roles start in their order and stop in the reverse one, before
    the servers; all together within ten seconds. Our own death, even by kill -9, ends them too.
    Raises EmbeddedProblem: DataDirInUse, JarsUnavailable, StartFailed, Stopped …
    """
    data = DataDir(options.data_dir)
    ready = False
    with data.locked(), ended_by_signals() as signals:
        servers = Servers(options, data, say, progress)
        services: list[RoleService] = []
        try:
            bootstrap, url = await servers.start()
            dev = Dev(data, kafka_bootstrap=bootstrap, database_url=url, token=options.token)
            await prepare(dev)
            for role in roles(dev):
                services.append(_service(role, dev, options.environment))
                await services[-1].start()
            kept = (keep_running(service, say=say) for service in services)
            async with beside([*servers.duties(), *kept]):
                ready = True
                yield dev
        except asyncio.CancelledError:
            if not signals.asked:
                raise
            if not ready:
                raise Stopped("Stopped before everything ran.") from None
        finally:
            signals.ignore()
            await _stop(services)
            await servers.stop()


def role_argv(name: str) -> list[str | Path]:
    """Give the command line of a role, so that `ps` shows it: `…/bin/bus NAME`."""
    return [Path(sys.executable).with_name("bus"), name]


def _service(role: Role, dev: Dev, inherited: Mapping[str, str]) -> RoleService:
    log = dev.data.path / "logs" / f"{role.name}.log"
    return RoleService(role, environment={**inherited, **dev.environment}, log=log)


async def _stop(services: Sequence[RoleService]) -> None:
    """Stop the roles, the last started first; whoever takes too long is killed."""
    deadline = time.monotonic() + _ROLES_WITHIN
    for service in reversed(services):
        left = max(deadline - time.monotonic(), 0.1)
        await service.stop(min(service.role.stop_within, left))
