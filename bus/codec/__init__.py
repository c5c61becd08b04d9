"""Events to and from their wire forms: JSON, HTTP, Kafka, and the type of the CloudEvents SDK.

Every decoder raises `bus.event.InvalidEvent` with all faults found; every encoder takes a valid
event, as a decoder or `bus.codec.checked.checked` gives it.
"""
