"""The command `bus`: exit code 0 when all is done, 1 when it failed, 2 for wrong usage."""

import sys
from contextlib import suppress

from bus.cli.failure import Failure
from bus.cli.root import tree
from bus.embedded.errors import EmbeddedProblem
from bus.log.errors import LogError
from bus.observe.traces import error_name, places
from bus.settings import SettingsError
from bus.store.errors import StoreError

_CURE_STORE = "Cure: check BUS_DATABASE_URL; `bus doctor` looks closer."
_CURE_LOG = "Cure: check BUS_KAFKA_BOOTSTRAP; `bus doctor` looks closer."


def main() -> None:
    """Run the command line; says what went wrong in a sentence, never in a traceback."""
    try:
        tree(sys.argv[1:])()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `bus tail | head` has seen enough
        with suppress(OSError):
            sys.stdout.close()
        sys.exit(0)
    except Exception as error:  # noqa: BLE001 - the last place that can say anything
        text, code = _explain(error)
        sys.stderr.write(f"bus: {text}\n")
        sys.exit(code)


def _explain(error: BaseException) -> tuple[str, int]:
    """Give the sentence for an error and the exit code."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case SettingsError():
            return str(error), 2
        case Failure() | EmbeddedProblem():
            return str(error), 1
        case StoreError():
            return f"Postgres: {type(error).__name__}: {error}. {_CURE_STORE}", 1
        case LogError():
            return f"Kafka: {type(error).__name__}: {error}. {_CURE_LOG}", 1
        case _:
            # The text of an unforeseen error may quote an event.
            return f"something unforeseen: {error_name(error)} at {places(error)[-1]}", 1


if __name__ == "__main__":
    main()
