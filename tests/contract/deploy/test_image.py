"""The container file and its locks, by reading: what goes in, as whom it runs."""

import fnmatch
import importlib.metadata
import re
from collections.abc import Iterable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.contract.deploy.files import (
    DEPLOY,
    ROOT,
    entrypoint,
    final_steps,
    locked,
    project,
    steps,
)


def closure(wanted: Iterable[str]) -> set[str]:
    """Follow requirements through what is installed here; give every package on the way."""
    found: set[str] = set()
    left = [(Requirement(text), "") for text in wanted]
    while left:
        requirement, extra = left.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        inner = importlib.metadata.requires(name) or []
        for each in ("", *requirement.extras) if name not in found else requirement.extras:
            left += [(Requirement(text), each) for text in inner]
        found.add(name)
    return found


def copied() -> list[str]:
    """List what the container file takes from the project."""
    texts = [rest for word, rest in steps() if word == "COPY" and "--from" not in rest]
    return [source for text in texts for source in text.split()[:-1]]


def test_the_lock_of_the_image_is_the_lock_without_the_extras() -> None:
    """The same versions and hashes as everywhere, of what the bus runs with and nothing else."""
    image, full = locked("deploy/requirements.lock"), locked("requirements.lock")
    assert image == {name: full[name] for name in image}
    extras = project()["project"]["optional-dependencies"]
    for text in (*extras["embedded"], *extras["dev"]):
        assert canonicalize_name(Requirement(text).name) not in image
    needed = closure(project()["project"]["dependencies"])
    assert needed <= set(image)
    text = (DEPLOY / "requirements.lock").read_text()
    elsewhere = set(re.findall(r"^([\w.-]+)==\S+ ; ", text, flags=re.MULTILINE))
    assert set(image) - elsewhere <= needed


def test_the_wheel_is_built_by_what_is_locked() -> None:
    """The build back-end too comes at the version and hash of the main lock."""
    build, full = locked("deploy/build.lock"), locked("requirements.lock")
    assert set(project()["build-system"]["requires"]) <= set(build)
    assert build == {name: full[name] for name in build}


def test_locks_name_no_index() -> None:
    """Names, versions and hashes: where packages come from is the reader's own choice."""
    for path in ("requirements.lock", "deploy/requirements.lock", "deploy/build.lock"):
        text = (ROOT / path).read_text()
        assert "://" not in text
        assert "--index" not in text
        assert all(hashes for _, hashes in locked(path).values())


def test_nothing_is_installed_unchecked() -> None:
    """Each call of pip checks hashes, or may not ask an index."""
    runs = [rest for word, rest in steps() if word == "RUN"]
    calls = [call for run in runs for call in re.findall(r"-m pip .*?(?=&&|$)", run)]
    assert len(calls) == 5
    for call in calls:
        assert "uninstall" in call or "--require-hashes" in call or "--no-index" in call, call


def test_all_packages_of_the_wheel_are_copied_and_sent() -> None:
    """A package that the project gets is not forgotten in the image; the ignore file lets it by."""
    packages = project()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    present = {name for name in packages if any((ROOT / name).rglob("*.*"))}
    assert present <= set(copied())
    allowed = [
        line[1:]
        for line in (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    ]
    for source in copied():
        assert (ROOT / source).exists()
        assert any(fnmatch.fnmatch(source, pattern) for pattern in allowed), source


def test_the_image_runs_the_command_as_nobody_in_particular() -> None:
    """Not root, by number; no tool to install with; what it is stands on its labels."""
    final = final_steps()
    words = dict(final)
    assert all(int(number) > 0 for number in words["USER"].split(":"))
    assert entrypoint() == ["bus"]
    assert "bus" in project()["project"]["scripts"]
    assert [rest for word, rest in final if word == "COPY"] == ["--from=build /opt/bus /opt/bus"]
    assert "pip uninstall --yes pip setuptools wheel" in words["RUN"]
    arguments = dict(rest.split("=", 1) for word, rest in final if word == "ARG")
    assert arguments["VERSION"] == project()["project"]["version"]
    assert f'image.licenses="{project()["project"]["license"]}"' in words["LABEL"]


def test_both_stages_have_one_official_base_with_a_tag() -> None:
    """A wheel that fits the first stage fits the last; a Python that the bus supports."""
    bases = [rest.split()[0] for word, rest in steps() if word == "FROM"]
    assert bases == ["python:3.11-trixie", "python:3.11-slim-trixie"]
    assert project()["project"]["requires-python"] == ">=3.11"
