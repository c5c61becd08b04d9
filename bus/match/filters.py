"""Filters of the CloudEvents Subscriptions API, compiled once to closures.

All see context attributes only, never the data. exact, prefix and suffix compare canonical
strings, case-sensitively, and a missing attribute fails them; so `{"not": {"exact": {"a": "b"}}}`
passes when `a` is missing. sql passes on Boolean true alone: an error, such as a missing attribute,
and any other value fail it, and so `{"sql": "NOT (a = 'b')"}` fails when `a` is missing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bus.event import canonical
from bus.match import cesql
from bus.match.cesql import Getter

Predicate = Callable[[Getter], bool]

_Test = Callable[[str, str], bool]
_TESTS: dict[str, _Test] = {"exact": str.__eq__, "prefix": str.startswith, "suffix": str.endswith}


def compile_filters(filters: Sequence[Mapping[str, Any]]) -> Predicate:
    """Compile filters that `bus.subscription.check_filters` found sound: all must pass.

    Raises ValueError for a dialect it does not know and for sql that cannot be read: a subscription
    that cannot be judged must not match everything.
    """
    return _all([_compile(one) for one in filters])


def _compile(expression: Mapping[str, Any]) -> Predicate:
    ((dialect, operand),) = expression.items()
    match dialect:
        case "exact" | "prefix" | "suffix":
            test = _TESTS[dialect]
            return _all([_attribute(name, test, wanted) for name, wanted in operand.items()])
        case "all":
            return _all([_compile(one) for one in operand])
        case "any":
            return _any([_compile(one) for one in operand])
        case "not":
            return _not(_compile(operand))
        case "sql":
            return _sql(operand)
        case _:
            raise ValueError(f"unknown filter dialect {dialect!r}")


def _attribute(name: str, test: _Test, wanted: str) -> Predicate:
    def passes(get: Getter) -> bool:
        value = get(name)
        return value is not None and test(canonical(value), wanted)

    return passes


def _sql(text: str) -> Predicate:
    evaluate = cesql.compile_tree(cesql.parse(text).tree)

    def passes(get: Getter) -> bool:
        try:
            return evaluate(get) is True
        except cesql.Failure:
            return False

    return passes


def _not(inner: Predicate) -> Predicate:
    return lambda get: not inner(get)


def _anything(_get: Getter) -> bool:
    return True


def _all(parts: Sequence[Predicate]) -> Predicate:
    if not parts:
        return _anything  # one for the many subscriptions that have no filter
    if len(parts) == 1:
        return parts[0]

    def passes(get: Getter) -> bool:
        for part in parts:  # noqa: SIM110 - all() over a generator takes 2.6 times as long
            if not part(get):
                return False
        return True

    return passes


def _any(parts: Sequence[Predicate]) -> Predicate:
    def passes(get: Getter) -> bool:
        for part in parts:  # noqa: SIM110 - as in _all
            if part(get):
                return True
        return False

    return passes
