"""The engine: reads each partition once, delivers to every subscription, saves exact positions."""
