"""The list of the broker's files."""

import re

from bus.embedded.jars import default_cache
from bus.embedded.pins import pinned


def test_every_file_is_pinned_whole() -> None:
    """Each line has exact coordinates, a SHA-256 and a size; no file is there twice."""
    jars = pinned()
    assert len({jar.name for jar in jars}) == len(jars) > 25
    for jar in jars:
        assert re.fullmatch(r"[0-9a-f]{64}", jar.sha256), jar.name
        assert re.fullmatch(r"\d+(\.\d+)+(-\d+)?", jar.version), jar.name
        assert jar.size > 0
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {"4.3.1"}


def test_the_cache_follows_the_desktop_standard() -> None:
    """XDG_CACHE_HOME says where it is, else it is under the home folder."""
    assert str(default_cache({"XDG_CACHE_HOME": "/x"})) == "/x/gemeentebus"
    assert default_cache({}).parts[-2:] == (".cache", "gemeentebus")
