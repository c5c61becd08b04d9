"""What CESQL says beyond its test kit: precedence, casts, bounds, and where a text is at fault."""

import pytest

from bus.match.cesql import LONGEST, SyntaxFault, evaluate, parse

EVENT = {
    "id": "1",
    "source": "urn:a",
    "type": "nl.brp.persoon-verhuisd",
    "subject": "zaak-7",
    "count": 7,
    "urgent": True,
    "text": "7",
    "spaced": "\u2003a\x1f ",
}


def said(text: str) -> object:
    """Give the value, or the name of the error and the character it is at."""
    value, failure = evaluate(parse(text), EVENT.get)
    return value if failure is None else f"{failure.kind.value} {failure.at}"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        # AND, OR and XOR have one precedence and group to the right
        ("TRUE OR FALSE AND FALSE", True),
        ("FALSE AND TRUE OR TRUE", False),
        ("(FALSE AND TRUE) OR TRUE", True),
        ("TRUE XOR TRUE XOR TRUE", True),
        ("TRUE XOR TRUE AND FALSE", True),
        ("FALSE AND missing AND missing", False),
        ("TRUE AND (TRUE AND missing = 'a')", "missing-attribute 19"),
        # NOT and - bind tightest
        ("NOT urgent = FALSE", True),
        ("NOT (urgent = FALSE)", True),
        ("NOT subject = 'a'", "cast 4"),
        ("NOT EXISTS missing", True),
        ("NOT NOT urgent", True),
        ("- 2 * 3", -6),
        ("NOT urgent AND TRUE", False),
        # a sign belongs to the number behind it, unless an operand stands before it
        ("1-2", -1),
        ("1 -2", -1),
        ("1 - -2", 3),
        ("count-2", 5),
        ("+5", 5),
        ("-2147483648", -2147483648),
        # the others, tightest first
        ("urgent LIKE 't%' IN (TRUE)", True),
        ("1 + 2 * 3 = 7", True),
        ("2 + 1 IN (3)", 2),
        ("10 - 4 - 3", 3),
        ("1 < 2 = TRUE", True),
        ("7 NOT IN (1, 2) AND 'a' NOT LIKE 'b'", True),
    ],
)
def test_precedence(text: str, result: object) -> None:
    """The grammar of the standard decides what belongs together."""
    assert said(text) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("-7 / 2", -3),
        ("7 / -2", -3),
        ("-7 % 2", -1),
        ("7 % -2", 1),
        ("2147483647 + 1", "math 11"),
        ("-(-2147483648)", "math 0"),
        ("65536 * 65536", "math 6"),
        ("1 % 0", "math 2"),
        ("ABS('-7')", 7),
        ("LENGTH(ABS(-2147483648))", "math 7"),
    ],
)
def test_integers_have_32_bits(text: str, result: object) -> None:
    """Division goes towards zero; what leaves the 32 bits is an error."""
    assert said(text) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("INT('+007')", 7),
        ("INT('-0')", 0),
        ("INT('00000000000000000000002147483647')", 2147483647),
        ("INT('2147483648')", "cast 4"),
        ("INT('')", "cast 4"),
        ("INT('-')", "cast 4"),
        ("INT(' 7')", "cast 4"),
        ("INT('7\n')", "cast 4"),
        ("INT('\u0667')", "cast 4"),
        ("BOOL('tRuE')", True),
        ("BOOL('yes')", "cast 5"),
        ("BOOL('')", "cast 5"),
        ("STRING(urgent)", "true"),
        ("count = '7'", True),
        ("text = 7", True),
        ("text = count", True),
        ("count = text", True),
        ("urgent = 1", True),
        ("1 = urgent", True),
        ("2 = urgent", True),
        ("count IN ('7')", True),
        ("text IN (7, missing)", True),
        ("count IN ('a', 7)", "cast 6"),
        ("urgent IN ('TRUE')", True),
        ("text IN (missing)", "missing-attribute 9"),
        ("subject < 7", "cast 0"),
        ("count > '6' AND count >= 7 AND 6 < count AND 7 <= count", True),
        ("TRIM(spaced)", "a\x1f"),
        ("RIGHT('abc', 0)", ""),
        ("SUBSTRING('abc', 1, -1)", "function-evaluation 0"),
        ("SUBSTRING('abc', -2, 0)", ""),
        ("SUBSTRING('', 0)", ""),
        ("substring('abc', 2)", "bc"),
        ("NOPE(1)", "missing-function 0"),
        ("TRUE OR LEFT('abc')", True),
        ("'it\\'s'", "it's"),
        ('"a\\\'b\\"c"', "a\\'b\"c"),
        ("'a\\\\'", "a\\\\"),
        ("EXISTS SubJect AND NOT EXISTS data", True),
        ("EXISTS specversion", True),
    ],
)
def test_casts_and_functions(text: str, result: object) -> None:
    """Values are cast as the standard's tables say, and an error says where."""
    assert said(text) == result


def test_what_functions_give_is_bounded() -> None:
    """A text that is put together cannot grow without end."""
    long = {"subject": "x" * 60_000}
    for text in ("CONCAT(subject, subject)", "CONCAT_WS(subject, 'a', 'b', 'c')", "UPPER(subject)"):
        _, failure = evaluate(parse(text), long.get)
        assert (failure is None) == (text == "UPPER(subject)")


@pytest.mark.parametrize(
    ("text", "at", "code"),
    [
        ("", 0, "syntax"),
        ("   ", 3, "syntax"),
        ("type = ", 7, "syntax"),
        ("type == 'a'", 6, "syntax"),
        ("type = 'a", 7, "syntax"),
        ("type = 'a' \\", 11, "syntax"),
        ("type = 'it''s'", 11, "syntax"),
        ("type 'a'", 5, "syntax"),
        ("type = 'a' AND", 14, "syntax"),
        ("(type = 'a'", 11, "syntax"),
        ("type = 'a')", 10, "syntax"),
        ("(type, id)", 5, "syntax"),
        ("type IN ()", 9, "syntax"),
        ("type IN 'a'", 8, "syntax"),
        ("type LIKE id", 10, "syntax"),
        ("type NOT = 'a'", 9, "syntax"),
        ("EXISTS 'a'", 7, "syntax"),
        ("EXISTS type_", 7, "syntax"),
        ("my_attribute = 1", 0, "syntax"),
        ("type = LENGTH(id,)", 17, "syntax"),
        ("type = é", 7, "syntax"),
        ("a ! b", 2, "syntax"),
        ("count = 2147483648", 8, "out-of-range"),
        ("count = -2147483649", 8, "out-of-range"),
        ("(" * 33 + "TRUE" + ")" * 33, 32, "too-deep"),
        ("ABS(" * 33 + "1" + ")" * 33, 131, "too-deep"),
        ("NOT " * 32 + "TRUE", 128, "too-deep"),
        ("0" + " + 1" * 32, 0, "too-deep"),
        ("TRUE" + " AND TRUE OR FALSE" * 16, 4 + 15 * 18 + 5, "too-deep"),
        ("TRUE" + " AND TRUE" * 257, 4 + 256 * 9 + 1, "too-many"),
        ("- " * 257 + "1", 512, "too-many"),
        ("1 IN (" + "1," * 256 + "1)", 6 + 255 * 2 + 1, "too-many"),
        ("x" * (LONGEST + 1), LONGEST, "too-long"),
    ],
)
def test_a_fault_says_at_which_character(text: str, at: int, code: str) -> None:
    """A text that is no expression, or too much of one, is refused where it goes wrong."""
    with pytest.raises(SyntaxFault) as refused:
        parse(text)
    assert (refused.value.at, refused.value.code) == (at, code)
    assert str(refused.value).startswith(f"character {at + 1}: ")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 32 + "TRUE" + ")" * 32,
        "NOT " * 31 + "TRUE",
        "TRUE" + " AND TRUE" * 256,
        "TRUE" + " AND TRUE OR FALSE" * 15,
        "0 = 1" + "-1" * 29 + " OR TRUE",
        "1 IN (" + "0," * 254 + "1)",
        f"'{'x' * (LONGEST - 10)}' = id",
    ],
)
def test_within_the_bounds_everything_can_be_evaluated(text: str) -> None:
    """The deepest, longest and fullest expressions end in a value."""
    assert isinstance(said(text), bool)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("a AND b AND c", None),
        ("a AND (b OR c)", None),
        ("NOT a OR b = 'AND'", None),
        ("a AND b OR c", 8),
        ("a OR (b AND c XOR d)", 14),
    ],
)
def test_mixed_operators_are_noticed(text: str, at: int | None) -> None:
    """AND beside OR without parentheses reads otherwise than in SQL: that is for a warning."""
    assert parse(text).mixed == at


def test_functions_that_do_not_exist_are_noticed() -> None:
    """By name and number of arguments, wherever they stand."""
    assert parse("TRUE OR LEFT('a', 1) = NOPE(LEFT('a'))").unknown == 28
    assert parse("LEFT('a', 1) = CONCAT()").unknown is None
