"""Grad-CAM: which parts of a feature map moved the score of a class. That is not what a gate lets through."""

from collections.abc import Callable

import torch
from scipy.stats import rankdata
from torch import Tensor, nn
from torch.nn import functional as F

Score = Callable[[Tensor], Tensor]


def largest_logit(outputs: Tensor) -> Tensor:
    """Return each image's largest logit (N,), from logits of classes (N, K) or of pixels (N, H, W)."""
    return outputs.flatten(1).amax(dim=1)


def grad_cam(model: nn.Module, layer: nn.Module, inputs: Tensor, *, score: Score = largest_logit) -> Tensor:
    """Return the Grad-CAM map of each image: where more of the layer's features would raise the score.

    ``relu(sum over channels of w_c A_c)``, where A is what ``layer`` returns and ``w_c`` the mean over positions of
    the score's gradient with respect to ``A_c`` (Selvaraju et al. 2017, equations 1 and 2).

    Args:
        model: run in ``eval`` mode; no parameter gets a gradient, and every mode is put back.
        layer: a module inside ``model`` that returns a feature map (N, C, h, w), once in a pass.
        inputs: (N, 3, H, W), floating point.
        score: from the model's output to one number per image (N,); the largest logit when left out.

    Shape:
        inputs: (N, 3, H, W) -> maps (N, h, w), at least 0.

    Raises:
        ValueError: ``layer`` does not return a feature map when ``model`` runs.

    Source: Selvaraju et al.: "Grad-CAM: Visual Explanations from Deep Networks", ICCV 2017.
    """
    features: list[Tensor] = []

    def keep(module, arguments, output):
        # A leaf in the layer's place: the gradient stops here, and nothing before it is needed.
        features.append(output.detach().requires_grad_())
        return features[-1].clone()

    modes = {module: module.training for module in model.modules()}
    hook = layer.register_forward_hook(keep)
    try:
        model.eval()
        with torch.enable_grad():
            total = score(model(inputs)).sum()
        if len(features) != 1 or features[0].ndim != 4:
            shapes = [tuple(f.shape) for f in features]
            raise ValueError(
                f"layer returned {shapes or 'nothing'} in one pass; give a module that returns one feature map "
                "(N, C, h, w)."
            )
        (gradient,) = torch.autograd.grad(total, features[0])
    finally:
        hook.remove()
        for module, training in modes.items():
            module.training = training
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return F.relu((weights * features[0].detach()).sum(dim=1))


def rank_agreement(maps: Tensor, others: Tensor) -> Tensor:
    """Return how alike two maps of each image rank the positions: Spearman's correlation, float64 (N,).

    1: the same order, 0: unrelated, -1: reversed; NaN where a map is constant. Two kinds of map can both be right
    and disagree, because they answer different questions.

    Args:
        maps, others: (N, h, w) and (N, h', w'); the second is resized to the first, bilinearly.
    """
    if maps.ndim != 3 or others.ndim != 3 or len(maps) != len(others):
        raise ValueError(
            f"maps have the shape {tuple(maps.shape)} and others {tuple(others.shape)}; "
            "give (N, h, w) of as many images."
        )
    if others.shape != maps.shape:
        others = F.interpolate(others[:, None], size=maps.shape[1:], mode="bilinear", align_corners=False)[
            :, 0
        ]
    ranks = [torch.as_tensor(rankdata(m.detach().cpu().flatten(1).numpy(), axis=1)) for m in (maps, others)]
    a, b = (rank - rank.mean(dim=1, keepdim=True) for rank in ranks)
    return (a * b).sum(dim=1) / (a.norm(dim=1) * b.norm(dim=1))
