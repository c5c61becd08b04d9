"""The gate: which tokens let whom in, and how long that is remembered."""

from datetime import UTC, datetime

import pytest

from bus.api.auth import Gate, require
from bus.api.problem import Problem
from bus.store.credentials import Credential, Expired

ZAKEN = Credential("00000001823288444000", frozenset({"publisher"}))


class Tokens:
    """What the store would say, and how often it was asked."""

    def __init__(self) -> None:
        self.known: dict[str, Credential | Expired] = {"good": ZAKEN}
        self.asked: list[str] = []
        self.now = 0.0

    async def find(self, token: str) -> Credential | Expired | None:
        """Answer as the store does."""
        self.asked.append(token)
        return self.known.get(token)

    def gate(self) -> Gate:
        """Give a gate with a clock of ours."""
        return Gate(self.find, clock=lambda: self.now)


async def code(gate: Gate, authorization: str | None) -> str:
    """Give the code of the refusal."""
    with pytest.raises(Problem) as caught:
        await gate.caller(authorization)
    assert caught.value.status == 401
    assert "WWW-Authenticate" in caught.value.headers
    return caught.value.code


async def test_a_good_token() -> None:
    """A token gives its organisation and roles; the scheme's case does not matter."""
    gate = Tokens().gate()
    assert await gate.caller("Bearer good") == ZAKEN
    assert await gate.caller("bearer  good ") == ZAKEN


@pytest.mark.parametrize(
    ("authorization", "wanted"),
    [
        (None, "no-token"),
        ("", "no-token"),
        ("good", "malformed-token"),
        ("Bearer ", "malformed-token"),
        ("Basic good", "malformed-token"),
        ("Bearer " + "x" * 5_000, "malformed-token"),
        ("Bearer bad", "unknown-token"),
        ("Bearer \xe9", "unknown-token"),
    ],
)
async def test_a_bad_token(authorization: str | None, wanted: str) -> None:
    """What is wrong with a token is told apart."""
    assert await code(Tokens().gate(), authorization) == wanted


async def test_an_expired_token() -> None:
    """Expired is not unknown."""
    tokens = Tokens()
    tokens.known["old"] = Expired(datetime(2026, 1, 1, tzinfo=UTC))
    assert await code(tokens.gate(), "Bearer old") == "expired-token"


async def test_an_answer_is_remembered_for_some_seconds() -> None:
    """The store is asked once in five seconds per token, also for an unknown one."""
    tokens = Tokens()
    gate = tokens.gate()
    for _ in range(3):
        await gate.caller("Bearer good")
        await code(gate, "Bearer bad")
    assert tokens.asked == ["good", "bad"]
    tokens.known = {"bad": ZAKEN}
    tokens.now = 4.9
    assert await gate.caller("Bearer good") == ZAKEN
    tokens.now = 5.1
    assert await code(gate, "Bearer good") == "unknown-token"
    assert await gate.caller("Bearer bad") == ZAKEN


async def test_the_memory_is_bounded() -> None:
    """Ten thousand tokens are remembered, the latest ones."""
    tokens = Tokens()
    gate = tokens.gate()
    for number in range(10_001):
        await code(gate, f"Bearer {number}")
    asked = len(tokens.asked)
    await code(gate, "Bearer 10000")
    assert len(tokens.asked) == asked
    await code(gate, "Bearer 0")
    assert len(tokens.asked) == asked + 1


def test_roles() -> None:
    """One of the roles is enough; without any it is 403, and the roles are named."""
    require(ZAKEN, {"operator", "publisher"})
    with pytest.raises(Problem) as caught:
        require(ZAKEN, {"operator", "subscriber"})
    assert caught.value.status == 403
    assert "operator or subscriber" in caught.value.detail
