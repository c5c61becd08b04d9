"""What matching costs: an event among 10,000 subscriptions and among 10; filters in CESQL.

Run as `python -m tests.bench.match [ROUNDS]`: microseconds on one core. Each round measures both
sizes one after the other, so that noise meets both; the ratio is the median of the rounds.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from bus.api.trial import Trial
from bus.codec import kafka
from bus.event import Event
from bus.match import Index, cesql, compile_filters
from tests.unit.dispatch.small_stream import Small

_TIMES = 5_000  # a round of some 10 ms, shorter than the noise of a busy machine
_MANY, _FEW = 10_000, 10
_ORGANISATIONS = 342

_EVENT = Event(
    id="4f9c3a2e-1111-2222-3333-444455556666",
    source="urn:nld:oin:00000001823288444000:systeem:zaken",
    type="nl.example.zaken.zaak-gewijzigd",
    attributes={
        "time": "2026-11-23T19:13:05.123456789Z",
        "subject": "zaak-2026-0001234567",
        "partitionkey": "zaak-2026-0001234567",
        "zaaktype": "vergunning",
        "count": 7,
    },
)
_READERS = frozenset({"oin-0", "oin-1", "oin-2"})

Wish = dict[str, Any]

WISHES: dict[str, Callable[[int], Wish]] = {
    "by types": lambda n: {"types": [_type(n)], "filters": [{"prefix": {"subject": "zaak-"}}]},
    "by sql on the type": lambda n: {
        "filters": [{"sql": f"type = '{_type(n)}' AND subject LIKE 'zaak-%'"}]
    },
    "one type, by an attribute": lambda n: {
        "types": [_EVENT.type],
        "filters": [{"exact": {"zaaktype": "vergunning" if n == 0 else f"soort-{n}"}}],
    },
    "one type, by sql on an attribute": lambda n: {
        "filters": [
            {"sql": f"type = '{_EVENT.type}' AND zaaktype = '{'vergunning' if n == 0 else n}'"}
        ],
    },
}
"""How the subscriptions differ of which number 0 alone matches."""

EXPRESSIONS = (
    "type = 'nl.example.zaken.zaak-gewijzigd'",
    "zaaktype = 'vergunning'",
    "count = 7",
    "zaaktype IN ('melding', 'bezwaar', 'vergunning')",
    "type LIKE 'nl.example.%'",
    "EXISTS subject",
    "zaaktype = 'vergunning' AND count > 3",
    "absent = 'x'",
    "(zaaktype = 'a' AND count < 3) OR (subject LIKE '%4567' AND NOT (zaaktype = 'melding'))",
)


def _type(number: int) -> str:
    return _EVENT.type if number == 0 else f"nl.example.soort-{number}"


def index_of(wish: Callable[[int], Wish], size: int) -> Index[int]:
    """Give an index of so many subscriptions, spread over the organisations."""
    index: Index[int] = Index()
    for number in range(size):
        index.add(number, organisation=f"oin-{number % _ORGANISATIONS}", **wish(number))
    return index


def matching(index: Index[int]) -> Callable[[], object]:
    """Give what is done for every event that somebody may want."""

    def match() -> object:
        if not index.wants(_EVENT.type):
            raise AssertionError
        return index.match(_EVENT.type, _EVENT.get, _READERS)

    if match() != [0]:
        raise AssertionError(match())
    return match


def cost(operation: Callable[[], object], times: int = _TIMES) -> float:
    """Give the microseconds of processor time that an operation takes."""
    begin = time.process_time_ns()
    for _ in range(times):
        operation()
    return (time.process_time_ns() - begin) / times / 1000


def sizes(rounds: int) -> dict[str, dict[str, float]]:
    """Compare an event among many subscriptions with one among few."""
    report: dict[str, dict[str, float]] = {}
    print(f"{'one of them matches':36}{_MANY:>9}{_FEW:>9}{'ratio':>8}")
    for name, wish in WISHES.items():
        many, few = (matching(index_of(wish, size)) for size in (_MANY, _FEW))
        pairs = [(cost(many), cost(few)) for _ in range(rounds)]
        line = {
            "many_us": round(statistics.median(m for m, _ in pairs), 2),
            "few_us": round(statistics.median(f for _, f in pairs), 2),
            "ratio": round(statistics.median(m / f for m, f in pairs), 2),
        }
        report[name] = line
        print(f"{name:36}{line['many_us']:9.2f}{line['few_us']:9.2f}{line['ratio']:8.2f}")
    return report


def expressions(rounds: int) -> dict[str, dict[str, float]]:
    """Measure a filter in sql: judging an event, and the reading and compiling before that."""
    report: dict[str, dict[str, float]] = {}
    print(f"\n{'sql':92}{'judge':>7}{'compile':>9}")
    for text in EXPRESSIONS:
        filters = [{"sql": text}]
        passes = compile_filters(filters)
        line = {
            "us": statistics.median(cost(lambda p=passes: p(_EVENT.get)) for _ in range(rounds)),
            "compile_us": statistics.median(
                cost(lambda f=filters: compile_filters(f), _TIMES // 10) for _ in range(rounds)
            ),
        }
        report[text] = {name: round(us, 2) for name, us in line.items()}
        print(f"{text:92}{line['us']:7.2f}{line['compile_us']:9.1f}")
    return report


def like(rounds: int) -> float:
    """Measure a pattern that takes a regular expression for ever, on a text of 10,000 letters."""
    tree = cesql.parse(f"text LIKE '{'%a_' * 20}%a_b%'").tree
    evaluate, event = cesql.compile_tree(tree), {"text": "a" * 10_000}
    milliseconds = statistics.median(
        cost(lambda: evaluate(event.get), 20) / 1000 for _ in range(rounds)
    )
    print(f"\nLIKE with 22 % and 21 _ on 10,000 letters: {milliseconds:.3f} ms")
    return round(milliseconds, 3)


_TEXTS = msgspec.structs.replace(
    _EVENT, attributes={n: each for n, each in _EVENT.attributes.items() if isinstance(each, str)}
)


class _Record(NamedTuple):
    """A record as a back-test reads it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


def past(rounds: int) -> dict[str, float]:
    """Measure what a back-test adds to the reading of a record."""
    headers, value = kafka.encode(_TEXTS)
    record = _Record("t", 0, 0, 1, b"k", value, headers)
    report: dict[str, float] = {}
    for name, number in (("of its type", 0), ("of another type", 1)):
        trial = Trial(index_of(lambda _, n=number: WISHES["by types"](n), 1), _readers, 0)
        report[name] = round(
            statistics.median(cost(lambda t=trial: t.take(record)) for _ in range(rounds)), 2
        )
        print(f"back-test, a record {name}: {report[name]:.2f} µs")
    return report


def unwanted(rounds: int) -> dict[str, float]:
    """Measure what the stream adds to the reading of a record that nobody wants."""
    report: dict[str, float] = {}
    forms = {
        "binary": kafka.encode(_TEXTS),
        "structured": kafka.encode_structured(_TEXTS),
        "binary, with an Integer": kafka.encode(_EVENT),
    }
    for name, (headers, value) in forms.items():
        records = [_Record("t", 0, each, 1, b"k", value, headers) for each in range(_TIMES)]

        def feed(records: Sequence[_Record] = records) -> None:
            stream = Small().stream()
            for record in records:
                stream.feed(record, 0.0)

        costs = [cost(feed, 1) / _TIMES for _ in range(rounds)]
        report[name] = round(statistics.median(costs), 2)
        print(f"the stream, a record that nobody wants, {name}: {report[name]:.2f} µs")
    return report


def _readers(_source: str, _topic: str) -> frozenset[str]:
    return _READERS


def main(rounds: int) -> None:
    """Print tables and a JSON line."""
    report = {"sizes": sizes(rounds), "sql": expressions(rounds), "like_ms": like(rounds)}
    report |= {"past_us": past(rounds), "unwanted_us": unwanted(rounds)}
    print(json.dumps({"bench": "match", "rounds": rounds, **report}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
