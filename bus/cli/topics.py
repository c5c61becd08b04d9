"""`bus topics`: how each topic is doing."""

from bus.cli.client import Url, call
from bus.cli.show import AsJson, print_json, show

_COLUMNS = ["topic", "partition", "endOffset", "eventsPerSecond", "lagEvents", "lagSeconds"]


def topics(*, url: Url = None, as_json: AsJson = False) -> None:
    """Show each topic and partition: end offset, events per second, lag of its stream."""
    items = call("GET", "/v1/topics", url=url)["items"]
    if as_json:
        print_json(items)
        return
    rows = [{"topic": item["topic"], **row} for item in items for row in item["partitions"]]
    show(rows, [*_COLUMNS, "owner"], as_json=False)
