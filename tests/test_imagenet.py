"""Networks trained on ImageNet: their weights are checked, and without them a lesson goes on."""

import hashlib
import io
from types import SimpleNamespace

import pytest
import torch
from server import bad_server
from torch.testing import assert_close
from torchvision import models

from cbam_course.data import download
from cbam_course.networks.pretrained import imagenet_network

NAME = "squeezenet1_1"  # the smallest that torchvision has


@pytest.fixture(scope="module")
def trained():
    """Return the weights of a network and the file that holds them."""
    torch.manual_seed(1)
    state = models.get_model(NAME).state_dict()
    file = io.BytesIO()
    torch.save(state, file)
    return state, file.getvalue()


@pytest.fixture
def place(monkeypatch, tmp_path):
    """An empty torch.hub folder and impatient downloads."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(download, "Patience", lambda: download_patience)
    return tmp_path / "checkpoints"


download_patience = download.Patience(timeout=0.3, attempts=2, pause=0.001)


@pytest.fixture
def serve(place, trained, monkeypatch):
    """Return what starts a server of weights, named by their hash as torchvision's are."""
    file = f"small-{hashlib.sha256(trained[1]).hexdigest()[:8]}.pth"
    running = []

    def start(*behaviour):
        running.append(bad_server({file: trained[1]}, *behaviour))
        server = running[-1].__enter__()
        weights = SimpleNamespace(DEFAULT=SimpleNamespace(url=f"{server.address}/{file}"))
        monkeypatch.setattr(models, "get_model_weights", lambda name: weights)
        server.file = place / file
        return server

    yield start
    for context in running:
        context.__exit__(None, None, None)


def test_the_weights_are_fetched_once_and_taken_up_where_they_broke(serve, trained):
    server = serve("cut", "whole")
    for _ in range(2):
        model = imagenet_network(NAME)
        assert_close(dict(model.state_dict()), dict(trained[0]))
    assert not model.training
    assert len(server.asked) == 2


@pytest.mark.parametrize("behaviour", [404, 503, "wrong", "silent"])
def test_without_weights_two_sentences_and_a_network_all_the_same(serve, place, behaviour):
    serve(behaviour)
    with pytest.warns(UserWarning, match="could not be loaded from") as caught:
        model = imagenet_network(NAME)
    assert len(caught) == 2
    assert str(caught[1].message).endswith(
        f"put the file into {place}. The network starts with fresh weights."
    )
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 1000)
    assert list(place.iterdir()) == []


def test_a_damaged_file_is_fetched_again(serve, place, trained):
    server = serve("whole")
    place.mkdir()
    server.file.write_bytes(trained[1][:-1])
    assert_close(dict(imagenet_network(NAME).state_dict()), dict(trained[0]))


def test_without_download_the_network_is_not_asked(serve, place, trained):
    server = serve("whole")
    with pytest.warns(UserWarning, match="fresh weights"):
        imagenet_network(NAME, download=False)
    assert server.asked == []
    place.mkdir()
    server.file.write_bytes(trained[1])
    assert_close(dict(imagenet_network(NAME, download=False).state_dict()), dict(trained[0]))


def test_an_unknown_network_gets_a_sentence():
    with pytest.raises(ValueError, match="name is 'resnet19'; choose a network of torchvision"):
        imagenet_network("resnet19")
