"""Inbox topics: a component's own, on the cluster of the bus."""
