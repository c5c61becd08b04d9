"""CESQL 1.0, the CloudEvents SQL expression language: text → tree → a closure over the attributes.

Where the prose of the standard and its grammar differ, the grammar holds, as in the reference
engines: AND, OR and XOR have one precedence and group to the right, so that `a OR b AND c` is
`a OR (b AND c)` and `a AND b OR c` is `a AND (b OR c)`. NOT binds tighter than everything behind
it: `NOT a = b` is `(NOT a) = b`. Wider than the grammar in one point: `1-2` is a subtraction, where
its lexer takes `-2` for a literal and the parser then finds no operator.
"""

from bus.match.cesql.compiler import Getter, Outcome, compile_tree, evaluate
from bus.match.cesql.parser import parse
from bus.match.cesql.tokens import LONGEST, SyntaxFault
from bus.match.cesql.tree import Expression
from bus.match.cesql.values import Failure, Kind

__all__ = [
    "LONGEST",
    "Expression",
    "Failure",
    "Getter",
    "Kind",
    "Outcome",
    "SyntaxFault",
    "compile_tree",
    "evaluate",
    "parse",
]
