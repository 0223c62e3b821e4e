"""The tables of timings in the texts are those of benchmarks/attention.csv; nobody copies them by hand."""

import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import tables

    yield tables
    del sys.modules["tables"]


@pytest.mark.parametrize("path", ["README.md", "benchmarks/README.md"])
def test_a_text_shows_the_table_that_is_committed(path, tables):
    text, timings = (
        (ROOT / path).read_text(encoding="utf-8"),
        tables.pd.read_csv(ROOT / "benchmarks/attention.csv"),
    )
    assert "<!-- timings: " in text
    assert tables.filled(text, timings) == text
    timings["ratio"] += 0.1
    assert tables.filled(text, timings) != text


def test_the_committed_table_has_every_module_on_every_shape_in_both_modes():
    timings = pd.read_csv(ROOT / "benchmarks" / "attention.csv")
    for group in ("CBAM", "SE"):
        counts = timings[timings.group == group].groupby("what").size()
        assert (counts == 12).all(), counts
    assert {"naive", "readable", "fused", "timm", "torch.compile"} <= set(timings.what)
