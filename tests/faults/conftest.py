"""How long the tests of faults may take."""

from __future__ import annotations

import pytest

SHORT, LONG = 12, 200  # kills


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How many processes are killed; with --long-faults as many as are promised."""
    return LONG if request.config.getoption("--long-faults") else SHORT
