"""What the binary modes of HTTP and Kafka share: attributes in headers, data in the body."""

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from bus.codec.payload import settle
from bus.event import SHOWN, Event, Fault, InvalidEvent, assemble, check

_Name = TypeVar("_Name", bound=str | bytes)
"""How a binding gives the names of headers."""

_REMEMBERED = 512
"""Names of headers remembered by a binding, each of at most `_LONGEST` characters: real events use
some twenty, and a sender of made-up names only pays for having them looked at anew."""
_LONGEST = 64


class Binding(Generic[_Name]):
    """
    Reads binary messages of one protocol.

    `prefix` starts the headers of attributes. Their values are UTF-8; where they are more than
    ASCII without `%` and `"`, `unescape` says what they stand for, or raises ValueError. `others`
    names further headers to take, as they are. `lenient` lets an attribute's header repeat the
    content type: in Kafka no text forbids it, and npm's cloudevents does.
    """

    def __init__(
        self,
        *,
        prefix: str,
        unescape: Callable[[str], str] | None = None,
        others: Iterable[str] = (),
        lenient: bool = False,
    ) -> None:
        self._prefix = prefix
        self._unescape = unescape
        self._plain = {"content-type": "datacontenttype", **{name: name for name in others}}
        self._headers = {name: header for header, name in self._plain.items()}
        self._lenient = lenient
        self._misplaced = prefix + "datacontenttype"
        self._known: dict[_Name, str] = {}

    def gather(
        self, headers: Iterable[tuple[_Name, bytes | None]]
    ) -> tuple[dict[str, Any], list[Fault]]:
        """Give the attributes in the headers, and a fault for each header that cannot be read."""
        context: dict[str, Any] = {}
        faults: list[Fault] = []
        known, plain, unescape = self._known, self._headers, self._unescape
        for header, value in headers:
            name = known.get(header)
            if name is None:
                name = self._name_in(header)
            if not name or value is None:  # not ours, or absent
                continue
            try:
                text = value.decode()
                if unescape and ("%" in text or '"' in text or not text.isascii()):
                    text = text if name in plain else unescape(text)
            except ValueError:
                faults.append(Fault(self.place(name), "bad-encoding", "no valid text for a header"))
                continue
            if name in context:
                faults.append(Fault(self.place(name), "repeated", "give this header once"))
            context[name] = text
        return context, faults

    def finish(self, context: dict[str, Any], faults: list[Fault], body: bytes | None) -> Event:
        """Make the event of what `gather` gave and the body. Raises InvalidEvent."""
        repeated = context.pop(self._misplaced, None)
        if repeated is not None and not (
            self._lenient and repeated == context.get("datacontenttype")
        ):
            detail = "the datacontenttype is in content-type, not here"
            faults.append(Fault(self._misplaced, "misplaced", detail))
        if found := check(context, self.place):
            already = {fault.where for fault in faults}
            faults += [fault for fault in found if fault.where not in already]
        data, flaw = settle(context.get("datacontenttype"), body)
        if flaw is not None:
            faults.append(Fault("", *flaw))
        if faults:
            raise InvalidEvent(faults)
        return assemble(context, data)

    def place(self, name: str) -> str:
        """Give the header of an attribute, as a fault names it."""
        if name in self._headers:
            return self._headers[name]
        name = name[:SHOWN]
        return name if name.startswith(self._prefix) else self._prefix + name

    def _name_in(self, header: _Name) -> str:
        """Give the attribute that a header carries, "" for none."""
        text = header if isinstance(header, str) else header.decode("latin-1")
        if text in self._plain:
            name = self._plain[text]
        elif not text.startswith(self._prefix):
            name = ""
        elif text in {self._prefix, self._misplaced}:
            name = text  # the name of no attribute: a fault
        else:
            name = text.removeprefix(self._prefix)
        if len(text) <= _LONGEST and len(self._known) < _REMEMBERED:
            self._known[header] = name
        return name
