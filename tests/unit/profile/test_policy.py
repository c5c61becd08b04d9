"""How strict a domain is: what is refused of a policy, and what comes of one."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.document import InvalidDocument, validate
from bus.event import Event
from bus.profile import RELAXED, RULES, Policy, Rule, Verdict, bsn, unagreed

VERDICTS: st.SearchStrategy[Verdict] = st.sampled_from(["reject", "warn", "off"])
POLICIES = st.builds(
    lambda rules, allow, agreement: validate(
        {"rules": rules, "bsnAllow": allow, "bsnAgreement": agreement}, Policy
    ),
    st.dictionaries(st.sampled_from([rule.code for rule in RULES]), VERDICTS),
    st.lists(st.text("abc1", min_size=1, max_size=5), max_size=3),
    st.none() | st.text("abc é", min_size=1, max_size=20),
)
BAD = Event("1", "x", "Foo", {"subject": "999990342", "veelelangenamenhiervoor": "1"})
DEFAULTS = {rule.code: rule.default for rule in RULES}


def faults(document: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Give where and why a policy is refused."""
    with pytest.raises(InvalidDocument) as refusal:
        validate(document, Policy)
    return {(fault.where, fault.code) for fault in refusal.value.faults}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_what_must_be_is_refused_and_what_should_be_is_told(rule: Rule) -> None:
    """But for the id, of which nobody can say that it is random, and the BSN, which is the law."""
    expected = "reject" if rule.keyword.startswith("MUST") else "warn"
    exceptions = {"id-undescribed": "warn", bsn.IN_SUBJECT: "reject", bsn.NAMED: "reject"}
    assert rule.default == exceptions.get(rule.code, expected)


def test_codes_are_unique() -> None:
    """A policy names a rule by its code."""
    assert len(DEFAULTS) == len(RULES)


@given(POLICIES)
def test_a_policy_survives_the_store(policy: Policy) -> None:
    """What was asked for is what is read back."""
    assert Policy.stored(policy.to_json()) == policy


def test_another_version_of_a_policy_can_be_read() -> None:
    """Rules and fields that this version does not know are left out."""
    text = '{"rules": {"gone": "off", "type-version": "off"}, "later": 1}'
    assert Policy.stored(text) == Policy(rules={"type-version": "off"})


@given(POLICIES)
def test_the_verdict_is_that_of_the_policy(policy: Policy) -> None:
    """Each finding has the policy's verdict, else the default; what is off is not found."""
    found = policy.judge(BAD, now=0, by_source=True)
    for rule, _, verdict in found:
        assert verdict == policy.rules.get(rule.code, DEFAULTS[rule.code])
    all_codes = {rule.code for rule, _, _ in Policy().judge(BAD, now=0, by_source=True)}
    off = {code for code, verdict in policy.rules.items() if verdict == "off"}
    assert {rule.code for rule, _, _ in found} == all_codes - off


def test_nothing_but_a_bsn_is_refused_by_the_relaxed_policy() -> None:
    """One's first events get through, and what would be refused elsewhere is told."""
    found = RELAXED.judge(BAD, now=0, by_source=True)
    assert {each.rule.code for each in found if each.verdict == "reject"} == {bsn.IN_SUBJECT}
    assert "type-not-reverse-dns" in {each.rule.code for each in found}
    assert list(unagreed(RELAXED, "")) == []


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"rules": {"nope": "off"}}, {("/rules/nope", "unknown-rule")}),
        ({"rules": {"type-version": "no"}}, {("/rules/type-version", "not-allowed")}),
        ({"rules": []}, {("/rules", "not-an-object")}),
        ({"bsnAllow": ["A b"]}, {("/bsnAllow/0", "malformed")}),
        ({"bsnAllow": ["a"] * 51}, {("/bsnAllow", "too-many")}),
        ({"bsnAgreement": ""}, {("/bsnAgreement", "empty")}),
        ({"bsn_agreement": "x"}, {("/bsn_agreement", "unknown-field")}),
    ],
)
def test_a_wrong_policy_is_refused(
    document: Mapping[str, Any], expected: set[tuple[str, str]]
) -> None:
    """Each fault is named with its place."""
    assert faults(document) == expected


@pytest.mark.parametrize(
    ("document", "at"),
    [
        ({"rules": {bsn.IN_SUBJECT: "warn"}}, ["/rules/bsn-in-subject"]),
        ({"rules": {bsn.NAMED: "off", bsn.SUSPECTED: "reject"}}, ["/rules/bsn-named"]),
        ({"rules": {bsn.SUSPECTED: "off"}}, ["/rules/bsn-suspected"]),
        ({"bsnAllow": ["rsin", "subject", "bsn"]}, ["/bsnAllow/1", "/bsnAllow/2"]),
        ({"rules": {"type-version": "off"}, "bsnAllow": ["rsin"]}, []),
    ],
)
def test_the_bsn_guard_is_relaxed_by_agreement_only(
    document: dict[str, Any], at: list[str]
) -> None:
    """Without its reference each relaxation is a fault; with it, none is."""
    assert [fault.where for fault in unagreed(validate(document, Policy), "")] == at
    agreed = validate({**document, "bsnAgreement": "convenant 2026-17"}, Policy)
    assert list(unagreed(agreed, "")) == []
