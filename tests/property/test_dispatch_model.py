"""The engine's core in a hostile world: invariants 1, 2, 6 and 7 of design §3 at every step.

BUS_SOAK_SEED=4199 BUS_SOAK_RUNS=1 has `make soak` take one seed again: it is always the same run.
"""

import os
from collections.abc import Callable

import pytest

from consumers.dispatch import invalid, room, stream, window
from consumers.dispatch.member import Member
from tests.property.dispatch_world import World

STEPS: tuple[tuple[Callable[[World], None], int], ...] = (
    (World.publish, 6),
    (World.read, 8),
    (World.read_scan, 8),
    (World.send, 10),
    (World.answer, 10),
    (World.save, 6),
    (World.follow, 3),
    (World.pass_time, 4),
    (World.subscribe, 2),
    (World.change_filter, 1),
    (World.change_state, 1),
    (World.ask_for_replay, 1),
    (World.ask_for_redrive, 1),
    (World.delete, 1),
    (World.heal, 1),
    (World.stop_as_planned, 1),
    (World.refuse_exceptions, 1),
    (World.lapse, 1),
)
RUNS = 40
LENGTH = 400


def run(world: World, *, crashes: bool) -> None:
    """Take random steps, then turn every fault off and see all that is owed arrive."""
    steps = [step for step, weight in STEPS for _ in range(weight)]
    if crashes:
        steps += [World.crash, World.take_again, World.stop_past_the_deadline, World.retain]
        steps += [World.make_anew]
        if world.crowded:  # what is on the wire then is repeated
            steps += [World.lose_sight] * 2
    for _ in range(LENGTH):
        world.rng.choice(steps)(world)
    world.drain()
    if not crashes:
        assert world.repeats == 0, "repeated without a crash"


def make_small(patch: pytest.MonkeyPatch) -> None:
    """Make every bound so small that short runs meet it, and each seed always the same run."""
    patch.setattr(Member, "__hash__", lambda self: hash(self.subscriber.identity))
    patch.setattr(window, "MAX_EVENTS", 6)
    patch.setattr(window, "MAX_BYTES", 4_000)
    patch.setattr(stream, "TAIL_STEP", 4)
    patch.setattr(invalid, "MAX_INVALID", 3)
    patch.setattr(room, "MAX_PARKED", 8)
    patch.setattr(room, "MAX_PARKED_BYTES", 4_500)
    patch.setattr(room, "FEW_PARKED", 2)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


def run_seed(seed: int, *, crashes: bool) -> None:
    """Run the world of a seed; name the seed when it fails."""
    try:
        run(World(seed), crashes=crashes)
    except Exception as error:
        error.add_note(f"seed {seed}, {'with' if crashes else 'without'} crashes")
        raise


@pytest.mark.parametrize("batch", range(4))
def test_nothing_is_lost_or_reordered_by_crashes(batch: int) -> None:
    """Each committed state covers every matching event, and each lane keeps its order."""
    for seed in range(batch * RUNS, (batch + 1) * RUNS):
        run_seed(seed, crashes=True)


@pytest.mark.parametrize("batch", range(2))
def test_nothing_is_repeated_without_a_crash(batch: int) -> None:
    """Planned stops, lost commits, full windows and filter changes repeat no delivery."""
    for seed in range(batch * RUNS, (batch + 1) * RUNS):
        run_seed(seed, crashes=False)


@pytest.mark.soak
def test_the_world_for_long() -> None:
    """As many runs as one likes, from a seed that one likes, with crashes and without."""
    first = int(os.environ.get("BUS_SOAK_SEED", "1000"))
    for seed in range(first, first + int(os.environ.get("BUS_SOAK_RUNS", "2000"))):
        run_seed(seed, crashes=True)
        run_seed(seed, crashes=False)
