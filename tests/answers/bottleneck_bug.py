"""Answers to the task bottleneck-bug."""

import torch
from torch import nn
from torch.nn import functional as F


class Base(nn.Module):
    """The block of the exercise with its bug; what is wrong or right is in ``width`` and ``join``."""

    def __init__(self, in_channels, planes, make_attention):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.attention = make_attention(self.width(in_channels, planes))

    def width(self, in_channels, planes):
        return 4 * planes

    def middle(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(out)))

    def branch(self, x):
        return self.bn3(self.conv3(self.middle(x)))

    def branch_and_shortcut(self, x):
        return torch.relu(self.branch(x) + x)

    def forward(self, x):
        return torch.relu(self.attention(self.branch(x)) + x)


def change(**steps):
    return type("Answer", (Base,), steps)


def forward(function, **steps):
    return change(forward=function, **steps)


class InOneLine(nn.Module):
    expansion = 4

    def __init__(self, c, p, factory):
        super().__init__()
        wide = p * self.expansion
        for i, (a, b, k) in enumerate([(c, p, 1), (p, p, 3), (p, wide, 1)], 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, k, padding=k // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        self.gate = factory(self.bn3.num_features)

    def forward(self, x):
        y = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        y = self.gate(self.bn3(self.conv3(y)))
        return F.relu(y + x)


def hooked(self, in_channels, planes, make_attention):
    Base.__init__(self, in_channels, planes, lambda channels: nn.Identity())
    self.bn3.attention = make_attention(self.conv3.out_channels)
    self.bn3.register_forward_hook(lambda module, inputs, output: module.attention(output))


class MadeInForward(Base):
    def __init__(self, in_channels, planes, make_attention):
        super().__init__(in_channels, planes, lambda channels: nn.Identity())
        self.make = make_attention

    def forward(self, x):
        branch = self.branch(x)
        return torch.relu(self.make(branch.shape[1])(branch) + x)


def narrow(self, in_channels, planes):
    return planes


def inside(self, x):
    return torch.relu(self.bn3(self.conv3(self.attention(self.middle(x)))) + x)


def inside_first(self, x):
    out = self.attention(torch.relu(self.bn1(self.conv1(x))))
    out = torch.relu(self.bn2(self.conv2(out)))
    return torch.relu(self.bn3(self.conv3(out)) + x)


def before_norm(self, x):
    return torch.relu(self.bn3(self.attention(self.conv3(self.middle(x)))) + x)


RIGHT = [
    Base,
    InOneLine,
    change(__init__=hooked),
    change(width=lambda self, in_channels, planes: self.conv3.out_channels),
    change(width=lambda self, in_channels, planes: in_channels),  # the same here: the shortcut has no layer
]

WRONG = {
    "planes-not-expanded": [change(width=narrow)],
    "moved-inside": [forward(inside, width=narrow), forward(inside_first, width=narrow)],
    "before-batchnorm": [forward(before_norm)],
    "after-addition": [
        forward(lambda self, x: self.attention(torch.relu(self.branch(x) + x))),
        forward(lambda self, x: torch.relu(self.attention(self.branch(x) + x))),
    ],
    "on-the-shortcut": [forward(lambda self, x: torch.relu(self.branch(x) + self.attention(x)))],
    "at-the-input": [
        forward(lambda self, x: Base.branch_and_shortcut(self, self.attention(x))),
        forward(lambda self, x: torch.relu(self.branch(self.attention(x)) + x)),
    ],
    "attention-lost": [
        forward(Base.branch_and_shortcut),
        forward(lambda self, x: torch.relu(self.branch(x) + x + 0 * self.attention(self.branch(x)))),
    ],
    "in-forward": [MadeInForward],
}
