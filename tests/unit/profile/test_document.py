"""docs/profile.md shows the rules as they are."""

import re
from pathlib import Path

from bus.profile import RULES

_PAGE = Path(__file__).parents[3] / "docs" / "profile.md"
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \| (.+) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)


def test_the_page_has_a_row_for_each_rule() -> None:
    """In the order of the table, with its level, its default, what it asks and where it is from."""
    assert _ROW.findall(_PAGE.read_text()) == [
        (rule.code, rule.keyword, rule.default, rule.detail, rule.section) for rule in RULES
    ]
