"""Holds an event against the table of rules."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Final

from bus.event import Event
from bus.profile import bsn
from bus.profile.rule import Case, Check, Finding, Rule, Values, Verdict
from bus.profile.rules import RULES

_REMEMBERED: Final = 1_024
_LONGEST: Final = 256
"""Values of `source` and of `type`, and how many characters of one: they are the senders'."""


class Judge:
    """Judges the events of a domain; what is off is not looked for."""

    def __init__(self, verdicts: Mapping[str, Verdict], bsn_allow: Collection[str]) -> None:
        self._verdicts = verdicts
        self._bsn_allow = bsn_allow
        rules = [rule for rule in RULES if verdicts[rule.code] != "off"]
        checks = [(r, r.check) for r in rules if callable(r.check)]
        self._always: list[tuple[Rule, Check]] = [each for each in checks if not each[0].needs]
        self._sometimes = [each for each in checks if each[0].needs]
        self._needed = frozenset[str]().union(*(rule.needs for rule, _ in self._sometimes))
        self._guarded = [rule for rule in rules if rule.check is None]
        values = [(r, r.check) for r in rules if isinstance(r.check, Values)]
        self._of_source = self._by_value(each for each in values if each[1].attribute == "source")
        self._of_type = self._by_value(each for each in values if each[1].attribute == "type")

    def __call__(
        self, event: Event, *, now: float, by_source: bool = False, size: int = 0
    ) -> list[Finding]:
        """Give all that is found in a valid event.

        `now` in unix seconds; `by_source`: it is ordered by its source; `size` in the log.
        """
        case = Case(event, now, by_source, size)
        found = [*self._of_source(event.source), *self._of_type(event.type)]
        for rule, check in self._always:
            if names := check(case):
                found += [self._finding(rule, name) for name in names]
        if numbers := bsn.numbers_in(event, self._bsn_allow):
            found += [self._finding(r, name) for r in self._guarded for name in numbers[r.code]]
        if not self._needed.isdisjoint(event.attributes):
            for rule, check in self._sometimes:
                if not rule.needs.isdisjoint(event.attributes):
                    found += [self._finding(rule, name) for name in check(case)]
        return found

    def _finding(self, rule: Rule, attribute: str) -> Finding:
        return Finding(rule, attribute, self._verdicts[rule.code])

    def _by_value(
        self, rules: Iterable[tuple[Rule, Values]]
    ) -> Callable[[str], tuple[Finding, ...]]:
        """Give what these rules find in a value, remembered."""
        judged = list(rules)

        @lru_cache(_REMEMBERED)
        def found(value: str) -> tuple[Finding, ...]:
            return tuple(
                self._finding(rule, values.attribute)
                for rule, values in judged
                if values.offends(value)
            )

        return lambda value: (found if len(value) <= _LONGEST else found.__wrapped__)(value)
