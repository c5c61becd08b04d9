"""The forms of `source` and `type` in the profile: URNs, OINs, reversed domain names. Pure."""

import re
from typing import NamedTuple

from bus.observe.bsn import passes

_URN_NLD = re.compile(r"urn:nld:(?P<rest>[^?#]+)", re.IGNORECASE).match
_OIN = re.compile(r"[0-9]{20}").fullmatch
_KVK = re.compile(r"[0-9]{8}").fullmatch
_REGISTERS = frozenset({"oin", "kvknr", "kvk", "eidas"})

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_REVERSE_DNS = re.compile(rf"[A-Za-z]{{2,63}}(?:\.{_LABEL})+").fullmatch
_VERSIONS = re.compile(r"(?:^|[.-])[vV][0-9]+(?:\.[0-9]+)*(?=$|[.-])").findall
_BARE_NUMBER = re.compile(r"(?:^|\.)[0-9]{1,3}(?=$|\.)").search
_ORGANISATION = re.compile(
    r"(?:^|\.)(?:gemeente|provincie|waterschap|ministerie|hoogheemraadschap)(?:-[^.]*)?(?=$|\.)",
    re.IGNORECASE,
).search


class Source(NamedTuple):
    """A source of the form urn:nld: which organisation, known how, and which of its systems."""

    register: str
    """`oin`, `kvknr` or `eidas`; "" when the organisation is only named."""
    organisation: str
    system: str


def source_of(text: str) -> Source | None:
    """Read a source: urn:nld:oin:ID:systeem:NAME, urn:nld:kvknr:ID.NAME, urn:nld:WHO.NAME.

    Dots and colons both separate. None: it is no URN of the Netherlands.
    """
    match = _URN_NLD(text)
    if match is None:
        return None
    register, organisation, system = _split(match["rest"])
    if register.lower() in _REGISTERS:
        return Source(register.lower(), organisation, system)
    return Source("", register, f"{organisation}{system}")


def _split(text: str) -> tuple[str, str, str]:
    parts = re.split("[:.]", text, maxsplit=2)
    first, second, rest = (*parts, "", "")[:3]
    return first, second, rest


def is_oin(text: str) -> bool:
    """Say whether this is an OIN: 20 digits, the number in them of the register of its prefix.

    00000001 begins one with an RSIN, which passes the elfproef, 00000003 one with a number of the
    Chamber of Commerce; other prefixes have numbers of other forms.
    """
    if not _OIN(text):
        return False
    if text.startswith("00000001"):
        return passes(text[8:17]) and text.endswith("000")
    return not text.startswith("00000003") or text.endswith("0000")


def has_valid_number(source: Source) -> bool:
    """Say whether the organisation's number has the form of the register that it names."""
    match source.register:
        case "oin":
            return is_oin(source.organisation)
        case "kvknr" | "kvk":
            return _KVK(source.organisation) is not None
        case "eidas":
            return bool(source.organisation)
        case _:
            return True


def is_reverse_dns(type_: str) -> bool:
    """Say whether a type begins like a domain name written backwards, as nl.brp.verhuisd does."""
    return _REVERSE_DNS(type_) is not None


def is_rightly_versioned(type_: str) -> bool:
    """Say whether a type has no version, or one that begins with v (v2, v1.3).

    A label of one to three digits counts as a version without its v.
    """
    versions: list[str] = _VERSIONS(type_)
    rest = type_.replace(versions[0], "", 1) if versions else type_
    return len(versions) <= 1 and not _BARE_NUMBER(rest)


def names_organisation(type_: str) -> bool:
    """Say whether a label of a type is that of a municipality, province, … : they do not last."""
    return _ORGANISATION(type_) is not None
