"""The webhook sink: a signed CloudEvent, POSTed to an address the guard allows."""
