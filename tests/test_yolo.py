"""Attention in a YOLO built from its description, without weights; needs the extra ``[yolo]``."""

from importlib.util import find_spec
from types import SimpleNamespace

import pytest
import torch

from cbam_course import CBAM, capture, insert_attention, remove_attention
from cbam_course.attention.fused import FusedCBAM, fuse

pytestmark = [
    pytest.mark.skipif(
        not (find_spec("ultralytics") and find_spec("cv2")),
        reason="ultralytics is not installed: pip install 'cbam-course[yolo]'",
    ),
    # Its own code is not ours to keep free of warnings.
    pytest.mark.filterwarnings("default"),
]


@pytest.fixture
def yolo(tmp_path, monkeypatch):
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("YOLO_OFFLINE", "True")
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    return DetectionModel("yolov8n.yaml", nc=2, verbose=False)


def attended(model):
    return [name.removesuffix(".attention") for name, m in model.named_modules() if isinstance(m, CBAM)]


def test_every_residual_bottleneck_gets_attention_although_all_share_one_activation(yolo):
    keys = list(yolo.state_dict())
    insert_attention(yolo, CBAM)
    assert attended(yolo) == [
        f"model.{i}.m.{j}.cv2" for i, j in [(2, 0), (4, 0), (4, 1), (6, 0), (6, 1), (8, 0)]
    ]
    assert [key for key in yolo.state_dict() if ".attention." not in key] == keys


def test_identity_insertion_changes_no_detection_and_removal_none_either(yolo):
    x = torch.rand(1, 3, 64, 64)
    before = yolo.eval()(x)[0]
    insert_attention(yolo, CBAM, where=["model.9"], identity=True)
    assert attended(yolo) == ["model.9.attention"]
    assert torch.equal(yolo(x)[0], before)
    assert torch.equal(remove_attention(yolo)(x)[0], before)


def test_a_training_step_reaches_the_attention_and_inference_goes_through_its_gates(yolo):
    insert_attention(yolo, lambda channels: CBAM(channels, 4))
    yolo.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)
    batch = {
        "img": torch.rand(2, 3, 64, 64),
        "batch_idx": torch.tensor([0.0, 1.0]),
        "cls": torch.tensor([[0.0], [1.0]]),
        "bboxes": torch.tensor([[0.5, 0.5, 0.4, 0.4], [0.3, 0.3, 0.2, 0.2]]),
    }
    steps = torch.optim.SGD(yolo.train().parameters(), lr=0.01)
    loss, _ = yolo(batch)
    loss.sum().backward()
    assert all(p.grad.isfinite().all() for n, p in yolo.named_parameters() if ".attention." in n)
    steps.step()
    with capture(yolo.eval()) as gates, torch.no_grad():
        detections = yolo(torch.rand(1, 3, 64, 64))[0]
    assert detections.isfinite().all()
    assert {len(calls) for calls in gates.values()} == {1}


def test_inserted_attention_is_fused_and_gives_the_same_answers(yolo):
    insert_attention(yolo.eval(), CBAM)
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = yolo(x)[0]
        places = attended(yolo)
        actual = fuse(yolo)(x)[0]
    assert [
        name.removesuffix(".attention") for name, m in yolo.named_modules() if type(m) is FusedCBAM
    ] == places
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)
