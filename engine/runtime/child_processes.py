"""Child processes: what they may import, which environment they get, and where they run.

By default Python looks for modules in the current folder (`-c`, `-m`) and wherever PYTHONPATH
points. Users start the program in folders with unpacked downloads, and a file there may be called
numpy.py. A child imports from the folders of its parent, except the current folder.
"""

from __future__ import annotations

import functools
import os
import sys

HOME = os.path.abspath(
    os.path.join(os.path.realpath(__file__), *[os.pardir] * 3)
)  # the folder that holds `engine`
START = (
    "import json, runpy, sys; sys.path[:] = json.loads(sys.argv.pop(1)); "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def command(module: str, *arguments: str) -> list[str]:
    """The command line that runs `module` as `python -m` does, isolated.

    Start it with `environment()` and in `folder()`.
    """
    import json

    return [sys.executable, "-I", "-c", START, json.dumps(folders()), module, *arguments]


def environment() -> dict[str, str]:
    """A child's environment: all variables but those that change how Python runs or imports."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@functools.cache
def folder() -> str:
    """An empty folder for children to run in, removed when this process ends."""
    import atexit
    import shutil
    import tempfile

    path = tempfile.mkdtemp(prefix="rk-explorer-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def folders() -> list[str]:
    """A child's module search path: that of this process without the current folder."""
    return list(dict.fromkeys([HOME, *filter(_is_safe, map(os.fspath, sys.path))]))


def leave_current_folder() -> None:
    """Remove the current folder from this process's module search path as well.

    `python -m engine` puts it first. It is kept if it is the folder that holds this program.
    """
    sys.path[:] = [entry for entry in sys.path if entry == HOME or _is_safe(entry)]


def _is_safe(entry: str) -> bool:
    """Whether this entry of sys.path is absolute and not the current folder."""
    if not os.path.isabs(entry):
        return False
    try:
        return not os.path.samefile(entry, os.getcwd()) or os.path.samefile(entry, HOME)
    except OSError:  # one of the two does not exist
        return True
