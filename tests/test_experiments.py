"""Data, models and runs of experiments by name: disjoint, stratified, paired, and impossible names refused."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import ledgers
import psutil
import pytest
import torch

from cbam_course.__main__ import main
from cbam_course.data.cifar10 import CLASS_NAMES
from cbam_course.experiments import data, models, run
from cbam_course.experiments.data import data_named
from cbam_course.experiments.models import model_named
from cbam_course.experiments.run import Run, perform
from cbam_course.experiments.sweep import run_sweep
from cbam_course.experiments.tables import COLUMNS, read_table
from cbam_course.inspection.interventions import changed_gates, gate_mean
from cbam_course.networks.resnet import ShiftAndFlip
from cbam_course.training.fit import image_scores

MADE_BY = {"registration": "", "commit": "abc", "versions": "python", "processor": "AVX2", "command": "typed"}


@pytest.fixture
def cifar10(monkeypatch):
    """Stands in for CIFAR-10: 400 images, each with its number in its first pixels."""
    numbers = torch.arange(400)
    images = torch.zeros(400, 3, 32, 32, dtype=torch.uint8)
    images[:, 0, 0, 0], images[:, 1, 0, 0] = numbers // 256, numbers % 256
    sets = {"train": (images, numbers % 10), "test": (images[:30] + 3, numbers[:30] % 10)}
    monkeypatch.setattr(data, "load_cifar10", sets.__getitem__)


def small(name, model="plain", seed=0, epochs=1, images=8, **others):
    return Run(name, model, seed, epochs, images, **{"validation": 4, "test": 6, "batch_size": 4, **others})


def numbers(pair):
    return [256 * int(image[0, 0, 0]) + int(image[1, 0, 0]) for image in pair[0]]


def test_cifar10_is_stratified_disjoint_and_drawn_by_the_seed(cifar10):
    one, other = (data_named("cifar10").splits(100, seed, validation=20) for seed in (0, 1))
    assert one.train[1].bincount().tolist() == [10] * 10
    assert one.validation[1].bincount().tolist() == [2] * 10
    assert len({*numbers(one.train), *numbers(one.validation)}) == 120
    again = data_named("cifar10").splits(100, 0, validation=20)
    assert numbers(one.train) == numbers(again.train) != numbers(other.train)
    assert len(one.test[1]) == 30
    assert (one.radius, one.classes) == (None, len(CLASS_NAMES))


@pytest.mark.parametrize("images", [95, 390])
def test_too_many_photographs_or_no_multiple_of_the_classes_are_refused(cifar10, images):
    with pytest.raises(
        ValueError, match=f"images is {images} and validation 20; for cifar10 give multiples of 10"
    ):
        data_named("cifar10").splits(images, 0, validation=20)


def test_a_name_can_carry_a_radius_and_a_number_of_distractors():
    few = {"validation": 2, "test": 6}
    assert data_named("scenes-where-radius3.5").splits(5, 0, **few).radius.unique().tolist() == [3.5]
    both = data_named("scenes-what-radius5-distractors1").splits(5, 0, **few)
    assert both.radius.unique().tolist() == [5]
    assert both.classes == 3


@pytest.mark.parametrize(("name", "size"), [("scenes-what-dense", 48), ("scenes-near", 64)])
def test_dense_data_ask_for_masks(name, size):
    dense = data_named(name).splits(5, 0, validation=2, test=2)
    assert dense.classes is None
    assert dense.train[1].shape == (5, size, size)


@pytest.mark.parametrize("name", ["scenes", "cifar10-radius3", "scenes-where-radius", "scenes-where-noise3"])
def test_unknown_data_get_the_names_that_there_are(name):
    with pytest.raises(ValueError, match=f"data is '{name}'; choose one of scenes-where, scenes-what, "):
        data_named(name)


@pytest.mark.parametrize(
    ("model", "network", "sentence"),
    [
        ("cbam-identity", "small", "cbam-identity is for a pretrained network"),
        ("plain-tenth", "resnet20", "plain-tenth is for a pretrained network"),
        ("plain-staged", "resnet20", "plain-staged is for a pretrained network"),
        ("plain-wide", "resnet20", "plain-wide widens the small networks of scenes"),
    ],
)
def test_a_model_that_the_network_does_not_have_gets_one_sentence(model, network, sentence):
    with pytest.raises(ValueError, match=sentence):
        model_named(model).build(network, 10)


def test_endings_of_a_name_are_settings_and_plain_has_no_attention_to_change():
    model = model_named("cbam-r8-k3-identity-tenth-staged")
    assert (model.layer, model.reduction_ratio, model.kernel_size) == ("cbam", 8, 3)
    assert (model.identity, model.old_rate, model.staged) == (True, 0.1, True)
    with pytest.raises(ValueError, match="plain has no attention to change"):
        model_named("plain-identity")


def test_an_identity_insertion_keeps_the_pretrained_network_and_a_plain_one_does_not():
    x, outputs = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)), []
    for name in ("plain", "cbam-identity", "cbam"):
        torch.manual_seed(0)
        outputs.append(model_named(name).build("pretrained", 5).eval()(x))
    torch.testing.assert_close(outputs[1], outputs[0])
    assert (outputs[2] - outputs[0]).abs().max() > 0.1


def test_without_its_weights_a_fine_tuning_is_recorded_as_failed(monkeypatch, tmp_path):
    monkeypatch.setattr(models, "WEIGHTS", tmp_path / "gone.safetensors")
    row = perform(small("finetune-where"), MADE_BY, 1, "cpu")
    assert row["error"].startswith("OSError: ")
    assert "accuracy" not in row


def test_stages_and_the_tenth_of_the_rate_are_two_settings(monkeypatch):
    stages = []

    def note(network, train, validation, *, epochs, learning_rate, **rest):
        names = {name.split(".")[0] for name, p in network.named_parameters() if p.requires_grad}
        stages.append((epochs, sorted(names), learning_rate))
        return original(network, train, validation, epochs=epochs, learning_rate=learning_rate, **rest)

    original = run.fit
    monkeypatch.setattr(run, "fit", note)
    assert perform(small("finetune-where", "plain-staged", epochs=3), MADE_BY, 1, "cpu")["error"] == ""
    everything = ["bn1", "conv1", "fc", "layer1", "layer2", "layer3"]
    assert [names for _, names, _ in stages] == [["fc"], ["fc", "layer3"], everything]
    assert [(epochs, rate) for epochs, _, rate in stages] == [(1, 0.003)] * 3
    perform(small("finetune-where", "plain-tenth"), MADE_BY, 1, "cpu")
    assert stages[3][2][""] == pytest.approx(stages[3][2]["fc"] / 10)
    error = perform(small("finetune-where", "plain-staged", epochs=4), MADE_BY, 1, "cpu")["error"]
    assert "epochs is 4; a staged run needs a multiple of 3" in error


def test_a_run_records_its_score_and_what_made_it_and_the_same_run_gives_the_same_score():
    threads = torch.get_num_threads()
    row, again = (perform(small("scenes-where", "cbam"), MADE_BY, threads + 1, "cpu") for _ in range(2))
    assert row["error"] == ""
    assert row["accuracy"] == again["accuracy"]
    assert (row["metric"], row["device"], row["precision"]) == ("accuracy", "cpu", "float32")
    assert (row["threads"], row["parameters"]) == (threads + 1, 27003)
    assert set(row) == set(COLUMNS)
    assert torch.get_num_threads() == threads


def test_tuning_scores_validation_images_and_dense_data_the_mean_iou():
    tuned = perform(small("scenes-near", "spatial", test=0), MADE_BY, 1, "cpu")
    assert tuned["accuracy"] == pytest.approx(tuned["validation_accuracy"], abs=1e-6)
    assert tuned["metric"] == "mean_iou"
    assert "accuracy_small" not in tuned


def test_an_interrupted_run_is_no_result(monkeypatch):
    class Stopped:
        epochs = ()

    monkeypatch.setattr(run, "fit", lambda *_, **__: Stopped)
    with pytest.raises(KeyboardInterrupt):
        perform(small("scenes-where"), MADE_BY, 1, "cpu")


def test_shifted_images_hold_the_pixels_of_the_image_and_a_border_of_zeros():
    torch.manual_seed(0)
    x = torch.arange(1.0, 17).reshape(1, 1, 4, 4).expand(64, 2, 4, 4)
    augment = ShiftAndFlip(1)
    y = augment(x)
    torch.testing.assert_close(y[:, 0], y[:, 1])
    rows = {tuple(image[1].tolist()) for image in y[:, 0]}
    assert {(5, 6, 7, 8), (8, 7, 6, 5), (0, 5, 6, 7), (6, 7, 8, 0)} <= rows
    assert torch.equal(augment.eval()(x), x)
    with pytest.raises(ValueError, match="shift is 0"):
        ShiftAndFlip(0)


def test_a_commit_is_that_of_this_checkout_only(tmp_path, monkeypatch):
    package = tmp_path / "cbam_course"
    package.mkdir()
    (package / "__init__.py").write_text("")
    assert run.commit(tmp_path) == ""
    ledgers.git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("site-packages\n")
    head = ledgers.commit(tmp_path)
    assert run.commit(tmp_path) == head
    (package / "__init__.py").write_text("1\n")
    assert run.commit(tmp_path) == f"{head}+"
    inside = tmp_path / "site-packages"
    shutil.copytree(package, inside / "cbam_course")
    assert run.commit(inside) == ""
    monkeypatch.setenv("PATH", "")
    assert run.commit(tmp_path) == ""


def test_runs_go_seed_by_seed_and_the_table_model_by_model(monkeypatch):
    asked = []

    def note(wanted, made_by, threads, device):
        asked.append((wanted.model, wanted.seed, wanted.epochs))
        return ledgers.row(wanted, 0.5, made_by)

    monkeypatch.setattr("cbam_course.experiments.execute.perform", note)
    options = {"seeds": 2, "epochs": 1, "images": 8, "jobs": 1, "progress": False}
    table = run_sweep("scenes-where", ["plain", "plain-long"], **options)
    assert asked == [("plain", 0, 1), ("plain-long", 0, 3), ("plain", 1, 1), ("plain-long", 1, 3)]
    assert table.model.tolist() == ["plain", "plain", "plain-long", "plain-long"]
    assert list(table.columns) == list(COLUMNS)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"seeds": 0}, "seeds is 0"), ({"epochs": -1}, "epochs is -1"), ({"images": 1.5}, "images is 1.5"),
     ({"threads": 0}, "threads is 0"), ({"learning_rate": 0.0}, "learning_rate is 0.0; give a number above 0")],
)  # fmt: skip
def test_a_bad_argument_gets_one_sentence(options, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        run_sweep("scenes-where", ["plain"], jobs=1, **options)


def test_the_command_line_writes_the_table_records_itself_and_names_what_failed(
    tmp_path, monkeypatch, capsys
):
    def half(wanted, made_by, threads, device):
        error = {} if wanted.model == "plain" else {"accuracy": None, "error": "ValueError: why"}
        return {**ledgers.row(wanted, 0.5, made_by), "threads": threads, **error}

    monkeypatch.setattr("cbam_course.experiments.execute.perform", half)
    out = tmp_path / "t.csv"
    words = ["sweep", "--data", "scenes-what", "--seeds", "1", "--epochs", "3", "--images", "50", "--out", str(out),
             "--learning-rate", "0.01", "--threads", "2", "--jobs", "1"]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["cbam_course", *words])
    assert main([*words, "--models", "plain"]) == 0
    row = read_table(out).iloc[0]
    assert (row.data, row.epochs, row.images, row.learning_rate, row.threads) == (
        "scenes-what",
        3,
        50,
        0.01,
        2,
    )
    assert row.command.startswith("python -m cbam_course sweep --data scenes-what")
    assert main([*words, "--models", "plain,se"]) == 1
    assert "se, seed 0, failed: ValueError: why" in capsys.readouterr().err
    assert main([*words, "--models", "plain,lenet"]) == 2
    assert capsys.readouterr().err.startswith("models has 'lenet'; choose from plain, plain-wide")


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT"])
def test_a_killed_sweep_leaves_no_processes_behind(tmp_path, name):
    script = Path(__file__).with_name("endless_runs.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], cwd=script.parent, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and len(list(tmp_path.iterdir())) < 2:
        time.sleep(0.1)
    workers = [psutil.Process(int(path.name)) for path in tmp_path.iterdir()]
    process.send_signal(getattr(signal, name))
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    for left in alive:
        left.kill()
    assert len(workers) == 2
    assert alive == []


def test_a_changed_gate_scores_the_network_of_the_untouched_model_which_is_trained_once(monkeypatch):
    trainings = []

    def note(network, *args, **options):
        trainings.append(network)
        return original(network, *args, **options)

    original = run.fit
    monkeypatch.setattr(run, "fit", note)
    names = ("cbam", "cbam@spatial-mean", "cbam@channel-permuted", "cbam@channel-permuted")
    rows = [perform(small("scenes-what-dense", name, images=32), MADE_BY, 1, "cpu") for name in names]
    assert [row["error"] for row in rows] == [""] * 4
    assert len(trainings) == 1
    assert rows[2]["accuracy"] == rows[3]["accuracy"]
    splits = data_named("scenes-what-dense").splits(32, 0, validation=4, test=6)
    with changed_gates(trainings[0], gate_mean, kind="spatial"):
        expected = image_scores(trainings[0], splits.test).mean().item()
    assert rows[1]["accuracy"] == expected
    alone = perform(small("scenes-what-dense", "channel@channel-other", images=32), MADE_BY, 1, "cpu")
    again = perform(small("scenes-what-dense", "cbam@spatial-mean", images=32), MADE_BY, 1, "cpu")
    assert len(trainings) == 3
    assert alone["error"] == ""
    assert again["accuracy"] == rows[1]["accuracy"]


def test_a_network_that_is_not_changed_is_trained_each_time(monkeypatch):
    trainings = []
    original = run.fit
    monkeypatch.setattr(run, "fit", lambda *args, **how: trainings.append(how) or original(*args, **how))
    for _ in range(2):
        perform(small("scenes-where", "cbam"), MADE_BY, 1, "cpu")
    assert len(trainings) == 2


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("plain@channel-mean", "plain has no channel gate to replace"),
        ("spatial@channel-mean", "spatial has no channel gate to replace"),
        ("added-map@spatial-mean", "added-map has no spatial gate to replace"),
        ("cbam@spatial-zero", "choose from"),
    ],
)
def test_a_gate_that_is_not_there_cannot_be_replaced(model, sentence):
    with pytest.raises(ValueError, match=sentence):
        model_named(model)
