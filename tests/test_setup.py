"""`.ci/setup` on systems that lack this or that: what it installs, mends, and says.

The systems are made up of stand-ins for their package managers and Pythons; the script is real.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "setup"
TOOLS = ("awk", "bash", "cat", "chmod", "cp", "dirname", "env", "grep", "ln", "mkdir", "rm",
         "sort", "touch")  # fmt: skip
LIBRARIES = (
    "libEGL.so.1", "libGL.so.1", "libglib-2.0.so.0", "libfontconfig.so.1", "libdbus-1.so.3",
    "libxkbcommon-x11.so.0", "libxcb-cursor.so.0", "libxcb-icccm.so.4", "libxcb-image.so.0",
    "libxcb-keysyms.so.1", "libxcb-randr.so.0", "libxcb-render-util.so.0", "libxcb-shape.so.0",
    "libxcb-xinerama.so.0",
)  # fmt: skip
PYTHON = """
case "$*" in
*ensurepip,*) [ -e "$SYSTEM/ensurepip" ] && [ "{new}" = yes ] ;;
--version) echo "Python {version}" ;;
"-m venv --clear .venv")
    rm -rf .venv; mkdir -p .venv/bin; touch .venv/pip; cp "$SYSTEM/inner" .venv/bin/python
    echo "made by {version}" >>"$SYSTEM/log" ;;
*) exit 1 ;;
esac
"""
INNER = """
case "$*" in
"-m pip --version") [ -e .venv/pip ] ;;
"-m ensurepip") touch .venv/pip; echo ensurepip >>"$SYSTEM/log" ;;
"-m pip install"*) echo "pip: $*" >>"$SYSTEM/log" ;;
*importlib*) echo "$SYSTEM/qt" ;;
*version_info*) ;;
*) exit 1 ;;
esac
"""
APT = """
echo "apt: $*" >>"$SYSTEM/log"
case "$*" in *-venv*) touch "$SYSTEM/ensurepip"; cp "$SYSTEM/new" "$SYSTEM/bin/{brings}" ;; esac
[ "$1" != install ] || cp "$SYSTEM/all" "$SYSTEM/known"
"""
CANDIDATE = """
case "$2" in {package}) echo "  Candidate: {version}" ;; *) echo "  Candidate: (none)" ;; esac
"""
VERSIONS = """[ "$1" = --compare-versions ] && case "$2" in 3.11* | 3.13*) ;; *) exit 1 ;; esac"""

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or any(shutil.which(tool) is None for tool in TOOLS),
    reason="the stand-ins are shell scripts for Linux",
)


class System:
    """A made-up system with a checkout in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, folder / "project"
        (self.project / ".ci").mkdir(parents=True)
        (folder / "bin").mkdir()
        shutil.copy(SCRIPT, self.project / ".ci" / "setup")
        for tool in TOOLS:
            (folder / "bin" / tool).symlink_to(str(shutil.which(tool)))
        self.put("inner", INNER, folder)
        self.put("ldconfig", 'cat "$SYSTEM/known"')
        self.put("id", "echo 0")
        self.put("ldd", 'cat "$SYSTEM/not-found" 2>/dev/null')
        (folder / "all").write_text(self.listing(LIBRARIES))
        self.know(LIBRARIES)

    def put(self, name: str, text: str, folder: Path | None = None) -> None:
        """A program."""
        path = (folder or self.folder / "bin") / name
        path.write_text(f"#!{shutil.which('bash')}\n{text}\n")
        path.chmod(0o755)

    def listing(self, libraries: tuple[str, ...]) -> str:
        """What ldconfig -p prints of them."""
        return "".join(f"\t{name} (libc6,x86-64) => /lib/{name}\n" for name in libraries)

    def know(self, libraries: tuple[str, ...]) -> None:
        """The linker knows these."""
        (self.folder / "known").write_text(self.listing(libraries))

    def python(self, version: str, name: str = "python3", *, complete: bool = True) -> None:
        """A Python; `complete` where it has ensurepip."""
        new = "yes" if version.startswith(("3.11", "3.13")) else "no"
        self.put(name, PYTHON.format(version=version, new=new))
        if complete:
            (self.folder / "ensurepip").touch()

    def debian(self, package: str, version: str, brings: str = "python3") -> None:
        """Debian's package manager, whose `package` brings a Python of this version."""
        self.put("apt-get", APT.format(brings=brings))
        self.put("apt-cache", CANDIDATE.format(package=package, version=version))
        self.put("dpkg", VERSIONS)
        self.put("dpkg-query", 'echo "install ok installed"')
        self.put("new", PYTHON.format(version=version, new="yes"), self.folder)

    def setup(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the script as the README says."""
        around = {"PATH": str(self.folder / "bin"), "SYSTEM": str(self.folder), "HOME": "/nowhere"}
        return subprocess.run(
            ["bash", ".ci/setup", *words], cwd=self.project, env=around, capture_output=True,
            text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    @property
    def log(self) -> list[str]:
        """What was done, line by line."""
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


def test_where_nothing_is_missing_nothing_is_installed(system: System) -> None:
    system.python("3.11.2")
    system.debian("python3-venv", "3.11.2-1")
    done = system.setup()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert system.log == [
        "made by 3.11.2",
        "pip: -m pip install -q --disable-pip-version-check -e . --constraint .ci/constraints.txt",
    ]  # fmt: skip
    assert system.setup("test").returncode == 0
    assert system.log[2:] == [
        "pip: -m pip install -q --disable-pip-version-check -e .[test] --constraint "
        ".ci/constraints.txt"
    ]


def test_a_fresh_debian_gets_libraries_and_the_module_venv(system: System) -> None:
    system.python("3.11.2", complete=False)
    system.debian("python3-venv", "3.11.2-1+b1")
    system.know(LIBRARIES[:2])
    done = system.setup()
    assert (done.returncode, done.stderr) == (0, "")
    asked = system.log[1]
    assert system.log[0] == "apt: update -qq"
    assert asked.startswith("apt: install -y -qq --no-install-recommends libglib2.0-0 libfontc")
    assert asked.endswith(" python3-venv") and "libegl1" not in asked and "libgl1" not in asked
    assert system.log[2] == "made by 3.11.2-1+b1"


def test_python_itself_is_brought(system: System) -> None:
    system.debian("python3-venv", "3.13.5-1")
    assert system.setup().returncode == 0
    assert system.log[1].endswith("recommends python3-venv") and system.log[2] == "made by 3.13.5-1"


def test_a_newer_python_is_taken_beside_one_that_is_too_old(system: System) -> None:
    system.python("3.10.6")
    system.python("3.11.4", "python3.11")
    assert system.setup().returncode == 0
    assert system.log[0] == "made by 3.11.4"


def test_a_newer_python_is_brought_beside_one_that_is_too_old(system: System) -> None:
    system.python("3.10.6")
    system.debian("python3.11-venv", "3.11.0~rc1-1~22.04", brings="python3.11")
    assert system.setup().returncode == 0
    assert system.log[1].endswith("python3.11-venv")
    assert system.log[2] == "made by 3.11.0~rc1-1~22.04"


@pytest.mark.parametrize("python", ["", "3.9.2", "incomplete"])
def test_without_a_package_manager_all_that_is_needed_is_named(python: str, system: System) -> None:
    if python:
        system.python("3.11.2" if python == "incomplete" else python, complete=python == "3.9.2")
    system.know(LIBRARIES[1:])
    done = system.setup()
    assert done.returncode == 2 and not done.stdout
    assert "Python 3.11 or newer with its modules venv and ensurepip is needed" in done.stderr
    assert "libEGL.so.1" in done.stderr and "libGL.so.1" not in done.stderr
    assert "Debian's are libegl1 fonts-dejavu-core" in done.stderr
    assert not (system.project / ".venv").exists() and system.log == []


@pytest.mark.parametrize(
    ("manager", "said"),
    [
        ("dnf", "dnf install 'libEGL.so.1()(64bit)' 'libxcb-cursor.so.0()(64bit)' dejavu"),
        ("zypper", "zypper install 'libEGL.so.1()(64bit)' 'libxcb-cursor.so.0()(64bit)' dejavu"),
        ("pacman", "'pacman -F' with a library's name tells its package"),
        ("other", "Debian's are libegl1 libxcb-cursor0 fonts-dejavu-core"),
    ],
)  # fmt: skip
def test_libraries_that_qt_does_not_get_are_named_at_the_end(
    manager: str, said: str, system: System
) -> None:
    system.python("3.13.1")
    system.put(manager, "exit 9")
    (system.folder / "not-found").write_text(
        "\tlibEGL.so.1 => not found\n\tlibc.so.6 => /lib/libc.so.6 (0x1)\n"
        "\tlibxcb-cursor.so.0 => not found\n\tlibEGL.so.1 => not found\n"
    )
    done = system.setup()
    assert done.returncode == 1
    assert "libraries, which are not here: libEGL.so.1 libxcb-cursor.so.0\n" in done.stderr
    assert said in done.stderr
    assert done.stderr.endswith(
        "Everything else is installed; .venv/bin/rk-engine works without them.\n"
    )
    assert system.log[-1].startswith("pip: -m pip install")


@pytest.mark.parametrize("sudo", [None, "exit 1"])
def test_who_may_not_install_is_told_what_to_ask_for(sudo: str | None, system: System) -> None:
    system.python("3.11.2")
    system.debian("python3-venv", "3.11.2-1")
    system.put("id", "echo 1000")
    if sudo:
        system.put("sudo", sudo)
    system.know(LIBRARIES[1:])
    (system.folder / "not-found").write_text("\tlibEGL.so.1 => not found\n")
    done = system.setup()
    assert done.returncode == 1
    assert "As an administrator: apt-get install libegl1" in done.stderr
    assert system.log[0] == "made by 3.11.2" and system.log[1].startswith("pip:")


def test_who_may_use_sudo_is_not_asked_for_more(system: System) -> None:
    system.python("3.11.2", complete=False)
    system.debian("python3-venv", "3.11.2-1")
    system.put("id", "echo 1000")
    system.put("sudo", 'echo "sudo $1" >>"$SYSTEM/log"; [ "$1" = -n ] && shift; exec "$@"')
    assert system.setup().returncode == 0
    assert system.log[:2] == ["sudo -n", "apt: update -qq"] and "made by 3.11.2-1" in system.log


@pytest.mark.parametrize("kind", ["empty", "dangling", "no pip"])
def test_a_half_made_environment_is_mended(kind: str, system: System) -> None:
    system.python("3.11.2")
    inside = system.project / ".venv" / "bin"
    inside.mkdir(parents=True)
    if kind == "dangling":
        (inside / "python").symlink_to("/nowhere/python3")
    if kind == "no pip":
        shutil.copy(system.folder / "inner", inside / "python")
    done = system.setup()
    assert (done.returncode, done.stderr) == (0, "")
    assert system.log[0] == ("ensurepip" if kind == "no pip" else "made by 3.11.2")
    assert len(system.log) == 2


def test_the_script_is_what_bash_can_read() -> None:
    done = subprocess.run(["bash", "-n", str(SCRIPT)], capture_output=True, check=False)
    assert done.returncode == 0 and os.access(SCRIPT, os.X_OK)
