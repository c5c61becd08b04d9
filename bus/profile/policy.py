"""How strict a domain is."""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Final, Self

import orjson
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from bus.document import Model
from bus.event import Fault
from bus.profile import bsn
from bus.profile.judge import Judge
from bus.profile.rule import Verdict
from bus.profile.rules import RULES

_RULES: Final = {rule.code: rule for rule in RULES}
_STRICTNESS: Final = ("off", "warn", "reject")


def _known(code: str) -> str:
    if code not in _RULES:
        raise PydanticCustomError("unknown-rule", "there is no rule of this name")
    return code


class Policy(Model):
    """What a domain does with each rule, and what it agreed on. What is left out is the default."""

    rules: dict[Annotated[str, AfterValidator(_known)], Verdict] = Field(default_factory=dict)
    bsn_allow: Annotated[
        tuple[Annotated[str, Field(pattern="^[a-z0-9]+$", max_length=100)], ...],
        Field(alias="bsnAllow", max_length=50),
    ] = ()
    """Attributes whose numbers of nine digits are something else, such as an RSIN."""
    bsn_agreement: Annotated[
        str | None, Field(alias="bsnAgreement", min_length=1, max_length=500)
    ] = None
    """Where the agreement is recorded by which the BSN rules are relaxed."""

    @cached_property
    def judge(self) -> Judge:
        """Give what judges events by this policy; made once."""
        verdicts = {rule.code: self.rules.get(rule.code, rule.default) for rule in RULES}
        return Judge(verdicts, self.bsn_allow)

    def document(self) -> dict[str, Any]:
        """Give the policy as the API shows and the store keeps it."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    @classmethod
    def stored(cls, text: str) -> Self:
        """Read what `document` gave, perhaps in another version: what is not known is left out.

        No domain becomes unreadable by an upgrade, nor by its undoing.
        """
        stored = orjson.loads(text)
        known = {field.alias or name for name, field in cls.model_fields.items()}
        document = {name: value for name, value in stored.items() if name in known}
        rules = document.get("rules", {})
        document["rules"] = {code: rules[code] for code in rules if code in _RULES}
        return cls.model_validate_json(orjson.dumps(document))

    def to_json(self) -> str:
        """Give the document as text."""
        return orjson.dumps(self.document()).decode()


_HARMLESS: Final[dict[str, Verdict]] = {
    rule.code: "warn" for rule in RULES if rule.default == "reject" and rule.code not in bsn.CODES
}
RELAXED: Final = Policy(rules={**_HARMLESS, "id-undescribed": "off"})
"""For trying out: only what may be a BSN is refused."""


def unagreed(policy: Policy, at: str) -> Iterator[Fault]:
    """Give what relaxes the BSN guard without an agreement; `at` is the pointer to the policy."""
    if policy.bsn_agreement is not None:
        return
    detail = "this asks for the reference of an agreement in bsnAgreement"
    for code, verdict in policy.rules.items():
        default = _RULES[code].default
        if code in bsn.CODES and _STRICTNESS.index(verdict) < _STRICTNESS.index(default):
            yield Fault(f"{at}/rules/{code}", "agreement-required", detail)
    for number, name in enumerate(policy.bsn_allow):
        if bsn.is_private(name):
            yield Fault(f"{at}/bsnAllow/{number}", "agreement-required", detail)
