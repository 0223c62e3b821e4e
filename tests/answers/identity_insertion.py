"""Answers to the task identity-insertion."""

import torch
from torch import nn

from cbam_course.networks.attached import IdentityStart


class Base(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.attention = attention
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return x + self.alpha * (self.attention(x) - x)


class Blend(Base):
    def forward(self, x):
        return (1 - self.alpha) * x + self.alpha * self.attention(x)


class Lerp(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.add_module("inner", inner)
        self.register_parameter("share", nn.Parameter(torch.tensor([0.0])))

    def forward(self, x):
        return torch.lerp(x, self.inner(x), self.share)


class Shaped(Base):
    def __init__(self, attention):
        super().__init__(attention)
        self.alpha = nn.Parameter(torch.zeros(1, 1, 1, 1))


class Inherited(IdentityStart):
    pass


RIGHT = [Base, Blend, Lerp, Shaped, Inherited]


def change(forward=Base.forward, alpha=None, **more):
    """The base with another forward or another learned number."""

    def init(self, attention):
        Base.__init__(self, attention)
        if alpha is not None:
            del self.alpha
            self.alpha = alpha()

    return type("Answer", (Base,), {"__init__": init, "forward": forward, **more})


class InAList(Base):
    def __init__(self, attention):
        super().__init__(nn.Identity())
        self.parts = [attention]

    def forward(self, x):
        return x + self.alpha * (self.parts[0](x) - x)


class Zeroed(Base):
    def __init__(self, attention):
        super().__init__(attention)
        for parameter in attention.parameters():
            nn.init.zeros_(parameter)

    def forward(self, x):
        return self.attention(x)


def without_gradient(self, x):
    with torch.no_grad():
        step = self.attention(x) - x
    return x + self.alpha * step


WRONG = {
    "starts-at-one": [
        change(alpha=lambda: nn.Parameter(torch.ones(()))),
        change(lambda self, x: self.attention(x)),
    ],
    "half-at-start": [
        change(lambda self, x: x + torch.sigmoid(self.alpha) * (self.attention(x) - x)),
        change(alpha=lambda: nn.Parameter(torch.tensor(0.5))),
    ],
    "squashed": [change(lambda self, x: x + torch.tanh(self.alpha) * (self.attention(x) - x))],
    "added-not-blended": [
        change(lambda self, x: x + self.alpha * self.attention(x)),
        change(lambda self, x: x + self.attention(x)),
    ],
    "reversed": [change(lambda self, x: x + self.alpha * (x - self.attention(x)))],
    "zero-output": [change(lambda self, x: self.alpha * self.attention(x))],
    "not-learned": [
        change(alpha=lambda: torch.zeros(())),
        change(alpha=lambda: 0.0),
        change(lambda self, x: x, alpha=lambda: 0),
    ],
    "no-gradient": [change(lambda self, x: x + self.alpha.item() * (self.attention(x) - x))],
    "one-per-channel": [change(alpha=lambda: nn.Parameter(torch.zeros(1, 4, 1, 1)))],
    "attention-not-registered": [InAList],
    "attention-frozen": [
        change(lambda self, x: x + self.alpha * (self.attention(x).detach() - x)),
        change(without_gradient),
    ],
    "zeroed-attention": [Zeroed],
}
