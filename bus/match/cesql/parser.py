"""From tokens to a tree: a Pratt parser with the precedences of the standard's grammar."""

from typing import Final, Literal, cast

from bus.match.cesql import functions
from bus.match.cesql import tree as t
from bus.match.cesql.tokens import SyntaxFault, Token, tokens
from bus.match.cesql.values import LEAST, MOST

_DEEPEST: Final = 32
"""Levels of parentheses, and of the tree; the bound keeps parsing and evaluating off the call
stack. One row of AND, or of OR, is one level."""
_MOST: Final = 256
"""Operators, arguments and members of sets in one expression."""

_LOGIC = frozenset({"AND", "OR", "XOR"})
_COMPARISON = dict.fromkeys(("=", "!=", "<>", "<", "<=", ">", ">="), 1)
_POWER: Final = _COMPARISON | {"+": 2, "-": 2, "*": 3, "/": 3, "%": 3, "IN": 4, "LIKE": 5}
"""How tightly what stands between operands binds; AND, OR and XOR do so least, a prefix most."""


def parse(text: str) -> t.Expression:
    """Read an expression. Raises SyntaxFault, which says at which character."""
    parser = _Parser(text)
    tree = parser.logic()
    parser.take("end", "give an operator here, or nothing")
    _check_depth(tree)
    return t.Expression(tree, parser.mixed, parser.unknown)


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = list(tokens(text))
        self._next = 0
        self._depth = 0
        self._count = 0
        self.mixed: int | None = None
        self.unknown: int | None = None

    @property
    def _token(self) -> Token:
        return self._tokens[self._next]

    def take(self, kind: str, otherwise: str) -> Token:
        """Go past a token of this kind; SyntaxFault if another stands here."""
        token = self._token
        if token.kind != kind:
            raise SyntaxFault("syntax", token.at, otherwise)
        self._next += 1
        return token

    def logic(self) -> t.Node:
        """Read operands joined by AND, OR and XOR, which group to the right."""
        operands = [self._operation(0)]
        operators: list[Token] = []
        while self._token.kind in _LOGIC:
            operators.append(self._operator())
            operands.append(self._operation(0))
            if self.mixed is None and operators[-1].kind != operators[0].kind:
                self.mixed = operators[-1].at
        tree = operands.pop()
        while operators:
            tree = _join(operators.pop(), operands.pop(), tree)
        return tree

    def _operator(self) -> Token:
        """Go past a token that costs something when the expression is evaluated."""
        token = self._token
        self._next += 1
        self._count += 1
        if self._count > _MOST:
            detail = f"more than {_MOST} operators, arguments and members of sets in all"
            raise SyntaxFault("too-many", token.at, detail)
        return token

    def _operation(self, least: int) -> t.Node:
        """Read operands joined by what binds tighter than `least`."""
        left = self._prefixed()
        while True:
            negated = self._token if self._token.kind == "NOT" else None
            token = self._tokens[self._next + 1] if negated else self._token
            if negated and token.kind not in {"LIKE", "IN"}:
                raise SyntaxFault("syntax", token.at, "after NOT here comes LIKE or IN")
            power = _POWER.get(token.kind, 0)
            if power <= least:
                return left
            if negated:
                self._operator()
            left = self._infix(self._operator(), power, left)
            if negated:
                left = t.Not(left, negated.at)

    def _infix(self, operator: Token, power: int, left: t.Node) -> t.Node:
        match operator.kind:
            case "LIKE":
                pattern = self.take("text", "the pattern of LIKE is a string").text
                return t.Like(left, pattern, operator.at)
            case "IN":
                self.take("(", "after IN comes a set in parentheses")
                return t.In(left, self._members(least=1), operator.at)
            case "=" | "!=" | "<>":
                right = self._operation(power)
                return t.Equality(operator.kind == "=", left, right, operator.at)
            case "<" | "<=" | ">" | ">=":
                return t.Order(operator.kind, left, self._operation(power), operator.at)
            case _:
                return t.Arithmetic(operator.kind, left, self._operation(power), operator.at)

    def _prefixed(self) -> t.Node:
        """Read an operand with the NOT and - before it: nothing binds tighter."""
        prefixes: list[Token] = []
        while self._token.kind in {"NOT", "-"} and not self._signed():
            prefixes.append(self._operator())
        node = self._operand()
        for prefix in reversed(prefixes):
            node = (t.Not if prefix.kind == "NOT" else t.Minus)(node, prefix.at)
        return node

    def _signed(self) -> bool:
        """Say whether a sign stands here that belongs to the number right behind it."""
        sign, number = self._token, self._tokens[min(self._next + 1, len(self._tokens) - 1)]
        return sign.kind in {"-", "+"} and number.kind == "number" and number.at == sign.at + 1

    def _operand(self) -> t.Node:  # noqa: PLR0911 - one return for each kind of operand
        if self._signed():
            sign = self._operator()
            return self._number(sign.at, sign.text)
        token = self._token
        match token.kind:
            case "number":
                return self._number(token.at, "")
            case "(":
                self._next += 1
                (inner,) = self._members(least=1, most=1)
                return inner
            case "EXISTS":
                self._operator()
                return t.Exists(self._name(), token.at)
            case "word" if self._tokens[self._next + 1].kind == "(":
                return self._call()
            case "word":
                return t.Attribute(self._name(), token.at)
            case "text":
                self._next += 1
                return t.Literal(token.text, token.at)
            case "TRUE" | "FALSE":
                self._next += 1
                return t.Literal(token.kind == "TRUE", token.at)
            case _:
                raise SyntaxFault("syntax", token.at, "give an attribute, a value or a function")

    def _name(self) -> str:
        token = self.take("word", "give the name of an attribute")
        if "_" in token.text:
            detail = "the name of an attribute has letters and digits only"
            raise SyntaxFault("syntax", token.at, detail)
        return token.text.lower()

    def _number(self, at: int, sign: str) -> t.Node:
        digits = self.take("number", "give a number").text
        value = int(sign + digits)
        if not LEAST <= value <= MOST:
            raise SyntaxFault("out-of-range", at, "an integer has 32 bits, sign included")
        return t.Literal(value, at)

    def _call(self) -> t.Node:
        token = self._operator()
        self._next += 1
        arguments = self._members(least=0)
        name = token.text.upper()
        if self.unknown is None and functions.find(name, len(arguments)) is None:
            self.unknown = token.at
        return t.Call(name, arguments, token.at)

    def _members(self, least: int, most: int = _MOST + 1) -> tuple[t.Node, ...]:
        """Read expressions between commas up to the closing parenthesis, and go past it."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _too_deep(self._tokens[self._next - 1].at)
        members: list[t.Node] = []
        if least or self._token.kind != ")":
            members.append(self.logic())
        while len(members) < most and members and self._token.kind == ",":
            self._operator()
            members.append(self.logic())
        self.take(")", "give an operator or a closing parenthesis here")
        self._depth -= 1
        return tuple(members)


def _check_depth(tree: t.Node) -> None:
    level, depth = [tree], 1
    while level := [child for node in level for child in t.children(node)]:
        depth += 1
        if depth > _DEEPEST:
            raise _too_deep(level[0].at)


def _too_deep(at: int) -> SyntaxFault:
    return SyntaxFault("too-deep", at, f"nested deeper than {_DEEPEST} levels")


def _join(operator: Token, left: t.Node, right: t.Node) -> t.Node:
    """Join two operands; what is AND of AND, or OR of OR, becomes one row of them."""
    kind = cast("Literal['AND', 'OR', 'XOR']", operator.kind)
    if isinstance(right, t.Logic) and right.operator == kind != "XOR":
        return t.Logic(kind, (left, *right.operands), operator.at)
    return t.Logic(kind, (left, right), operator.at)
