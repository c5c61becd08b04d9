"""When a token is used, and when another one is asked for."""

import asyncio

from consumers.sinks.outcome import Misconfigured, Outcome, Temporary
from consumers.sinks.webhook.tokens import EndingToken, FetchedToken, Held, NoToken


class Endpoint:
    """A clock, and an endpoint that gives what it is told to, one after the other."""

    def __init__(self, *answers: Held | Outcome) -> None:
        self.now = 1_000.0
        self.asked: list[str | None] = []
        self._answers = list(answers)

    def time(self) -> float:
        """Give the time."""
        return self.now

    async def fetch(self, refused: str | None) -> Held:
        """Give the next answer, in a later turn of the loop."""
        self.asked.append(refused)
        await asyncio.sleep(0)
        match self._answers.pop(0):
            case Held() as held:
                return held
            case outcome:
                raise NoToken(outcome)

    def token(self, held: Held | None = None) -> FetchedToken:
        """Give a token that is fetched here."""
        return FetchedToken(self.fetch, held, self.time)


async def test_a_token_is_used_until_shortly_before_its_end() -> None:
    """Ten seconds before it another one is fetched; one without an end is never replaced."""
    endpoint = Endpoint(Held("one", 1_100), Held("two"))
    token = endpoint.token()
    assert token.held() is None
    assert await token.renew(None) == token.held() == "one"
    endpoint.now = 1_089
    assert token.held() == "one"
    endpoint.now = 1_090
    assert token.held() is None
    assert await token.renew(None) == token.held() == "two"
    endpoint.now = 1e12
    assert token.held() == "two"


async def test_who_waits_shares_the_answer() -> None:
    """Ten who find no token make one request; so do ten whose token was refused."""
    endpoint = Endpoint(Held("one"), Held("two"))
    token = endpoint.token()
    assert set(await asyncio.gather(*(token.renew(None) for _ in range(10)))) == {"one"}
    endpoint.now += 60
    assert set(await asyncio.gather(*(token.renew("one") for _ in range(10)))) == {"two"}
    assert endpoint.asked == [None, "one"]


async def test_a_new_token_that_is_refused_is_not_replaced() -> None:
    """A sink that refuses what was fetched within a minute does not want a token."""
    endpoint = Endpoint(Held("one"), Held("two"))
    token = endpoint.token()
    await token.renew(None)
    endpoint.now += 59
    assert await token.renew("one") == Misconfigured("answer", 401)
    endpoint.now += 1
    assert await token.renew("one") == "two"


async def test_a_token_that_is_over_at_once_is_used_for_a_second() -> None:
    """An endpoint whose tokens do not last is not asked for each delivery."""
    endpoint = Endpoint(Held("one", 1_000), Held("two", 1_000))
    token = endpoint.token()
    assert [await token.renew(None) for _ in range(3)] == ["one"] * 3
    endpoint.now += 1
    assert await token.renew(None) == "two"


async def test_a_failure_is_remembered_for_a_moment() -> None:
    """An endpoint that gave none is left alone for five seconds, and then asked again."""
    endpoint = Endpoint(Temporary("token"), Held("one"))
    token = endpoint.token()
    assert [await token.renew(None) for _ in range(3)] == [Temporary("token")] * 3
    endpoint.now += 5
    assert await token.renew(None) == "one"
    assert len(endpoint.asked) == 2


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    """The next in line asks."""
    endpoint = Endpoint(Held("one"))
    token = endpoint.token()
    first = asyncio.ensure_future(token.renew(None))
    second = asyncio.ensure_future(token.renew(None))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "one"
    assert endpoint.asked == [None, None]


async def test_a_token_that_was_given_ends() -> None:
    """There is no other one: neither past its end, nor when the sink refuses it."""
    endpoint = Endpoint()
    token = EndingToken(Held("one", 1_100), endpoint.time)
    assert token.held() == "one"
    assert await token.renew("one") == Misconfigured("answer", 401)
    endpoint.now = 1_090
    assert token.held() is None
    assert await token.renew(None) == Misconfigured("expired")
