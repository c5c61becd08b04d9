"""Carries out what the API asks of a partition's owner: go back, bring dead letters back."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from bus.store.partition import Command
from consumers.dispatch import parking
from consumers.dispatch.member import Member, Unsure
from consumers.dispatch.moment import Moment
from consumers.dispatch.stream import Stream


class Orders:
    """The commands of one partition, from their arrival to the commit of the save that did them.

    A subscription that is to go back rests: nothing new of it is sent, and once nothing is on the
    wire it stands at its new place. Only the commit lets it go on from there. Dead letters stay
    what they are until there is room for them; those of one subscription come as they were asked
    for. While `owes`, the store is to be asked again: it gives only so many at a time.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._waiting: dict[int, Command] = {}
        self._done: set[int] = set()
        self.carried: dict[int, Command] = {}
        self.owes = True

    def take(self, commands: Iterable[Command], now: float) -> None:
        """Take in commands; one that is known already is the same one."""
        self.owes = False
        for command in commands:
            known = command.id in self._waiting or command.id in self.carried
            if known or command.id in self._done:
                continue
            self._waiting[command.id] = command
            member = self._stream.members.get(command.subscription)
            if member is not None and command.kind == "replay":
                self._bring_to_rest(member, now)

    def carry_out(self, now: Moment) -> None:
        """Do all that can be done now; what a save then commits is done.

        For a subscription that is not served here nothing is: its dead letters stay.
        """
        waits = set[tuple[UUID, str]]()
        for command in list(self._waiting.values()):
            member = self._stream.members.get(command.subscription)
            if member is None:
                self.carried[command.id] = replace(command, redriven=())
            elif (command.subscription, command.kind) in waits:
                continue
            elif self._carry_out(member, command, now):
                self.carried[command.id] = command
            else:
                waits.add((command.subscription, command.kind))
                continue
            del self._waiting[command.id]

    def committed(self, ids: Iterable[int], now: float) -> None:
        """Let those go on whose command is done."""
        for id_ in ids:
            command = self.carried.pop(id_)
            self._done.add(id_)
            self.owes = self.owes or command.kind == "redrive"
            member = self._stream.members.get(command.subscription)
            if member is None or command.kind != "replay":
                continue
            if not self._goes_back(command):
                member.window.at_rest = False
                member.subscriber.stir()
                self._stream.advance(member, now)

    def _goes_back(self, other: Command) -> bool:
        commands = (*self._waiting.values(), *self.carried.values())
        return any(
            each.kind == "replay" and each.subscription == other.subscription for each in commands
        )

    def _bring_to_rest(self, member: Member, now: float) -> None:
        stream = self._stream
        if member.attached:
            member.detach(stream.read_offset, now)
        member.window.at_rest = True
        stream.scanning.discard(member)
        stream.busy.add(member)

    def _carry_out(self, member: Member, command: Command, now: Moment) -> bool:
        stream = self._stream
        if member.change is not None:
            return False
        if command.kind == "redrive":
            copies = stream.copies(command.redriven)
            if not member.subscriber.room.takes_back([envelope for _, envelope in copies]):
                return False
            parking.redrive(member, copies, stream.read_offset, now)
            stream.busy.add(member)
            return True
        if not member.window.at_rest:
            self._bring_to_rest(member, now.loop)  # it joined after the command came
        if member.flying:
            return False
        place = member.replay.resume if member.replay else member.next_offset(stream.read_offset)
        start = min(place if command.from_offset is None else command.from_offset, place)
        until = min(place if command.until_offset is None else command.until_offset, place)
        if start < until:
            window = stream.renew_window(member, at_rest=True)
            member.go_back(window, place, start, until, now.loop)
            parking.put_back(member, now.loop)
            member.saved = Unsure.MAYBE
        return True
