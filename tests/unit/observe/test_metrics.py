"""Metrics: one table, bounded labels."""

from bus.observe import metrics


def value(text: str, start: str) -> float:
    """Read one sample."""
    return sum(
        float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(start)
    )


def test_every_metric_is_ours_and_says_what_it_is() -> None:
    """Each family carries the prefix of the bus and a sentence."""
    families = [f for f in metrics.REGISTRY.collect() if not f.name.startswith("python_")]
    assert families
    assert all(f.name.startswith("gemeentebus_") and f.documentation for f in families)


def test_sources_of_key_fallbacks_are_bounded() -> None:
    """A label that senders choose cannot grow for ever."""
    fallbacks = metrics.KeyFallbacks(limit=2)
    for source in ["urn:t:a", "urn:t:b", "urn:t:c", "urn:t:d", "urn:t:a"]:
        fallbacks.count(source)
    text = metrics.render().decode()
    assert value(text, 'gemeentebus_key_fallbacks_total{source="urn:t:a"}') == 2
    assert value(text, 'gemeentebus_key_fallbacks_total{source="other"}') == 2
    assert "urn:t:c" not in text
