"""Which subscriptions an event is for: pure functions of its context attributes."""

from bus.match.cesql import Getter
from bus.match.filters import Predicate, compile_filters
from bus.match.index import Index

__all__ = ["Getter", "Index", "Predicate", "compile_filters"]
