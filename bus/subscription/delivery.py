"""How hard a sink is worked, and when a failed delivery is tried again."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bus.document import Model


def _filled(schedule: tuple[float, ...]) -> tuple[float, ...]:
    if not schedule:
        raise PydanticCustomError("too-few", "give at least one wait")
    return schedule


class RetryPolicy(Model):
    """When a failed delivery is tried again (design §4).

    `schedule` holds the seconds to wait after the first, second … failure; the last one repeats.
    Each wait is longer or shorter by a random part of at most `jitter`, so that subscribers who
    failed together do not return together. An event is given up when its next attempt would lie
    more than `limit` seconds after its first; a sink that did nothing but fail for `disable`
    seconds is not called any more.
    """

    schedule: Annotated[
        tuple[Annotated[float, Field(ge=0.1, le=86_400)], ...],
        Field(max_length=50),
        AfterValidator(_filled),  # min_length would count the sound entries only
    ] = (5, 60, 300, 1_800, 7_200, 18_000, 36_000)
    jitter: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    limit: Annotated[float, Field(ge=0, le=604_800)] = 259_200
    disable: Annotated[float, Field(ge=60, le=2_592_000)] = 432_000

    def exhausted(self, failures: int) -> bool:
        """Whether an event that failed so often is given up; jitter does not count."""
        waits = self.schedule[:failures]
        more = max(0, failures - len(self.schedule)) * self.schedule[-1]
        return sum(waits) + more > self.limit

    def delay(self, failures: int, roll: float) -> float:
        """Give the seconds to wait after `failures` ≥ 1; `roll` is random in [0, 1)."""
        wait = self.schedule[min(failures, len(self.schedule)) - 1]
        return wait * (1 + self.jitter * (2 * roll - 1))


class DeliveryOptions(Model):
    """How requests are made, and how many."""

    mode: Literal["structured", "binary", "batch"] = "structured"
    """The content mode of CloudEvents over HTTP. In binary mode an event without data, or whose
    data has no media type, comes structured all the same."""
    maxbatch: Annotated[int, Field(ge=1, le=1_000)] = 100
    """Events in one request at most, in mode batch."""
    concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    """Requests in flight at most."""
    rate: Annotated[float, Field(ge=0.01, le=100_000)] | None = None
    """Events per second at most that the subscriber wishes to get."""
    timeout: Annotated[float, Field(ge=1, le=120)] = 30
    """Seconds until an answer must be complete, the wait for a connection included."""
    firstbyte: Annotated[float, Field(ge=1, le=120)] | None = None
    """Seconds until an answer must begin; None: no sooner than it must be complete."""
    retry: RetryPolicy = RetryPolicy()
    attempts: Literal["failed", "all"] = "failed"
    """Which attempts are kept, to be looked up: a row for each."""
