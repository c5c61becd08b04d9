"""Events made by hand, by a relay or a command, checked like those that come in."""

from functools import partial

from bus.codec.payload import flaw_in
from bus.document import pointer
from bus.event import Event, Fault, InvalidEvent, check

_OWN = ("specversion", "id", "source", "type", "datacontenttype")


def checked(event: Event) -> Event:
    """
    Give the event back when it is valid. Raises InvalidEvent, places as JSON pointers.

    What passes here can be encoded in every form.
    """
    at = partial(pointer, "")
    faults = [
        Fault(at(name), "misplaced", "this attribute is a field of the Event")
        for name in _OWN
        if name in event.attributes
    ]
    faults += check(event.context(), at)
    if event.data is not None and (flaw := flaw_in(event.datacontenttype, event.data)):
        faults.append(Fault("/data", *flaw))
    if faults:
        raise InvalidEvent(faults)
    return event
