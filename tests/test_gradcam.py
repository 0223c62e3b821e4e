"""Grad-CAM: by hand, against the grad-cam package, and how far it agrees with a gate."""

import pytest
import torch
from scipy.stats import spearmanr

from cbam_course import CBAM, SpatialAttention, capture
from cbam_course.inspection.gradcam import grad_cam, rank_agreement
from cbam_course.networks.small_cnn import DenseCNN, SmallCNN


@pytest.fixture
def x():
    return torch.randn(3, 3, 24, 24, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return SmallCNN(5, attention=lambda c: CBAM(c, 4))


def test_with_an_averaging_head_the_map_is_that_of_the_class_weights(model, x):
    """For an average and one linear layer, Grad-CAM is CAM divided by the number of positions."""
    model.eval()
    with torch.no_grad():
        features = model.blocks(x)
        best = model.head(features).argmax(dim=1)
        weights = model.head.classify[0].weight[best]
        cam = torch.relu(torch.einsum("nc,nchw->nhw", weights, features)) / features[0, 0].numel()
    torch.testing.assert_close(grad_cam(model, model.blocks, x), cam)


def test_a_class_can_be_asked_for(model, x):
    maps = [grad_cam(model, model.blocks[1], x, score=lambda y, k=k: y[:, k]) for k in (0, 1)]
    assert maps[0].shape == (3, 6, 6)
    assert (maps[0] - maps[1]).abs().max() > 1e-6


def test_it_is_what_the_grad_cam_package_computes(model, x):
    package = pytest.importorskip("pytorch_grad_cam", reason="needs pip install grad-cam and what it needs")
    targets = pytest.importorskip("pytorch_grad_cam.utils.model_targets")
    model.eval()
    with torch.no_grad():
        model.head.classify[0].weight.mul_(1e4)  # the package adds 1e-7 to what it divides by
    layer = model.blocks[0].norm  # as large as the image, so that the package has nothing to enlarge
    for label in (0, 3):
        with package.GradCAM(model, [layer]) as theirs:
            wanted = theirs(input_tensor=x, targets=[targets.ClassifierOutputTarget(label)] * 3)
        ours = grad_cam(model, layer, x, score=lambda y, k=label: y[:, k])
        low, high = ours.amin((1, 2), keepdim=True), ours.amax((1, 2), keepdim=True)
        assert (high > low).all()
        torch.testing.assert_close((ours - low) / (high - low), torch.as_tensor(wanted), rtol=1e-4, atol=1e-4)


def test_the_model_is_left_as_it_was(model, x):
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    grad_cam(model, model.blocks[2], x)
    assert all(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name])


def test_pixels_can_be_asked_for_too(x):
    torch.manual_seed(0)
    model = DenseCNN(attention=lambda c: SpatialAttention(7))
    maps = grad_cam(model, model.blocks[2], x, score=lambda y: y[:, 12, 12])
    assert maps.shape == (3, 6, 6)


def test_a_layer_without_a_feature_map_gets_one_sentence(model, x):
    with pytest.raises(
        ValueError, match=r"layer returned \[\(3, 5\)\] in one pass; give a module that returns"
    ):
        grad_cam(model, model.head, x)
    assert not model.head._forward_hooks


def test_agreement_is_spearmans_correlation(model, x):
    with torch.no_grad(), capture(model) as gates:
        model.eval()(x)
    maps = grad_cam(model, model.blocks[2].pool, x)
    gate = gates["blocks.2.attention.spatial"][0][:, 0]
    found = rank_agreement(gate, maps)
    for n in range(3):
        if maps[n].max() > 0:
            wanted = spearmanr(gate[n].flatten(), maps[n].flatten()).statistic
            assert found[n].item() == pytest.approx(wanted, abs=1e-9)
    torch.testing.assert_close(rank_agreement(gate, gate), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(rank_agreement(gate, -gate), -torch.ones(3, dtype=torch.float64))
    assert rank_agreement(gate, torch.ones_like(gate)).isnan().all()
    assert rank_agreement(gate, torch.rand(3, 12, 12)).shape == (3,)
    with pytest.raises(ValueError, match=r"maps have the shape \(3, 3, 3\) and others \(2, 3, 3\)"):
        rank_agreement(gate, gate[:2])
