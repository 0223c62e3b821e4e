"""What fit stands on: the scores of classes and masks, and the choice of number format."""

import pytest
import torch

from cbam_course.training import precision
from cbam_course.training.objectives import accuracy, mask_loss, mean_iou


def test_scores_agree_with_cases_done_by_hand():
    logits, labels = torch.tensor([[2.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 0])
    torch.testing.assert_close(accuracy(logits, labels), torch.tensor([1.0, 0.0]))
    maps = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]]])
    masks = torch.tensor([[[True, False], [True, False]], [[False, False], [False, False]]])
    torch.testing.assert_close(mean_iou(maps, masks), torch.tensor([1 / 3, 1.0]))
    assert mask_loss(torch.where(masks, 20.0, -20.0), masks) < 1e-3 < mask_loss(maps, masks)


@pytest.mark.parametrize(
    ("capability", "dtype"), [((9, 0), torch.bfloat16), ((7, 5), torch.float16), ((6, 1), torch.float32)]
)
def test_auto_precision_follows_the_gpu(monkeypatch, capability, dtype):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert precision.choose_place("cuda", "auto").dtype == dtype


def test_auto_precision_on_a_processor_needs_amx(monkeypatch):
    monkeypatch.setattr(precision, "_has_amx", lambda: True)
    assert precision.choose_place("cpu", "auto").dtype == torch.bfloat16
    monkeypatch.setattr(precision, "_has_amx", lambda: False)
    assert precision.choose_place("cpu", "auto").dtype == torch.float32
