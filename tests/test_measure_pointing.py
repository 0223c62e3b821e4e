"""The program behind the table of pointing scores, run on a handful of images."""

import measure_pointing
import pandas as pd
import pytest


def test_the_table_has_every_map_beside_its_baselines(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CBAM_COURSE_DATA", str(tmp_path / "no data"))
    out = tmp_path / "pointing.csv"
    few = ["--seeds", "1", "--images", "12", "--training-images", "64", "--epochs", "1"]
    measure_pointing.main(["--out", str(out), *few])
    assert "No photographs, so their rows are left out:" in capsys.readouterr().out
    table = pd.read_csv(out)
    assert set(table["map"]) == {"any", "spatial gate", "Grad-CAM", "spatial gate with Grad-CAM"}
    for name in ("spatial gate", "Grad-CAM"):
        assert set(table[table["map"] == name].source) == {"own", "another image's", "random weights"}
    assert set(table[table["map"] == "any"].source) == {"centre", "chance"}
    shares = table[table.measure.isin(["pointing", "energy", "overlap"])]
    assert shares["mean"].between(0, 1).all()
    assert len(shares) == 8 * 3
    assert table[table.measure == "rank agreement"]["mean"].between(-1, 1).all()


def test_photographs_are_measured_where_there_are_any(monkeypatch):
    import torch

    from cbam_course.data.pets import Pets

    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (6, 3, 32, 32), dtype=torch.uint8, generator=generator)
    trimaps = torch.full((6, 32, 32), 2, dtype=torch.uint8)
    trimaps[:, 8:24, 8:24] = 1
    asked = {}

    def pets(split, **how):
        asked.update(split=split, **how)
        return Pets(images, torch.zeros(6, dtype=torch.int64), trimaps, ("cat",))

    monkeypatch.setattr(measure_pointing, "load_pets", pets)
    table = measure_pointing.measure_pets(6).set_index(["map", "source", "measure"])["mean"]
    assert asked == {"split": "test", "n": 6, "size": 32, "download": False}
    assert table["any", "centre", "pointing"] == 1
    assert table["any", "chance", "energy"] == pytest.approx(0.25)
    assert {"own", "another image's", "random weights"} <= set(
        table["Grad-CAM"].index.get_level_values("source")
    )
