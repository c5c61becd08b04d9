"""What a demonstration finds wrong: each loss, repetition, reordering and surplus, no more."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bus.demo.components import COMPONENTS, Arrival, Component
from bus.demo.register import CHANGED, CREATED, REMOVED, Change
from bus.demo.verify import differences

DOSSIER, PERMITS, ARCHIVE = COMPONENTS
TREE, TILE, OLD = "VTH-2026-000002", "MOR-2026-000003", "VTH-2026-000001"
STORY = (
    Change(TREE, CREATED),
    Change(TILE, CREATED),
    Change(TREE, CHANGED),
    Change(TILE, REMOVED),
    Change(TREE, REMOVED),
)


def came(component: Component, changes: Iterable[Change], *, taken: bool = True) -> list[Arrival]:
    """Say that these changes came to a component, in this order."""
    return [
        Arrival(
            component=component.name,
            event_id="an id",
            change=change,
            attempt=1,
            taken=taken,
            latency=0.02,
        )
        for change in changes
    ]


def right() -> list[Arrival]:
    """Give what comes when all is well."""
    return [each for one in COMPONENTS for each in came(one, filter(one.wants, STORY))]


def found(arrivals: Sequence[Arrival], drawn: Iterable[str] = (TREE, TILE)) -> list[str]:
    """Give the differences between the story and what came."""
    return differences(STORY, arrivals, components=COMPONENTS, drawn=set(drawn))


def test_each_component_wants_what_its_subscription_says() -> None:
    """Types; a prefix with a suffix; everything."""
    assert [each.type for each in filter(DOSSIER.wants, STORY)] == [
        CREATED,
        CREATED,
        REMOVED,
        REMOVED,
    ]
    assert list(filter(PERMITS.wants, STORY)) == [Change(TREE, CHANGED)]
    assert list(filter(ARCHIVE.wants, STORY)) == list(STORY)


def test_all_as_it_should_be_is_no_difference() -> None:
    """Also when the zaken come in another order among themselves."""
    assert found(right()) == []
    assert found(sorted(right(), key=lambda each: each.change.zaak)) == []


def test_what_a_component_did_not_take_does_not_count() -> None:
    """A failed attempt is neither an arrival nor one too many."""
    failed = came(ARCHIVE, STORY[:1], taken=False)
    assert found([*failed, *right()]) == []
    assert found([replace(right()[0], taken=False), *right()[1:]]) == [
        f"dossier: {TREE}: {CREATED} did not come"
    ]


def test_another_component_having_it_is_no_help() -> None:
    """What one lacks is named, with its zaak."""
    arrivals = [each for each in right() if each.component != "vergunningen"]
    assert found(arrivals) == [f"vergunningen: {TREE}: {CHANGED} did not come"]


def test_what_was_not_asked_for_is_named() -> None:
    """A filter that let too much through."""
    assert found([*right(), *came(PERMITS, [Change(TILE, CHANGED)])]) == [
        f"vergunningen: {TILE}: {CHANGED} came, and should not have"
    ]


def test_what_was_rolled_back_is_named() -> None:
    """Its zaak was drawn, and nothing of it was committed."""
    undone = "VTH-2026-000004"
    arrivals = [*right(), *came(ARCHIVE, [Change(undone, CREATED)])]
    assert found(arrivals, (TREE, TILE, undone)) == [
        f"archief: {undone}: {CREATED} came, and should not have"
    ]


def test_what_an_earlier_run_left_is_nobodys_fault() -> None:
    """Events about zaken that were not opened in this run are left out."""
    assert found([*came(ARCHIVE, [Change(OLD, CHANGED), Change(OLD, REMOVED)]), *right()]) == []


def test_another_order_within_a_zaak_is_named() -> None:
    """With what came and what is right."""
    arrivals = [each for each in right() if each.component != "archief"]
    swapped = [STORY[2], STORY[0], STORY[4], STORY[1], STORY[3]]
    (text,) = found([*arrivals, *came(ARCHIVE, swapped)])
    head, _, right_order = text.partition("; ")
    assert head == f"archief: {TREE}: came as {CHANGED}, {CREATED}, {REMOVED}"
    assert right_order == f"right is {CREATED}, {CHANGED}, {REMOVED}"


@given(st.data())
def test_no_loss_and_no_repetition_goes_unseen(data: st.DataObject) -> None:
    """Whichever arrivals are dropped or doubled: each is a difference."""
    times = data.draw(st.lists(st.integers(0, 2), min_size=len(right()), max_size=len(right())))
    arrivals = [each for each, n in zip(right(), times, strict=True) for _ in range(n)]
    assert len(found(arrivals)) == sum(n != 1 for n in times)
