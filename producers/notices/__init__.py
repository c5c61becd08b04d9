"""What the bus tells of itself: found in the positions, and taken to the log."""
