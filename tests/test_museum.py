"""The museum of mistakes: the modules of the bank, what they let through, and only what was written down first."""

import subprocess
import tomllib

import make_museum
import numpy as np
import pytest
import torch
from torch import nn

from cbam_course import ChannelAttention, SpatialAttention, make_scenes
from cbam_course.experiments.evidence import evidence
from cbam_course.inspection.capture import gates_by_depth, let_through
from cbam_course.networks.small_cnn import DenseCNN
from cbam_course.statistics import load_maps, load_results

SETTINGS = tomllib.loads((make_museum.RESULTS / "museum.toml").read_text(encoding="utf-8"))


def network(factory):
    torch.manual_seed(0)
    return DenseCNN(attention=factory).eval()


def test_what_is_let_through_of_each_channel_is_the_channel_gate():
    images = make_scenes(3, task="what").images
    model = network(lambda c: ChannelAttention(c, 4))
    channels, _ = let_through(model, images)
    gate = gates_by_depth(model, images)["blocks.2.attention"].flatten(1)
    lit = channels > 0  # a channel that is dark everywhere shows no gate
    assert lit.float().mean() > 0.5
    torch.testing.assert_close(channels[lit], gate[lit])


def test_what_is_let_through_at_each_position_is_the_spatial_gate():
    images = make_scenes(3, task="what").images
    model = network(lambda c: SpatialAttention())
    _, positions = let_through(model, images)
    torch.testing.assert_close(positions, gates_by_depth(model, images)["blocks.2.attention"][:, 0])


def test_of_an_added_gate_more_is_let_through_than_came_in():
    class Added(nn.Module):
        def forward(self, x):
            return 3 * x

    channels, positions = let_through(network(lambda c: Added()), make_scenes(2, task="what").images)
    torch.testing.assert_close(positions, torch.full_like(positions, 3.0))
    torch.testing.assert_close(channels[channels > 0], torch.full_like(channels[channels > 0], 3.0))


def test_twelve_mistakes_of_the_bank_train_beside_their_right_module():
    count = 0
    for title in ("what", "near"):
        instrument = SETTINGS[title] | {"images": 8, "validation": 4, "epochs": 1}
        found = make_museum.exhibits(instrument)
        assert next(iter(found)) == "right"
        count += len(found) - 1
        factory = found[list(found)[-1]]
        model, history, validation = make_museum.train(instrument, factory, 1)
        assert len(history.epochs) == 1
        maps = make_museum.pictures("x", model, validation)
        assert maps["x/answer"].dtype == np.uint8
        assert maps["x/answer"].shape == validation.masks[:2].shape
    assert count == 12


def test_the_museum_is_not_made_from_settings_that_are_not_committed(monkeypatch, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "museum.toml").write_text("seeds = [1]\n", encoding="utf-8")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.setattr(make_museum, "ROOT", tmp_path)
    monkeypatch.setattr(make_museum, "RESULTS", tmp_path / "results")
    with pytest.raises(SystemExit, match=r"results/museum\.toml is not committed as it is"):
        make_museum.main()


def test_what_was_kept_of_the_museum_can_be_read_and_told_of(tmp_path):
    (tmp_path / "registered").mkdir()
    lines = "epoch,accuracy,data,model,seed", "1,0.25,what,right,51", "2,0.5,what,right,51"
    (tmp_path / "museum.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    np.savez_compressed(tmp_path / "museum.npz", **{"what/right/answer": np.zeros((2, 4, 4), np.uint8)})
    assert load_results("museum", folder=tmp_path)["accuracy"].tolist() == [0.25, 0.5]
    assert load_maps("museum", folder=tmp_path)["what/right/answer"].shape == (2, 4, 4)
    assert evidence("museum", folder=tmp_path).table["epoch"].tolist() == [1, 2]
