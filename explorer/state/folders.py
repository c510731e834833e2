"""The folders that were chosen last, one for each purpose, kept with the settings."""

from __future__ import annotations

from pathlib import Path

from engine.storage.paths import is_folder

DATA, SESSIONS, INDICES = "data", "sessions", "indices"  # purposes
FIGURES, REPORTS, WEIGHTS = "figures", "reports", "weights"


class Folders:
    """Remembers where somebody looked last. `stored` is kept up to date: purpose -> folder."""

    def __init__(self, stored: dict[str, str]) -> None:
        self._stored = stored

    def last(self, purpose: str) -> Path:
        """The folder chosen last for this purpose, else for any, else the home folder."""
        names = [self._stored.get(purpose, ""), *reversed(self._stored.values())]
        places = (Path(name) for name in names if isinstance(name, str) and name)
        return next((place for place in places if is_folder(place)), Path.home())

    def remember(self, purpose: str, folder: Path) -> None:
        """Note the folder chosen for a purpose."""
        self._stored.pop(purpose, None)  # the newest comes last
        self._stored[purpose] = str(folder)
