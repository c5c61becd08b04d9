"""What the bus says about itself: log lines and metrics, each from one table."""
