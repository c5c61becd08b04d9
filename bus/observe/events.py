"""The table of log lines: every line the bus writes has one of these names."""

from enum import StrEnum


class LogEvent(StrEnum):
    """`room.what_happened`; what varies stands in the keys, never in the name."""

    # Every role
    ROLE_STARTED = "role.started"
    ROLE_STOPPED = "role.stopped"
    ROLE_FAILED = "role.failed"
    LIBRARY = "library.message"  # a line of aiokafka, asyncio, uvicorn … at warning or above

    # API
    BATCH_PARTIAL = "api.batch_partial"
    REQUEST_FAILED = "api.request_failed"  # a 500: our fault
    REQUEST_UNAVAILABLE = "api.request_unavailable"  # a 503: the log or the store is away
    ACCESS_REFUSED = "api.access_refused"
    DOMAIN_CREATED = "api.domain_created"
    EVENT_TYPE_CREATED = "api.event_type_created"
    EVENT_TYPE_CHANGED = "api.event_type_changed"
    SCHEMA_ADDED = "api.schema_added"
    DOMAIN_CHANGED = "api.domain_changed"
    SUBSCRIPTION_CREATED = "api.subscription_created"
    SUBSCRIPTION_CHANGED = "api.subscription_changed"
    SUBSCRIPTION_DELETED = "api.subscription_deleted"
    REPLAY_ASKED = "api.replay_asked"
    LETTERS_REDRIVEN = "api.letters_redriven"  # asked for; the owner of the partition does it
    LETTERS_PURGED = "api.letters_purged"
    DIRECTORY_STALE = (
        "api.directory_stale"  # the catalogue could not be read anew; the old one serves
    )
    SETTINGS_INSECURE = "settings.insecure"  # a guard was relaxed by a setting

    # Log
    LOG_UNAVAILABLE = "log.unavailable"
    CLIENT_RECREATED = "log.client_recreated"  # the watchdog found a client that stood still

    # Store
    STORE_UNAVAILABLE = "store.unavailable"

    # Dispatch
    PARTITION_ASSIGNED = "dispatch.partition_assigned"
    PARTITION_FENCED = "dispatch.partition_fenced"
    PARTITION_FAILED = "dispatch.partition_failed"
    PARTITION_STOPPED = "dispatch.partition_stopped"
    SAVE_FAILED = "dispatch.save_failed"
    POSITION_GAP = "dispatch.position_gap"  # the log lost events before they were delivered
    OUTAGE_BEGAN = "dispatch.outage_began"
    OUTAGE_ENDED = "dispatch.outage_ended"
    DELIVERY_FAILED = "dispatch.delivery_failed"
    DELIVERY_GIVEN_UP = "dispatch.delivery_given_up"  # it becomes a dead letter
    SUBSCRIPTION_DISABLED = "dispatch.subscription_disabled"
    EXCEPTIONS_BARRED = "dispatch.exceptions_barred"  # parked or dead events cannot be written
    INVALID_RECORD_REFUSED = "dispatch.invalid_record_refused"  # it cannot be put on record
    DELIVERY_ABANDONED = (
        "dispatch.delivery_abandoned"  # unanswered at the drain deadline: will be repeated
    )
    SUBSCRIPTION_INVALID = "dispatch.subscription_invalid"
    EVENT_UNREADABLE = "dispatch.event_unreadable"

    # Relay
    RELAY_CONNECTED = "relay.connected"
    RELAY_WAITING = "relay.waiting"
    RELAY_ROW_REFUSED = "relay.row_refused"
    RELAY_FAILED = "relay.failed"

    # Chores, which one dispatcher of all does
    CHORE_FAILED = "chores.failed"
    CHORE_RECOVERED = "chores.recovered"
    TOPIC_WIDENED = "chores.topic_widened"  # it takes larger events: a setting was raised
    NOTICE_REFUSED = "chores.notice_refused"  # it is larger than the log can take: it is dropped
    TABLE_TIDIED = "chores.table_tidied"  # rows that nobody needs any more were removed
    ATTEMPTS_DROPPED = "chores.attempts_dropped"  # the table of a day

    # Embedded parts
    CHILD_STARTED = "embedded.child_started"
    CHILD_STOPPED = "embedded.child_stopped"
    CHILD_DIED = "embedded.child_died"
    DOWNLOAD_STARTED = "embedded.download_started"
    DOWNLOAD_FINISHED = "embedded.download_finished"
    DOWNLOAD_FAILED = "embedded.download_failed"
