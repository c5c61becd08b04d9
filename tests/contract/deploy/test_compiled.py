"""The wheel of the container image: its hot paths are compiled, and behave as they read."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.contract.deploy.files import ROOT, compiled_modules

_MODEL = "tests/property/test_dispatch_model.py::test_nothing_is_"
SAME = (
    *("tests/unit/dispatch", "tests/unit/sinks"),
    *(f"{_MODEL}lost_or_reordered_by_crashes[0]", f"{_MODEL}repeated_without_a_crash[0]"),
)
"""What must hold of the compiled modules, too: what decides, what goes over the wire, the model."""

LOAD_ALL = """
import importlib, pkgutil, bus, consumers, producers
for package in (bus, consumers, producers):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(consumers.dispatch.window.__file__)
"""
"""A class that is not compiled may not inherit from one that is: that shows when it is made."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel as the container file does; needs a C compiler, as that has one."""
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler here to compile with")
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps"]
    subprocess.run(  # noqa: S603 - our own wheel
        [*pip, "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)],
        env={**os.environ, "BUS_COMPILED": "1"},
        check=True,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.timeout(600)
def test_the_compiled_wheel_does_the_same(wheel: Path, tmp_path: Path) -> None:
    """It is for this platform, has each module compiled, and passes the tests of what it reads."""
    assert not wheel.name.endswith("-any.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path)
    for module in compiled_modules():
        (found,) = (tmp_path / module).parent.glob(f"{Path(module).stem}.*.so")
        assert found.stat().st_size
    load = python(tmp_path, "-c", LOAD_ALL)
    assert load.returncode == 0, load.stderr
    assert load.stdout.strip().endswith(".so")
    run = python(tmp_path, "-m", "pytest", "-q", "-o", "pythonpath=", *SAME)
    assert run.returncode == 0, run.stdout[-3_000:]


def python(packages: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these packages in the place of the project's own, and the project's tests."""
    return subprocess.run(  # noqa: S603 - our own tests
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": f"{packages}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
