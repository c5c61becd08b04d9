"""What an expression is made of. `at` is where in the text it begins, or its operator stands."""

from typing import Literal as OneOf

from msgspec import Struct

Value = str | int | bool


class Literal(Struct, frozen=True):
    """A value that is written out."""

    value: Value
    at: int


class Attribute(Struct, frozen=True):
    """A context attribute, by its name in lower case."""

    name: str
    at: int


class Exists(Struct, frozen=True):
    """Whether the event has the attribute."""

    name: str
    at: int


class Not(Struct, frozen=True):
    """NOT x, and the outside of NOT LIKE and NOT IN."""

    operand: "Node"
    at: int


class Minus(Struct, frozen=True):
    """-x."""

    operand: "Node"
    at: int


class Like(Struct, frozen=True):
    """Operand LIKE pattern."""

    operand: "Node"
    pattern: str
    at: int


class In(Struct, frozen=True):
    """Operand IN (choices)."""

    operand: "Node"
    choices: tuple["Node", ...]
    at: int


class Arithmetic(Struct, frozen=True):
    """Two integers to one."""

    operator: str
    left: "Node"
    right: "Node"
    at: int


class Equality(Struct, frozen=True):
    """Left = right, or <> when not `equal`."""

    equal: bool
    left: "Node"
    right: "Node"
    at: int


class Order(Struct, frozen=True):
    """<, <=, > or >= of two integers."""

    operator: str
    left: "Node"
    right: "Node"
    at: int


class Logic(Struct, frozen=True):
    """Operands joined by one operator: two or more by AND or OR, two by XOR."""

    operator: OneOf["AND", "OR", "XOR"]
    operands: tuple["Node", ...]
    at: int


class Call(Struct, frozen=True):
    """A function by its name in upper case, which need not exist."""

    name: str
    arguments: tuple["Node", ...]
    at: int


Node = (
    Literal
    | Attribute
    | Exists
    | Not
    | Minus
    | Like
    | In
    | Arithmetic
    | Equality
    | Order
    | Logic
    | Call
)


def children(node: Node) -> tuple[Node, ...]:
    """Give the nodes right below."""
    match node:
        case Literal() | Attribute() | Exists():
            return ()
        case Not(operand) | Minus(operand) | Like(operand):
            return (operand,)
        case In(operand, choices):
            return (operand, *choices)
        case Logic(_, operands) | Call(_, operands):
            return operands
        case _:
            return (node.left, node.right)


class Expression(Struct, frozen=True):
    """A text that was read."""

    tree: Node
    mixed: int | None
    """Where AND, OR or XOR first stands beside another of them without parentheses."""
    unknown: int | None
    """Where a function is called first that does not exist with so many arguments."""
