"""Which parameters of a network are trained, and how fast: what fine-tuning needs."""

from collections.abc import Mapping

from torch import nn


def train_only(model: nn.Module, *parts: str) -> list[str]:
    """Train the parameters whose name contains one of ``parts``, freeze all others, return the trained names.

    :func:`cbam_course.training.fit.fit` gives the optimiser only what is trained, and a BatchNorm whose scale and
    shift are frozen keeps its running statistics as well.

    Args:
        model: changed in place: ``requires_grad`` of every parameter.
        parts: pieces of parameter names, such as ``"attention"`` or ``"layer3"``; ``""`` means all.

    Raises:
        ValueError: no parameter's name contains a part; the message lists names.

    Example:
        >>> from cbam_course.networks.resnet import CifarResNet
        >>> from cbam_course.training.parameter_groups import train_only
        >>> train_only(CifarResNet(), "fc")
        ['fc.weight', 'fc.bias']
    """
    named = dict(model.named_parameters())
    for part in parts or [None]:
        if part is None or not any(part in name for name in named):
            names = ", ".join(sorted({name.partition(".")[0] for name in named}))
            raise ValueError(f"parts has {part!r}, and no parameter is called so; names begin with {names}.")
    chosen = [name for name in named if any(part in name for part in parts)]
    for name, parameter in named.items():
        parameter.requires_grad_(name in chosen)
    return chosen


def train_mode(model: nn.Module) -> None:
    """Put the model into training mode, but frozen BatchNorms into evaluation mode.

    A BatchNorm in training mode goes on averaging what it sees, so its function changes although its parameters
    are frozen.

    Args:
        model: changed in place.
    """
    model.train()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            parameters = list(module.parameters())
            if parameters and not any(p.requires_grad for p in parameters):
                module.eval()


def parameter_groups(
    model: nn.Module, learning_rate: float | Mapping[str, float], weight_decay: float
) -> list[dict]:
    """Return the groups for an optimiser: one for each learning rate, with and without weight decay.

    Matrices and kernels decay; a bias, a norm's scale or the single number of an
    identity start has no reason to be 0.

    Args:
        model: its trained parameters are grouped.
        learning_rate: one rate, or a mapping from a piece of a parameter's name to a rate; the first piece that
            the name contains decides, ``""`` is contained in every name.
        weight_decay: of the parameters that decay.

    Raises:
        ValueError: nothing is trained, or a trained parameter matches no piece; the message names it.

    Example:
        >>> from torch import nn
        >>> from cbam_course.training.parameter_groups import parameter_groups
        >>> groups = parameter_groups(nn.Linear(3, 2), learning_rate=0.01, weight_decay=0.1)
        >>> [(group["lr"], group["weight_decay"], len(group["params"])) for group in groups]
        [(0.01, 0.1, 1), (0.01, 0.0, 1)]
    """
    rates = learning_rate if isinstance(learning_rate, Mapping) else {"": learning_rate}
    groups: dict[tuple[float, float], list] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decays = parameter.ndim > 1
            key = (_rate(rates, name), weight_decay if decays else 0.0)
            groups.setdefault(key, []).append(parameter)
    if not groups:
        raise ValueError("model has no parameter that is trained; call train_only(model, ...) first.")
    # Decayed parameters first: the order of the groups is the order of the optimiser's sums.
    ordered = sorted(groups.items(), key=lambda item: item[0][1] == 0.0)
    return [
        {"params": parameters, "lr": rate, "weight_decay": decay} for (rate, decay), parameters in ordered
    ]


def _rate(rates: Mapping[str, float], name: str) -> float:
    for part, rate in rates.items():
        if part in name:
            return rate
    raise ValueError(
        f'learning_rate has no entry for the parameter {name!r}; add one, or "" for all that are left.'
    )
