"""The parts that heads are drawn from: small ones of our own always, the genuine ones where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .tiny_assets import write_tiny_assets

GENUINE = os.environ.get("HEADPOSE_ASSETS")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small parts, not to be written to."""
    return write_tiny_assets(tmp_path_factory.mktemp("parts") / "tiny")


@pytest.fixture(scope="session", params=["tiny", "genuine"] if GENUINE else ["tiny"])
def assets_folder(request: pytest.FixtureRequest) -> Path:
    """A folder of parts, not to be written to: first ours, then the one that HEADPOSE_ASSETS names, if any."""
    if request.param == "genuine":
        assert GENUINE
        return Path(GENUINE)
    folder: Path = request.getfixturevalue("tiny_folder")
    return folder
