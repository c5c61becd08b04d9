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


def test_findings_are_bounded_and_hold_no_bsn() -> None:
    """A label that senders choose cannot grow for ever, nor say who somebody is."""
    findings = metrics.ProfileFindings(limit=2)
    for source in ["urn:t:a", "urn:t:bsn:999990342", "urn:t:c", "urn:t:d", "urn:t:a"]:
        findings.count("nl.d", source, "a-rule", "warn")
    found = {each.source: each.count for each in findings.of("nl.d")}
    assert found == {"urn:t:a": 2, "urn:t:bsn:*********": 1, "other": 2}
    assert findings.of("nl.e") == []
    text = metrics.render().decode()
    start = 'gemeentebus_profile_findings_total{domain="nl.d",rule="a-rule",source='
    assert value(text, f'{start}"urn:t:a"') == 2
    assert value(text, f'{start}"other"') == 2
    assert "urn:t:c" not in text
    assert "999990342" not in text
