"""`bus demo`: a register that changes, three components that subscribed, and what they receive."""
