"""Packages and real data that the program does without, and some of its tests do not."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest


def needs(package: str) -> pytest.MarkDecorator:
    """Skip a test where this package is not installed; nothing is imported to find out."""
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed here")


def shared_data(name: str) -> Path:
    """A file of real data beside the checkout, or in $RK_TEST_DATA; skips a test without it."""
    beside = Path(__file__).parents[3] / "shared" / "data"
    path = Path(os.environ.get("RK_TEST_DATA") or beside) / name
    if not path.exists():
        pytest.skip(f"set RK_TEST_DATA to the folder of {name}, or provide {path}")
    return path
