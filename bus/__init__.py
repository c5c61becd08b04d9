"""What producers and consumers share: the event, the log, the store, the doors."""
