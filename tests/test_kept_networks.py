"""Train once: the same question finds the same answer in the next session, and another question does not."""

import errno
import json

import ledgers
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.testing import assert_close
from torch.utils.data import DataLoader, TensorDataset

from cbam_course import fit
from cbam_course.experiments.sweep import run_sweep
from cbam_course.storage import course_home
from cbam_course.training import kept_networks
from cbam_course.training.kept_networks import fit_once


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def data(seed=0):
    labels = torch.randint(0, 2, (16,), generator=torch.Generator().manual_seed(seed))
    return (100 * labels[:, None, None, None]).expand(-1, 3, 4, 4).to(torch.uint8), labels


def once(model=None, train=None, name="small", **options):
    model = network() if model is None else model
    options = {"epochs": 2, "batch_size": 8, "progress": False, **options}
    return model, fit_once(name, model, data() if train is None else train, data(1), **options)


def kept():
    return sorted(path.name for path in (course_home() / "checkpoints").glob("*"))


@pytest.fixture
def counted(monkeypatch):
    """Return a list that grows with each training."""
    calls = []

    def counting(*arguments, **options):
        calls.append(options)
        return fit(*arguments, **options)

    monkeypatch.setattr(kept_networks, "fit", counting)
    return calls


def test_the_second_time_the_result_of_the_first_is_loaded(counted, capsys):
    first, history = once()
    second, again = once()
    assert len(counted) == 1
    assert_close(dict(second.state_dict()), dict(first.state_dict()), rtol=0, atol=0)
    assert (again, second.training) == (history, False)
    assert second[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert "This network was trained before, in 0 s; it is loaded from" in capsys.readouterr().out
    assert kept() == [kept()[0]]
    assert kept()[0].startswith("small-")


def test_the_result_is_that_of_fit():
    remembered, expected = once()[0], network()
    fit(expected, data(), data(1), epochs=2, batch_size=8, progress=False)
    assert_close(dict(remembered.state_dict()), dict(expected.state_dict()), rtol=0, atol=0)


def loss(logits, labels):
    return nn.functional.cross_entropy(logits, labels) * 2


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 1},
        {"seed": 1},
        {"loss": loss},
        {"name": "other"},
        {"train": data(2)},
        {"model": network(1)},
        {"model": network().double().float().append(nn.Identity())},
    ],
    ids=["epochs", "seed", "loss", "name", "data", "weights", "structure"],
)
def test_another_question_is_trained_and_the_old_answer_stays(counted, change):
    once()
    once(**change)
    assert (len(counted), len(kept())) == (2, 2)


def test_other_code_is_trained_anew(counted, monkeypatch):
    once()
    monkeypatch.setattr(kept_networks, "code_hash", lambda: "another")
    once()
    assert len(counted) == 2


def test_the_bar_and_the_device_do_not_matter(counted, capsys):
    once()
    once(progress=True, device="cpu")
    assert len(counted) == 1


def test_a_function_is_the_same_in_the_next_session():
    assert kept_networks._word(loss) == f"{__name__}.loss"
    assert kept_networks._word({"attention": 0.1}) == "{'attention': 0.1}"


def test_a_stopped_training_is_not_kept(monkeypatch):
    class Stopped(nn.Sequential):
        def forward(self, x):
            raise KeyboardInterrupt

    once(Stopped(network()))
    assert kept() == []


@pytest.mark.parametrize("harm", [lambda content: content[:40], lambda content: content[:-1] + b"\x7f"])
def test_a_damaged_file_is_noticed_and_the_network_trained_again(counted, harm):
    once()
    path = course_home() / "checkpoints" / kept()[0]
    path.write_bytes(harm(path.read_bytes()))
    with pytest.warns(UserWarning, match=r"is damaged or from another version of the course; the"):
        once()
    once()
    assert len(counted) == 2


def rewrite(path, change_history=lambda history: history, change_state=lambda state: state):
    """Write a kept network as another version of the course might have written it: whole, with a true hash."""
    with safe_open(path, framework="pt") as file:
        metadata, state = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    state, history = change_state(state), change_history(json.loads(metadata["history"]))
    metadata = {"history": json.dumps(history), "sha256": kept_networks._digest(state)}
    path.unlink()
    save_file(state, path, metadata)


@pytest.mark.parametrize(
    "older",
    [
        lambda history: {**history, "what_only_it_knew": 1},
        lambda history: {
            name: value for name, value in history.items() if name not in ("device", "precision")
        },
        lambda history: {**history, "epochs": [{**epoch, "more": 1} for epoch in history["epochs"]]},
    ],
)
def test_a_network_kept_by_an_older_version_is_read(counted, older):
    first, history = once()
    rewrite(course_home() / "checkpoints" / kept()[0], older)
    second, again = once()
    assert len(counted) == 1
    assert (again.final, len(again.epochs)) == (history.final, len(history.epochs))
    assert_close(dict(second.state_dict()), dict(first.state_dict()), rtol=0, atol=0)


@pytest.mark.parametrize(
    "older",
    [
        {"change_history": lambda history: {"scores": [1, 2]}},
        {"change_history": lambda history: [history]},
        {"change_history": lambda history: {**history, "epochs": [[1, 0.5]]}},
        {"change_history": lambda history: {**history, "epochs": [{"epoch": 1}]}},
        {"change_state": lambda state: {f"net.{name}": tensor for name, tensor in state.items()}},
        {"change_state": lambda state: {**state, "0.weight": state["0.weight"][:1].clone()}},
        {
            "change_state": lambda state: {
                name: tensor for name, tensor in state.items() if "bias" not in name
            }
        },
    ],
)
def test_one_that_cannot_be_read_is_trained_again_from_where_the_model_stood(counted, older):
    expected, _ = once()
    rewrite(course_home() / "checkpoints" / kept()[0], **older)
    with pytest.warns(UserWarning, match=r"is damaged or from another version of the course; the network is"):
        again, _ = once()
    assert len(counted) == 2
    assert_close(dict(again.state_dict()), dict(expected.state_dict()), rtol=0, atol=0)


def test_a_folder_in_the_files_place_costs_the_memory_but_not_the_network(counted):
    once()
    path = course_home() / "checkpoints" / kept()[0]
    path.unlink()
    path.mkdir()
    with pytest.warns(UserWarning, match="the network is trained again|could not be kept") as caught:
        once()
    assert (len(counted), len(caught)) == (2, 2)


def test_a_network_of_the_same_name_that_was_trained_otherwise_is_spoken_of(counted, capsys, monkeypatch):
    once()
    assert "is kept, but" not in capsys.readouterr().out
    monkeypatch.setattr(kept_networks, "code_hash", lambda: "another")
    once()
    assert "A network small is kept, but it was trained on other data, with other" in capsys.readouterr().out
    assert len(kept()) == 2


def test_a_full_disk_costs_the_memory_but_not_the_network(monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept_networks, "write_whole", full)
    with pytest.warns(UserWarning, match=r"could not be kept in .* \(No space left on device\); next time"):
        _, history = once()
    assert len(history.epochs) == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"name": "a/b"}, "name is 'a/b'; give letters, digits, - and _"),
        ({"train": DataLoader(TensorDataset(*data()))}, "train is a DataLoader; give a pair of tensors"),
    ],
)
def test_a_bad_argument_gets_one_sentence(options, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        once(**options)


def test_a_sweep_in_the_home_folder_goes_on_where_a_lost_session_stopped(monkeypatch):
    out = course_home() / "results" / "mine.csv"
    options = {"models": ["plain"], "epochs": 1, "images": 8, "out": out, "jobs": 1, "progress": False}
    perform = lambda run, made_by, *_: ledgers.row(run, 0.5, made_by) | {"seconds": float(run.seed)}  # noqa: E731
    monkeypatch.setattr("cbam_course.experiments.execute.perform", perform)
    first = run_sweep("scenes-where", seeds=1, **options)
    both = run_sweep("scenes-where", seeds=2, **options)
    assert both["seconds"][0] == first["seconds"][0]
    assert both["seed"].tolist() == [0, 1]
