"""What was chosen and shown on each dataset opened before. Plain data."""

from __future__ import annotations

from dataclasses import dataclass

from engine.storage.paths import absolute
from explorer.state.study_form import StudyForm

MOST = 30  # datasets


@dataclass(frozen=True)
class LeftDataset:
    """A dataset as it was left: settings, forget set of its data, and the key of the shown study.

    fingerprint: of the data that the indices refer to; study: '' if none was shown.
    """

    form: StudyForm
    forget: tuple[int, ...] = ()
    fingerprint: str = ""
    study: str = ""

    @property
    def place(self) -> tuple[str, str]:
        """The dataset's name and its folder."""
        return self.form.dataset, absolute(self.form.root)


Remembered = tuple[LeftDataset, ...]  # one a place, the latest last


def remember(datasets: Remembered, left: LeftDataset) -> Remembered:
    """These datasets with one more, or one anew; the oldest are dropped beyond `MOST`."""
    others = (other for other in datasets if other.place != left.place)
    return (*others, left)[-MOST:]


def recall(datasets: Remembered, name: str, root: str) -> LeftDataset | None:
    """The dataset in this place as it was left, None if it was not open before."""
    place = (name, absolute(root))
    return next((left for left in datasets if left.place == place), None)
