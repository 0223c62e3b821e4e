"""The scores of classes and of masks."""

import torch

from cbam_course.training.metrics import accuracy, mask_loss, mean_iou


def test_scores_agree_with_cases_done_by_hand():
    logits, labels = torch.tensor([[2.0, 1.0], [0.0, 1.0]]), torch.tensor([0, 0])
    torch.testing.assert_close(accuracy(logits, labels), torch.tensor([1.0, 0.0]))
    maps = torch.tensor([[[1.0, 1.0], [-1.0, -1.0]], [[-1.0, -1.0], [-1.0, -1.0]]])
    masks = torch.tensor([[[True, False], [True, False]], [[False, False], [False, False]]])
    torch.testing.assert_close(mean_iou(maps, masks), torch.tensor([1 / 3, 1.0]))
    assert mask_loss(torch.where(masks, 20.0, -20.0), masks) < 1e-3 < mask_loss(maps, masks)
