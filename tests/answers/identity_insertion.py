"""Answers to the task identity-insertion."""

import torch
from torch import nn

from cbam_course.networks.strength import IdentityStart


class Base(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.attention = attention
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return x + self.strength * (self.attention(x) - x)


class Blend(Base):
    def forward(self, x):
        return (1 - self.strength) * x + self.strength * self.attention(x)


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
        self.strength = nn.Parameter(torch.zeros(1, 1, 1, 1))


class Inherited(IdentityStart):
    pass


RIGHT = [Base, Blend, Lerp, Shaped, Inherited]


def change(forward=Base.forward, strength=None, **more):
    """The base with another forward or another learned number."""

    def init(self, attention):
        Base.__init__(self, attention)
        if strength is not None:
            del self.strength
            self.strength = strength()

    return type("Answer", (Base,), {"__init__": init, "forward": forward, **more})


class InAList(Base):
    def __init__(self, attention):
        super().__init__(nn.Identity())
        self.parts = [attention]

    def forward(self, x):
        return x + self.strength * (self.parts[0](x) - x)


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
    return x + self.strength * step


WRONG = {
    "starts-at-one": [
        change(strength=lambda: nn.Parameter(torch.ones(()))),
        change(lambda self, x: self.attention(x)),
    ],
    "half-at-start": [
        change(lambda self, x: x + torch.sigmoid(self.strength) * (self.attention(x) - x)),
        change(strength=lambda: nn.Parameter(torch.tensor(0.5))),
    ],
    "squashed": [change(lambda self, x: x + torch.tanh(self.strength) * (self.attention(x) - x))],
    "added-not-blended": [
        change(lambda self, x: x + self.strength * self.attention(x)),
        change(lambda self, x: x + self.attention(x)),
    ],
    "reversed": [change(lambda self, x: x + self.strength * (x - self.attention(x)))],
    "zero-output": [change(lambda self, x: self.strength * self.attention(x))],
    "not-learned": [
        change(strength=lambda: torch.zeros(())),
        change(strength=lambda: 0.0),
        change(lambda self, x: x, strength=lambda: 0),
    ],
    "no-gradient": [change(lambda self, x: x + self.strength.item() * (self.attention(x) - x))],
    "one-per-channel": [change(strength=lambda: nn.Parameter(torch.zeros(1, 4, 1, 1)))],
    "attention-not-registered": [InAList],
    "attention-frozen": [
        change(lambda self, x: x + self.strength * (self.attention(x).detach() - x)),
        change(without_gradient),
    ],
    "zeroed-attention": [Zeroed],
}
