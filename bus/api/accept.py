"""Which of the forms that an operation has, a client wants (RFC 9110 §12.5.1)."""

from collections.abc import Sequence

from bus.api.problem import Problem


def accepted(header: str | None, forms: Sequence[str]) -> str:
    """Give the form that the Accept header likes best, the first of equals; 406 for none."""
    wishes = [_wish(part) for part in (header or "*/*").split(",")]
    best = max(forms, key=lambda form: _quality(form, wishes))
    if _quality(best, wishes) <= 0:
        detail = f"This comes as {', '.join(forms)}."
        raise Problem(406, "not-acceptable", detail)
    return best


def _wish(part: str) -> tuple[str, float]:
    range_, *parameters = (piece.strip().lower() for piece in part.split(";"))
    given = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return range_, float(given)
    except ValueError:
        return range_, 0.0


def _quality(form: str, wishes: Sequence[tuple[str, float]]) -> float:
    """Give the q of the most specific range that covers a form, 0 when none does."""
    kind = form.partition("/")[0]
    for range_ in (form, f"{kind}/*", "*/*"):
        found = [quality for wanted, quality in wishes if wanted == range_]
        if found:
            return max(found)
    return 0.0
