"""The tables of timings in the texts are those of benchmarks/attention.csv; nobody copies them by hand."""

import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from cbam_course import CBAM, SqueezeExcitation
from cbam_course.attention.fused import fuse
from cbam_course.inspection.cost import count_traffic

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


@pytest.mark.parametrize("form", ["readable", "fused"])
@pytest.mark.parametrize(("name", "module"), [("SE", SqueezeExcitation), ("CBAM", CBAM)])
def test_the_passes_in_the_text_are_those_that_are_counted(name, module, form):
    x, layer = torch.randn(16, 256, 28, 28), module(256)
    traffic = count_traffic(fuse(layer) if form == "fused" else layer, x)
    passes = [moved / (2 * x.nbytes) for moved in (traffic.evaluation_moved, traffic.training_moved)]
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith(f"| {name}, {form} |"))
    assert [float(cell) for cell in row.split("|")[2:4]] == pytest.approx(passes, abs=0.1)
