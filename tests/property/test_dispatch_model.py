"""The engine's core in a hostile world: invariants 1, 2 and 6 of design §3 at every step."""

from collections.abc import Callable

import pytest

from consumers.dispatch import admission, parking, stream, window
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
    for _ in range(LENGTH):
        world.rng.choice(steps)(world)
    world.drain()
    if not crashes:
        assert world.repeats == 0, "repeated without a crash"


def make_small(patch: pytest.MonkeyPatch) -> None:
    """Make every bound so small that short runs meet it."""
    patch.setattr(window, "MAX_EVENTS", 6)
    patch.setattr(stream, "TAIL_STEP", 4)
    for module in (admission, parking):
        patch.setattr(module, "MAX_PARKED", 8)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small(monkeypatch)


@pytest.mark.parametrize("batch", range(4))
def test_nothing_is_lost_or_reordered_by_crashes(batch: int) -> None:
    """Each committed state covers every matching event, and each lane keeps its order."""
    for seed in range(batch * RUNS, (batch + 1) * RUNS):
        try:
            run(World(seed), crashes=True)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize("batch", range(2))
def test_nothing_is_repeated_without_a_crash(batch: int) -> None:
    """Planned stops, lost commits, full windows and filter changes repeat no delivery."""
    for seed in range(batch * RUNS, (batch + 1) * RUNS):
        world = World(seed)
        try:
            run(world, crashes=False)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
