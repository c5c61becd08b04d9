"""Laws of filters and of the index."""

from collections.abc import Callable, Mapping
from typing import Any, Self

from hypothesis import given, settings
from hypothesis import strategies as st

from bus.match import Index, compile_filters
from bus.subscription import check_filters
from tests.property.cesql_expressions import Error, Said, expressions

Event = dict[str, str | int | bool]
Filter = dict[str, Any]
Test = Callable[[str, str], bool]


class Sql(str):
    """The text of an expression that still knows what it says."""

    __slots__ = ("said",)

    def __new__(cls, said: Said) -> Self:
        """Take the text of it."""
        self = super().__new__(cls, said.text)
        self.said = said
        return self


NAMES = st.sampled_from(["type", "source", "subject", "region", "count", "urgent"])
TEXTS = st.sampled_from(["a", "b", "ab", "aba", "7", "true"])  # few, so that they often match

EVENTS: st.SearchStrategy[Event] = st.builds(
    lambda required, others: {**others, **required},
    st.fixed_dictionaries({"type": TEXTS, "source": TEXTS}),
    st.dictionaries(NAMES, TEXTS | st.sampled_from([7, 8, True, False]), max_size=4),
)

SQL: st.SearchStrategy[Filter] = expressions(NAMES, TEXTS, max_leaves=4).map(
    lambda said: {"sql": Sql(said)}
)

FILTERS: st.SearchStrategy[Filter] = st.recursive(
    st.builds(
        lambda dialect, attributes: {dialect: attributes},
        st.sampled_from(["exact", "prefix", "suffix"]),
        st.dictionaries(NAMES, TEXTS, min_size=1, max_size=3),
    )
    | SQL,
    lambda inner: (
        st.builds(lambda one: {"not": one}, inner)
        | st.builds(
            lambda dialect, some: {dialect: some},
            st.sampled_from(["all", "any"]),
            st.lists(inner, min_size=1, max_size=3),
        )
    ),
    max_leaves=6,
)

ORGANISATIONS = st.sampled_from(["A", "B", "C"])
SUBSCRIPTIONS = st.fixed_dictionaries(
    {
        "types": st.lists(TEXTS, max_size=3),
        "source": st.none() | TEXTS,
        "filters": st.lists(SQL, max_size=1) | st.lists(FILTERS, max_size=3),
        "organisation": ORGANISATIONS,
    }
)


def passes(expression: Filter, event: Event) -> bool:
    """Judge one filter by the compiled form."""
    return compile_filters([expression])(event.get)


def plainly(expression: Filter, event: Event) -> bool:
    """Judge one filter as the text of the standard reads, without any preparation."""
    ((dialect, operand),) = expression.items()
    if dialect == "not":
        return not plainly(operand, event)
    if dialect in ("all", "any"):
        results = [plainly(one, event) for one in operand]
        return all(results) if dialect == "all" else any(results)
    if dialect == "sql":
        try:
            return operand.said.of(event) is True
        except Error:
            return False
    texts = {name: str(value).lower() for name, value in event.items()}
    tests: dict[str, Test] = {"exact": str.__eq__, "prefix": str.startswith, "suffix": str.endswith}
    return all(
        name in texts and tests[dialect](texts[name], value) for name, value in operand.items()
    )


@given(FILTERS, EVENTS)
def test_compiled_filters_judge_as_the_standard_reads(expression: Filter, event: Event) -> None:
    """Compiling changes the speed and nothing else."""
    assert passes(expression, event) == plainly(expression, event)


@given(FILTERS, EVENTS)
def test_not_inverts(expression: Filter, event: Event) -> None:
    """Whatever a filter says, its negation says the opposite, twice negated it says the same."""
    negated = {"not": expression}
    assert passes(negated, event) != passes(expression, event)
    assert passes({"not": negated}, event) == passes(expression, event)


@given(st.lists(FILTERS, min_size=1, max_size=3), EVENTS)
def test_de_morgan(some: list[Filter], event: Event) -> None:
    """Not all is any not; not any is all not."""
    negated = [{"not": one} for one in some]
    assert passes({"not": {"all": some}}, event) == passes({"any": negated}, event)
    assert passes({"not": {"any": some}}, event) == passes({"all": negated}, event)


@given(st.lists(FILTERS, max_size=3), EVENTS)
def test_a_list_of_filters_is_all_of_them(some: list[Filter], event: Event) -> None:
    """And the empty list lets everything through."""
    assert compile_filters(some)(event.get) == all(passes(one, event) for one in some)


@given(st.lists(FILTERS, max_size=3))
def test_sound_filters_are_found_sound(some: list[Filter]) -> None:
    """Whatever is made of the dialects within the bounds has no fault."""
    assert check_filters(some) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["exact", "prefix", "all", "any", "not", "sql", "type", ""]),
            inner,
            max_size=2,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_filters_without_a_fault_can_be_run(anything: object) -> None:
    """Nothing gets past the check that the engine would stumble over."""
    if not check_filters(anything):
        assert isinstance(anything, list)
        compile_filters(anything)({"type": "a"}.get)


@given(SQL, st.lists(EVENTS, min_size=1, max_size=8))
@settings(max_examples=200)
def test_what_the_index_takes_from_sql_loses_no_event(sql: Filter, events: list[Event]) -> None:
    """Whatever the index looks a subscription up by, all that its filter lets pass is found."""
    index: Index[str] = Index()
    index.add("s", filters=[sql], organisation="A")
    for event in events:
        found = index.match(str(event["type"]), event.get, frozenset({"A"}))
        assert found == (["s"] if plainly(sql, event) else [])


def linear_scan(
    subscriptions: Mapping[int, dict[str, Any]], event: Event, readers: frozenset[str]
) -> set[int]:
    """Find the subscriptions for an event by asking each."""
    return {
        key
        for key, each in subscriptions.items()
        if each["organisation"] in readers
        and (not each["types"] or event["type"] in each["types"])
        and each["source"] in (None, event["source"])
        and all(plainly(one, event) for one in each["filters"])
    }


@given(
    st.lists(st.tuples(st.integers(0, 7), st.none() | SUBSCRIPTIONS), max_size=16),
    st.lists(st.tuples(EVENTS, st.frozensets(ORGANISATIONS)), min_size=1, max_size=4),
)
def test_the_index_finds_what_a_linear_scan_finds(
    changes: list[tuple[int, dict[str, Any] | None]],
    events: list[tuple[Event, frozenset[str]]],
) -> None:
    """After any additions, replacements and removals; and what it finds it also wants."""
    index: Index[int] = Index()
    subscriptions: dict[int, dict[str, Any]] = {}
    for key, subscription in changes:
        if subscription is not None:
            subscriptions[key] = subscription
            index.add(key, **subscription)
        elif key in subscriptions:
            del subscriptions[key]
            index.remove(key)
    for event, readers in events:
        type_ = str(event["type"])
        found = index.match(type_, event.get, readers)
        assert sorted(found) == sorted(linear_scan(subscriptions, event, readers))
        assert index.wants(type_) or not found
    for key in subscriptions:
        index.remove(key)
    assert index._tree == {}
