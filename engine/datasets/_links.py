"""Links in an image folder that lead out of it.

What lies behind them is somewhere else on this machine, and would leave with the next bundle; so
it is read only where a person says so. Links within the folder are read, and the folder itself may
be one: that a person has named.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.errors import LinkError
from engine.spec import FOLLOW


def check(root: Path, paths: Iterable[Path], links: str) -> frozenset[Path]:
    """Those of the paths below `root` that lie elsewhere; LinkError if they may not.

    links: FOLLOW, or REFUSE.
    """
    away = leading_out(root, paths)
    if away and links != FOLLOW:
        raise _refused(root, away)
    return frozenset(away)


def leading_out(root: Path, paths: Iterable[Path]) -> list[Path]:
    """Those of the paths below `root` that lie elsewhere once all links are followed, in order."""
    within = functools.cache(functools.partial(_within, os.path.realpath(root)))

    def stays(path: Path) -> bool:
        return within(path.parent) and (not _may_lead_away(path) or within(path))

    return [path for path in paths if not stays(path)]


def _may_lead_away(path: Path) -> bool:
    """Whether it is a link; on Windows any folder may be a junction, which is none."""
    return os.path.islink(path) or (os.name == "nt" and os.path.isdir(path))


def _within(root: str, path: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(root)


def _refused(root: Path, away: Sequence[Path]) -> LinkError:
    link = _link_of(root, away[0])
    more = f" {len(away):,} of the files and folders to be read lie there or elsewhere outside."
    return LinkError(
        f"{link} is a link that leads out of {root}, to {os.path.realpath(link)}: what lies there "
        f"is not read, since it would leave with a bundle.{more if len(away) > 1 else ''} If you "
        "want it read, have links followed (--links follow); else put copies in their place, or "
        "take them away."
    )


def _link_of(root: Path, path: Path) -> Path:
    """The first part of the path that leads out of `root`."""
    real = os.path.realpath(root)
    parts = [one for one in (path, *path.parents) if one != root and one.is_relative_to(root)]
    return next((one for one in reversed(parts) if not _within(real, one)), path)
