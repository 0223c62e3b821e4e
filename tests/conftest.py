"""What every test shares: no network, a progress folder of its own, and quiet kernels."""

import offline  # noqa: F401  (importing it refuses every connection beyond this computer)
import pytest
from isolation import pytest_configure, pytest_unconfigure  # noqa: F401  (hooks)


@pytest.fixture(autouse=True)
def _own_progress(tmp_path, monkeypatch):
    monkeypatch.setenv("CBAM_COURSE_HOME", str(tmp_path / "home"))
