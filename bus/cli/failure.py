"""How a command says that it failed: one sentence, and the cure."""


class Failure(Exception):
    """The command could not do what was asked; the text says why and what helps. Exit code 1."""
