"""The network that travels with the course: its record, and what happens when its file is missing or broken."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch.testing import assert_close

from cbam_course import CBAM, insert_attention, make_scenes
from cbam_course.experiments.models import model_named
from cbam_course.networks.pretrained import (
    SHA256,
    SHIPPED,
    WEIGHTS,
    load_weights,
    pretrained_resnet20,
    trained_near,
    trained_what,
)
from cbam_course.networks.resnet import CifarResNet
from cbam_course.training.fit import image_scores

RECORD = Path(__file__).parent.parent / "results" / "checkpoint.json"


@pytest.fixture
def saved(tmp_path):
    """Return the path, the SHA-256 and the tensors of a file that was written just now."""
    torch.manual_seed(0)
    state = CifarResNet().state_dict()
    path = tmp_path / "weights.safetensors"
    path.write_bytes(save(state))
    return path, sha256(path.read_bytes()).hexdigest(), state


def test_the_file_in_the_package_is_the_recorded_one_and_small():
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    assert sha256(WEIGHTS.read_bytes()).hexdigest() == SHA256 == record["sha256"]
    assert WEIGHTS.stat().st_size < 1_200_000
    assert {"command", "seed", "epochs", "data", "test accuracy after each epoch", "versions"} <= set(record)


def test_the_network_in_the_package_is_trained_and_ready():
    model = pretrained_resnet20()
    assert not model.training
    assert all(
        module.num_batches_tracked > 0 for module in model.modules() if hasattr(module, "running_mean")
    )
    assert model(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_it_loads_into_a_network_with_attention_too():
    model = insert_attention(CifarResNet(), CBAM, identity=True).eval()
    missing, unexpected = model.load_state_dict(load_weights(WEIGHTS, SHA256), strict=False)
    assert unexpected == []
    assert all(".attention." in key for key in missing)
    x = torch.rand(2, 3, 32, 32)
    assert torch.equal(model(x), pretrained_resnet20()(x))


def test_a_good_file_gives_its_weights(saved):
    path, expected, state = saved
    assert_close(dict(pretrained_resnet20(path, expected).state_dict()), dict(state), rtol=0, atol=0)


def test_a_missing_file_gives_one_sentence_and_fresh_weights(tmp_path):
    path = tmp_path / "no.safetensors"
    with pytest.warns(UserWarning, match="cannot be read") as caught:
        model = pretrained_resnet20(path)
    assert str(caught[0].message) == (
        f"{path} cannot be read (No such file or directory); install the course again to get it back. "
        "The network starts with fresh weights."
    )
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 10)


def test_a_damaged_file_gives_one_sentence_and_fresh_weights(saved):
    path, expected, _ = saved
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="so it is damaged or was exchanged") as caught:
        pretrained_resnet20(path, expected)
    assert f"where {expected[:12]}… is expected" in str(caught[0].message)


def test_a_file_of_another_kind_is_named(tmp_path):
    path = tmp_path / "text.safetensors"
    path.write_bytes(b"not tensors")
    with pytest.raises(ValueError, match=r"text\.safetensors is no safetensors file"):
        load_weights(path, sha256(b"not tensors").hexdigest())


SCENES = [(file, *Path(file).stem.split("-")) for file in SHIPPED]
LOADERS = {"near": trained_near, "what": trained_what}


@pytest.mark.parametrize(("file", "task", "name"), SCENES)
def test_a_network_for_scenes_is_the_recorded_one_and_small(file, task, name):
    entry = json.loads((RECORD.parent / "shipped.json").read_text(encoding="utf-8"))[file]
    path = WEIGHTS.parent / file
    assert sha256(path.read_bytes()).hexdigest() == SHIPPED[file] == entry["sha256"]
    assert path.stat().st_size < 150_000
    model, fresh = LOADERS[task](name), model_named(name).build("dense", None)
    assert not model.training
    assert {k: v.shape for k, v in model.state_dict().items()} == {
        k: v.shape for k, v in fresh.state_dict().items()
    }


@pytest.mark.parametrize(("file", "task", "name"), SCENES)
def test_a_network_for_scenes_scores_as_recorded(file, task, name):
    entry = json.loads((RECORD.parent / "shipped.json").read_text(encoding="utf-8"))[file]
    score = image_scores(LOADERS[task](name), make_scenes(128, task=task, seed=900).dense).mean().item()
    assert score == pytest.approx(entry["test score"], abs=0.06)


def test_without_its_file_a_network_for_scenes_starts_fresh_with_a_sentence(tmp_path):
    with pytest.warns(UserWarning, match=r"near-cbam\.safetensors cannot be read .* fresh weights"):
        model = trained_near("cbam", tmp_path)
    assert model(torch.zeros(1, 3, 64, 64)).shape == (1, 64, 64)


def test_a_network_that_was_not_trained_is_refused_with_the_names_there_are():
    with pytest.raises(
        ValueError, match="model_name is 'se'; choose one of 'plain', 'channel', 'spatial', 'cbam'"
    ):
        trained_what("se")
