"""How many hidden units the gate's MLP has: the implementations disagree."""


def hidden_width(in_channels: int, reduction_ratio: int) -> int:
    """Return the papers' width, ``in_channels // reduction_ratio``, but never below 1.

    A width of 0 would go unnoticed: ``nn.Linear(C, 0)`` followed by ``nn.Linear(0, C)`` returns zeros for
    every input, and the gate is a constant 0.5.
    """
    return max(1, in_channels // reduction_ratio)


def rounded_width(in_channels: int, reduction_ratio: int, multiple: int) -> int:
    """Return timm's width: C / r rounded half up to a multiple, at least one multiple.

    timm's CBAM uses multiples of 1 (24 / 16 gives 2, where ``//`` gives 1), its SE multiples of 8.
    """
    return max(multiple, int(in_channels / reduction_ratio + multiple / 2) // multiple * multiple)
