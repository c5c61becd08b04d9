"""Who may publish under a source, and who may read what was published under it (design §2)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from bus.catalogue.notices import DOMAIN as OWN_DOMAIN
from bus.catalogue.notices import owner_of

_BOUNDARIES = ":/.#?"
_ENDS = ":/."


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to read events whose source a prefix covers, in one domain or (None) in all.

    All are those of registers: what the bus tells of itself is granted by the name of its domain.
    """

    prefix: str
    domain: str | None
    grantee: str
    """OIN of the reader."""


class Access:
    """Ownership of sources and grants at one moment; make a new one when they change.

    An organisation owns a source when one of its prefixes covers it, whoever owns a longer or a
    shorter one as well: a shared-service centre and the municipality it works for can both be
    owners. Under the sources of the bus itself nobody publishes, whatever its prefixes; what it
    tells of an organisation's subscriptions, that organisation reads.
    """

    def __init__(
        self, owners: Mapping[str, str], grants: Iterable[Grant] = (), *, cached: int = 16_384
    ) -> None:
        """`owners`: source prefix → OIN. `cached`: answers of `readers` that are remembered."""
        self._owners = dict(owners)
        self._grants: dict[str, list[Grant]] = {}
        for grant in grants:
            self._grants.setdefault(grant.prefix, []).append(grant)
        self._lengths = sorted({len(prefix) for prefix in (*self._owners, *self._grants)})
        self._remembered = lru_cache(maxsize=cached)(self._readers)

    def may_publish(self, organisation: str, source: str) -> bool:
        """Whether this organisation owns the source."""
        return owner_of(source) is None and any(
            self._owners.get(prefix) == organisation for prefix in self._covering(source)
        )

    def readers(self, source: str, domain: str) -> frozenset[str]:
        """Give the organisations, owners and grantees, that may read such events."""
        return self._remembered(source, domain)

    def _readers(self, source: str, domain: str) -> frozenset[str]:
        own = domain == OWN_DOMAIN
        readers = {owner} if own and (owner := owner_of(source)) else set[str]()
        for prefix in self._covering(source):
            if prefix in self._owners:
                readers.add(self._owners[prefix])
            for grant in self._grants.get(prefix, ()):
                if grant.domain == domain or (grant.domain is None and not own):
                    readers.add(grant.grantee)
        return frozenset(readers)

    def _covering(self, source: str) -> Iterator[str]:
        """Give each prefix of the source, of a length that occurs, that covers it; known or not."""
        for length in self._lengths:
            if length > len(source):
                return
            if covers(source[:length], source):
                yield source[:length]


def covers(prefix: str, source: str) -> bool:
    """Whether a source is the prefix itself or goes on at a boundary; "" covers every source.

    A boundary is where the prefix ends with `:`, `/` or `.`, or where the source goes on with `:`,
    `/`, `.`, `#` or `?`. So urn:nld:oin:1 covers urn:nld:oin:1:zaken and not urn:nld:oin:12.
    Within the authority of a URL only its end is a boundary: https://zaken.example covers
    https://zaken.example/1 and not https://zaken.example.org, which is somebody else's.
    """
    if prefix in ("", source):
        return True
    if not source.startswith(prefix):
        return False
    following = source[len(prefix)]
    _, slashes, rest = prefix.partition("//")
    if slashes and "/" not in rest:
        return following in "/?#"
    return prefix[-1] in _ENDS or following in _BOUNDARIES
