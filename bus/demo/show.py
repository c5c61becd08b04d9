"""How a demonstration is shown: a live table on a terminal, lines elsewhere, JSON for programs."""

import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol

import orjson
from rich.console import Console
from rich.live import Live
from rich.table import Table

from bus.demo.components import Arrival

_COLUMNS: Final = ("event", "zaak", "component", "attempt", "latency")
_WIDTHS: Final = (26, 16, 13, 8, 9)
_AROUND: Final = 12
"""Lines of a terminal that are kept for what stands above and below the table."""


class Show(Protocol):
    """Somewhere to show a demonstration."""

    def opened(self) -> AbstractContextManager[object]:
        """Show arrivals for the length of the block."""
        ...

    def tell(self, facts: Mapping[str, str]) -> None:
        """Show where things are: the address, the token."""
        ...

    def arrived(self, arrival: Arrival) -> None:
        """Show an event that came to a component."""
        ...

    def verdict(self, differences: Sequence[str], arrivals: Sequence[Arrival]) -> None:
        """Show whether everything came as it should have."""
        ...


def show_for(*, as_json: bool) -> Show:
    """Give what fits where the output goes."""
    if as_json:
        return JsonLines()
    return LiveTable(Console(highlight=False)) if sys.stdout.isatty() else Lines()


class Lines:
    """A line for each arrival."""

    def opened(self) -> AbstractContextManager[object]:
        """Begin with the head of the table."""
        _print(_line(_COLUMNS))
        return nullcontext()

    def tell(self, facts: Mapping[str, str]) -> None:
        """Print a line for each fact."""
        for name, fact in facts.items():
            _print(f"  {name:<13}{fact}")

    def arrived(self, arrival: Arrival) -> None:
        """Print the line of an arrival."""
        _print(_line(_cells(arrival)))

    def verdict(self, differences: Sequence[str], arrivals: Sequence[Arrival]) -> None:
        """Print a sentence and `ok`, or the differences."""
        _print(_sentence(differences, arrivals))


class LiveTable:
    """The last arrivals in a table that stays where it is."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False)
        self._last: deque[Arrival] = deque(maxlen=max(5, console.height - _AROUND))

    def opened(self) -> AbstractContextManager[object]:
        """Draw the table until the block ends."""
        self._live.update(self._table())
        return self._live

    def tell(self, facts: Mapping[str, str]) -> None:
        """Print a line for each fact."""
        for name, fact in facts.items():
            self._console.print(f"  {name:<13}{fact}", soft_wrap=True, markup=False)

    def arrived(self, arrival: Arrival) -> None:
        """Draw the table anew."""
        self._last.append(arrival)
        self._live.update(self._table(), refresh=True)

    def verdict(self, differences: Sequence[str], arrivals: Sequence[Arrival]) -> None:
        """Print a sentence and `ok`, or the differences."""
        self._console.print(_sentence(differences, arrivals), soft_wrap=True, markup=False)

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in _COLUMNS:
            table.add_column(name, no_wrap=True, min_width=len(name))
        for arrival in self._last:
            table.add_row(*_cells(arrival), style="" if arrival.taken else "yellow")
        return table


class JsonLines:
    """One JSON object a line."""

    def opened(self) -> AbstractContextManager[object]:
        """Do nothing."""
        return nullcontext()

    def tell(self, facts: Mapping[str, str]) -> None:
        """Print the facts as one object."""
        _print_json(dict(facts))

    def arrived(self, arrival: Arrival) -> None:
        """Print the arrival."""
        _print_json(
            {
                "id": arrival.event_id,
                "type": arrival.change.type,
                "zaak": arrival.change.zaak,
                "component": arrival.component,
                "attempt": arrival.attempt,
                "taken": arrival.taken,
                "latencySeconds": round(arrival.latency, 4),
            }
        )

    def verdict(self, differences: Sequence[str], arrivals: Sequence[Arrival]) -> None:
        """Print the verdict."""
        taken = sum(arrival.taken for arrival in arrivals)
        _print_json({"ok": not differences, "taken": taken, "differences": list(differences)})


def _cells(arrival: Arrival) -> tuple[str, ...]:
    latency = f"{arrival.latency * 1000:.0f} ms" if arrival.taken else "failed"
    return (
        arrival.change.type,
        arrival.change.zaak,
        arrival.component,
        str(arrival.attempt),
        latency,
    )


def _line(cells: Sequence[str]) -> str:
    padded = (f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
    return "".join(padded).rstrip()


def _sentence(differences: Sequence[str], arrivals: Sequence[Arrival]) -> str:
    if differences:
        return "\n".join([*differences, f"not ok: {len(differences)} differences"])
    latencies = sorted(arrival.latency for arrival in arrivals if arrival.attempt == 1)
    median = latencies[len(latencies) // 2] if latencies else 0.0
    taken = sum(arrival.taken for arrival in arrivals)
    return (
        f"{taken} deliveries, each as it should be; the median first attempt came "
        f"{median * 1000:.0f} ms after its change\nok"
    )


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _print_json(document: Mapping[str, Any]) -> None:
    _print(orjson.dumps(document).decode())
