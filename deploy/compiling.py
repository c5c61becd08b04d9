"""Compiles the hot paths with mypyc (decision 18): into a wheel, or into a folder to measure.

`BUS_COMPILED=1 pip wheel .` gives a wheel for this platform and Python; without it, it is the plain
one, of which nothing differs but the speed. `python deploy/compiling.py FOLDER` makes a folder with
the packages and what is compiled of them, to be put in PYTHONPATH. Both need a C compiler.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from typing_extensions import override

ROOT = Path(__file__).parents[1]
PACKAGES = ("bus", "producers", "consumers")

MODULES = (
    *("bus/log/logged.py", "bus/pull/entry.py"),
    *(f"bus/match/{name}.py" for name in ("demands", "index")),
    *(
        f"consumers/dispatch/{name}.py"
        for name in (
            *("admission", "budget", "consequences", "courier", "decision", "envelope", "flights"),
            *("invalid", "letters", "member", "pace", "parking", "room", "rows", "shelf"),
            *("stream", "subscriber", "tail", "window"),
        )
    ),
    "consumers/sinks/outcome.py",
    *(
        f"consumers/sinks/webhook/{name}.py"
        for name in ("answer", "connection", "rendering", "request", "sign")
    ),
)
"""What each delivery passes through. Not the codec, whose attributes may be Booleans where their
type says int: compiled, they are integers from there on. Not what is held by weak references
(`pool`, `caps`): mypyc's classes know none."""

# The compiler's first level: the higher ones take a third longer and spare no instruction.
_BUILD = """
import sys
from mypyc.build import mypycify
from setuptools import setup
extensions = mypycify(sys.argv[1:], opt_level="1", debug_level="0", group_name="gemeentebus")
setup(name="gemeentebus", packages=[], ext_modules=extensions,
      script_args=["--quiet", "build_ext", "--inplace"])
"""


class CompiledWheel(BuildHookInterface[Any]):
    """Adds what is compiled to the wheel, where BUS_COMPILED asks for it."""

    @override
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or os.environ.get("BUS_COMPILED") != "1":
            return
        self._folder = TemporaryDirectory()
        folder = Path(self._folder.name)
        built = compile_into(folder)
        build_data["force_include"] |= {str(each): str(each.relative_to(folder)) for each in built}
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    @override
    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if build_data.get("infer_tag"):
            self._folder.cleanup()


def compile_into(folder: Path) -> list[Path]:
    """Copy the packages into a folder and compile the modules beside them; give what that made."""
    for name in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "*.so")
        shutil.copytree(ROOT / name, folder / name, ignore=ignored, dirs_exist_ok=True)
    command = [sys.executable, "-c", _BUILD, f"--config-file={ROOT / 'pyproject.toml'}", *MODULES]
    subprocess.run(command, cwd=folder, check=True)  # noqa: S603 - our own modules
    shutil.rmtree(folder / "build")
    return sorted(folder.rglob("*.so"))


if __name__ == "__main__":
    target = Path(sys.argv[1])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    compile_into(target.resolve())
