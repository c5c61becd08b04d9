"""A register changed → an event in the log."""
