"""The user that Postgres runs as when we are root, and the folders it must be able to enter."""

import os
import pwd
from pathlib import Path

from bus.embedded.process import Account

_NOBODY = 65_534  # where the system has no user of that name


def unprivileged(data: Path) -> Account | None:
    """Give the user to become: None unless we are root; the owner of `data`, else nobody.

    Data made by an ordinary user stays that user's, so that both can go on with it.
    """
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    try:
        entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    except KeyError:
        number = owner or _NOBODY
        return Account(f"user {number}", number, number)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def open_to_others(path: Path) -> bool:
    """Say whether everybody may read `path` and enter all folders above it."""
    whole = path.resolve()
    wanted = 0o005 if whole.is_dir() else 0o004
    return whole.stat().st_mode & wanted == wanted and all(
        parent.stat().st_mode & 0o001 for parent in whole.parents
    )
