"""The tables of log lines and metrics hold nothing that the bus never says."""

from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from bus.observe import metrics
from bus.observe.events import LogEvent

ROOT = Path(__file__).parents[3]
SOURCE = "\n".join(
    path.read_text()
    for room in ("bus", "consumers", "producers")
    for path in (ROOT / room).rglob("*.py")
)
METRICS = [name for name, each in vars(metrics).items() if isinstance(each, MetricWrapperBase)]


@pytest.mark.parametrize("event", LogEvent)
def test_each_log_line_is_written_somewhere(event: LogEvent) -> None:
    """A name in the table that no code writes promises a line that never comes."""
    assert f"LogEvent.{event.name}" in SOURCE


@pytest.mark.parametrize("name", METRICS)
def test_each_metric_is_set_somewhere(name: str) -> None:
    """A metric that no code sets looks like a bus that stands still."""
    assert any(f"{name}.{act}" in SOURCE for act in ("inc", "set", "observe", "time", "labels"))
