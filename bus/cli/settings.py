"""`bus settings`: what can be set, and how it is set now."""

from typing import Any

from bus.cli.show import AsJson, show
from bus.settings import Settings, table


def settings(*, as_json: AsJson = False) -> None:
    """List every setting: variable, type, default, and what it is. Secrets are not shown."""
    rows: list[dict[str, Any]] = [
        {
            "variable": row.variable,
            "type": row.type,
            "default": row.default or None,
            "now": row.value,
            "needed by": list(row.required_for),
            "sentence": row.sentence,
        }
        for row in table(Settings.load())
    ]
    show(rows, ["variable", "type", "default", "now", "needed by", "sentence"], as_json=as_json)
