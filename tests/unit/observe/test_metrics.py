"""Metrics: one table, bounded labels."""

from prometheus_client import CollectorRegistry, Histogram

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


def test_timings_are_what_a_histogram_counts() -> None:
    """Kept without locks, they read the same as those of prometheus_client."""
    ours = metrics.Timings("test_seconds", "A test")
    bounds = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)
    theirs = Histogram(
        "gemeentebus_test_seconds", "A test", registry=CollectorRegistry(), buckets=bounds
    )
    try:
        for seconds in (0.0, 0.005, 0.0051, 0.3, 119.9, 120.0, 500.0):
            ours.observe(seconds)
            theirs.observe(seconds)
        with ours.time():
            theirs.observe(0.0)
        (found,), (expected,) = ours.collect(), theirs.collect()
    finally:
        metrics.REGISTRY.unregister(ours)
    read = {(each.name, *each.labels.items()): each.value for each in found.samples}
    sums = [name for name in read if name[0].endswith("_sum")]
    for each in expected.samples:
        name = (each.name, *each.labels.items())
        if not each.name.endswith(("_created", "_sum")):
            assert read.pop(name) == each.value, name
    assert list(read) == sums
    assert 740.2 < read[sums[0]] < 741
