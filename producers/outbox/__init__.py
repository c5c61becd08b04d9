"""The outbox of a register: events written in its own transactions, relayed to the log."""
