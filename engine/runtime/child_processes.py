"""Processes of our own: what they may import, what they see of the environment, where they run.

Python by itself looks for modules in the current folder (`-c`, `-m`), and in whatever PYTHONPATH
names. People start the program where somebody's data were unpacked, and a file there may be called
numpy.py. A child imports from the folders that its parent imports from, the current one excepted.
"""

from __future__ import annotations

import functools
import os
import sys

HOME = os.path.abspath(os.path.join(os.path.realpath(__file__), *[os.pardir] * 3))  # of `engine`
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
    """The variables that a child gets: all but those that change what Python does or imports."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@functools.cache
def folder() -> str:
    """An empty folder for children to run in, removed when this process ends."""
    import atexit
    import shutil
    import tempfile

    made = tempfile.mkdtemp(prefix="rk-explorer-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def folders() -> list[str]:
    """Where modules are looked for: this process's folders, without the current one."""
    return list(dict.fromkeys([HOME, *filter(_is_safe, map(os.fspath, sys.path))]))


def leave_current_folder() -> None:
    """Have this process import nothing from the current folder either.

    `python -m engine` puts it first. It stays where it is the one that this program lies in.
    """
    sys.path[:] = [one for one in sys.path if one == HOME or _is_safe(one)]


def _is_safe(entry: str) -> bool:
    """Whether this entry of sys.path is the same place wherever a process runs, and not here."""
    if not os.path.isabs(entry):
        return False
    try:
        return not os.path.samefile(entry, os.getcwd()) or os.path.samefile(entry, HOME)
    except OSError:  # one of the two does not exist
        return True
