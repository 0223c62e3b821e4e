"""Number formats by device, simulated where there is no such device, and a GPU whose memory is too small."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from cbam_course import fit
from cbam_course.doctor import device
from cbam_course.training.hardware import choose_hardware

ROOT = Path(__file__).parent.parent
NOTEBOOKS = [
    path for folder in ("notebooks", "exercises", "solutions") for path in (ROOT / folder).glob("*.ipynb")
]


@pytest.fixture
def gpu(monkeypatch):
    """Return what pretends that there is a GPU of a compute capability."""

    def pretend(*capability):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
        # It counts emulation, so it says yes on a T4 as well: nobody may ask it.
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_, **__: True)

    return pretend


@pytest.mark.parametrize(
    ("name", "capability", "precision"),
    [
        ("P100", (6, 0), "float32"),
        ("GTX 1080", (6, 1), "float32"),
        ("V100", (7, 0), "float16"),
        ("T4", (7, 5), "float16"),
        ("A100", (8, 0), "bfloat16"),
        ("L4", (8, 9), "bfloat16"),
        ("H100", (9, 0), "bfloat16"),
    ],
)
def test_a_gpu_computes_in_the_format_that_it_has_units_for(gpu, name, capability, precision):
    gpu(*capability)
    place = choose_hardware(None, "auto")
    assert (place.device.type, place.name) == ("cuda", precision)


@pytest.mark.parametrize(("amx", "precision"), [(True, "bfloat16"), (False, "float32"), (None, "float32")])
def test_a_processor_computes_in_bfloat16_only_with_amx(monkeypatch, amx, precision):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    if amx is None:  # a torch that cannot be asked
        monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    else:
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    place = choose_hardware(None, "auto")
    assert (place.device.type, place.name) == ("cpu", precision)


def test_what_was_asked_for_is_used(gpu):
    gpu(7, 5)
    assert choose_hardware("cuda", "bfloat16").name == "bfloat16"
    assert choose_hardware("cpu", "float32").device.type == "cpu"
    assert choose_hardware("mps", "auto").name == "float32"


@pytest.mark.parametrize(
    ("precision", "scaled"), [("float16", True), ("bfloat16", False), ("float32", False)]
)
def test_only_float16_has_its_loss_scaled(precision, scaled):
    place = choose_hardware("cpu", precision)
    assert place.scaler().is_enabled() == scaled
    with place.autocast():
        assert nn.Conv2d(3, 2, 1)(torch.ones(1, 3, 2, 2)).dtype == getattr(torch, precision)


def test_the_lessons_device_is_the_gpu_where_there_is_one(gpu, monkeypatch):
    gpu(7, 5)
    assert device().type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device().type == "cpu"


@pytest.mark.parametrize(("major", "said"), [(7, False), (8, True)])
def test_the_doctor_promises_bf16_only_where_there_are_units_for_it(gpu, monkeypatch, major, said):
    from cbam_course import doctor

    gpu(major, 5)
    properties = SimpleNamespace(name="GPU", major=major, minor=5, total_memory=15 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: properties)
    ones = torch.ones
    monkeypatch.setattr(torch, "ones", lambda *shape, device=None: ones(*shape))
    assert doctor._cuda(torch).says.endswith("bf16") == said


def coloured(count):
    labels = torch.arange(count) % 2
    return (100 * labels[:, None, None, None]).expand(-1, 3, 4, 4).to(torch.uint8), labels


class Narrow(nn.Sequential):
    """Classifies the average colour of at most ``most`` images at once."""

    def __init__(self, most):
        super().__init__(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
        self.most, self.seen = most, []

    def forward(self, x):
        self.seen.append((self.training, len(x)))
        if len(x) > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return super().forward(x)


def train(most, precision="float32", epochs=1, **options):
    torch.manual_seed(0)
    model = Narrow(most)
    options = {"batch_size": 16, "device": "cpu", "progress": False, **options}
    return model, fit(model, coloured(32), coloured(16), epochs=epochs, precision=precision, **options)


def test_float16_learns_with_a_scaled_loss():
    model, history = train(99, "float16", epochs=20, learning_rate=0.1)
    assert (history.precision, history.final) == ("float16", 1.0)
    assert model[2].weight.dtype == torch.float32


def times(factor):
    return lambda logits, labels: nn.functional.cross_entropy(logits.float(), labels) * factor


def test_gradients_too_small_for_float16_are_not_lost():
    # AdamW divides the size out again, so the same weights come out, unless small gradients became 0.
    small, usual = (train(99, precision, loss=times(3e-6))[0] for precision in ("float16", "float32"))
    torch.testing.assert_close(small[2].weight, usual[2].weight, rtol=1e-2, atol=1e-4)


def test_gradients_too_large_for_float16_skip_steps_and_break_nothing():
    model, history = train(99, "float16", epochs=20, learning_rate=0.1, loss=times(1e4))
    assert model[2].weight.isfinite().all()
    assert history.final == 1.0


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_batch_that_does_not_fit_goes_through_in_parts_with_the_same_result(precision):
    model, history = train(4, precision)
    whole, _ = train(99, precision)
    torch.testing.assert_close(model[2].weight, whole[2].weight, rtol=1e-3, atol=1e-4)
    assert [note.split(":")[0] for note in history.notes] == [
        "The GPU's memory is too small for 16 images at once"
    ] * 2
    assert "in 4 parts" in history.notes[-1]


def test_once_halved_it_stays_halved():
    model, _ = train(8)
    assert [count for training, count in model.seen if training] == [16, 8, 8, 8, 8]


def test_a_validation_set_that_does_not_fit_is_halved_too():
    class AtValidation(Narrow):
        def forward(self, x):
            self.most = 99 if self.training else 4
            return super().forward(x)

    torch.manual_seed(0)
    model = AtValidation(99)
    history = fit(model, coloured(32), coloured(16), epochs=1, batch_size=16, device="cpu", progress=False)
    assert [count for training, count in model.seen if not training] == [16, 8, 4, 4, 4, 4]
    assert len(history.epochs) == 1


def test_a_single_image_that_does_not_fit_is_an_error():
    with pytest.raises(torch.cuda.OutOfMemoryError):
        train(0)


def test_every_notebook_asks_colab_for_a_t4():
    metadata = [json.loads(path.read_text(encoding="utf-8"))["metadata"] for path in NOTEBOOKS]
    assert metadata
    assert {(m["accelerator"], m["colab"]["gpuType"]) for m in metadata} == {("GPU", "T4")}
