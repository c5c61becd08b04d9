"""Laws of the JSON merge patch (RFC 7396), and of what it does to a subscription."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from bus.document import apply_merge_patch
from bus.subscription import InvalidSubscription, Subscription, merge_patch, parse_request

LEAVES = st.none() | st.booleans() | st.integers(0, 9) | st.text("ab", max_size=2)
KEYS = st.sampled_from(["a", "b", "c"])


def objects(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Give nested objects and arrays with these leaves, an object outermost."""
    inner = st.recursive(
        leaves,
        lambda part: st.lists(part, max_size=2) | st.dictionaries(KEYS, part, max_size=3),
        max_leaves=8,
    )
    return st.dictionaries(KEYS, inner, max_size=3)


DOCUMENTS = objects(LEAVES.filter(lambda leaf: leaf is not None))
PATCHES = objects(LEAVES)


def difference(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Give the patch that leads from one object to another; neither holds null."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            patch[name] = difference(old, value)
        elif old != value or type(old) is not type(value):
            patch[name] = value
    return patch


@given(DOCUMENTS, PATCHES)
def test_patching_twice_is_patching_once(document: dict[str, Any], patch: dict[str, Any]) -> None:
    """A patch that is sent again changes nothing more, and neither argument is changed."""
    before = orjson.dumps([document, patch])
    once = apply_merge_patch(document, patch)
    assert apply_merge_patch(once, patch) == once
    assert orjson.dumps([document, patch]) == before


@given(DOCUMENTS)
def test_the_empty_patch_changes_nothing(document: dict[str, Any]) -> None:
    """It names nothing."""
    assert apply_merge_patch(document, {}) == document


@given(DOCUMENTS, DOCUMENTS)
def test_there_is_a_patch_from_any_document_to_any_other(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """As long as neither holds null, which a patch uses for removal."""
    assert apply_merge_patch(before, difference(before, after)) == after


@given(DOCUMENTS, PATCHES)
def test_only_what_the_patch_names_changes(document: dict[str, Any], patch: dict[str, Any]) -> None:
    """Every other member of the document stands as it stood; what is null is gone."""
    after = apply_merge_patch(document, patch)
    assert {n: after[n] for n in after if n not in patch} == {
        n: document[n] for n in document if n not in patch
    }
    assert not any(name in after for name, change in patch.items() if change is None)


@given(LEAVES | st.lists(LEAVES), PATCHES)
def test_what_is_no_object_is_replaced(leaf: object, patch: dict[str, Any]) -> None:
    """In either place: RFC 7396 merges objects and nothing else."""
    assert apply_merge_patch(patch, leaf) == leaf
    assert apply_merge_patch(leaf, patch) == apply_merge_patch({}, patch)


FIELDS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "source": st.none() | st.sampled_from(["urn:a", ""]),
        "types": st.none() | st.lists(st.sampled_from(["a", "b"]), max_size=2),
        "filters": st.none() | st.just([{"exact": {"type": "a"}}]) | st.just([{"sql": "AND"}]),
        "ordering": st.none() | st.sampled_from(["key", "none", "topic"]),
        "protocolsettings": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "headers": st.dictionaries(st.sampled_from(["X", "Y"]), st.none() | st.just("1"))
            },
        ),
        "delivery": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "concurrency": st.none() | st.integers(0, 3),
                "timeout": st.none() | st.integers(1, 3),
            },
        ),
    },
)

LEAST = {"sink": "https://zaken.example/events", "protocol": "HTTP"}


def subscribed(fields: dict[str, Any]) -> Subscription | None:
    """Give the subscription with these fields, None when they are refused."""
    try:
        return parse_request(LEAST | fields).subscription(id="s", organisation="o")
    except InvalidSubscription:
        return None


def patched(current: Subscription, patch: dict[str, Any]) -> Subscription | None:
    """Give the subscription after a patch, None when it is refused."""
    try:
        request = merge_patch(current, orjson.dumps(patch))
    except InvalidSubscription:
        return None
    return request.subscription(id=current.id, organisation=current.organisation)


@given(FIELDS, FIELDS)
def test_patching_a_subscription_is_subscribing_with_the_patched_request(
    fields: dict[str, Any], patch: dict[str, Any]
) -> None:
    """The defaults that the stored form spells out make no difference."""
    request = apply_merge_patch({}, fields)
    current = subscribed(request)
    if current is not None:
        assert patched(current, patch) == subscribed(apply_merge_patch(request, patch))


@given(FIELDS)
def test_a_subscription_survives_the_store(fields: dict[str, Any]) -> None:
    """What is read back is what was written."""
    subscription = subscribed(fields)
    if subscription is not None:
        assert Subscription.from_json(subscription.to_json()) == subscription
        assert orjson.loads(subscription.to_json()) == subscription.document()
