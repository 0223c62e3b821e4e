"""Residual networks: the small one for CIFAR with its augmentation, and ImageNet's as the papers counted them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet

from ..arguments import require_whole


class BasicBlock(nn.Module):
    """Two 3×3 convolutions and a shortcut without parameters.

    ``y = relu(x' + branch(x))``, where ``x'`` is ``x``, or every ``stride``-th pixel of it with channels of 0
    appended (He et al. 2016, section 3.3, option A).

    Args:
        in_channels: channels of the input.
        channels: channels of the output, at least ``in_channels``.
        stride: of the first convolution and of the shortcut, in pixels.

    Shape:
        x: (N, in_channels, H, W) -> (N, channels, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, channels: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.added_channels = channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        """Return the branch added to the shortcut, rectified."""
        branch = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.added_channels))
        return self.relu(branch + shortcut)


class CifarResNet(nn.Module):
    """The residual network of 6 n + 2 layers for 32×32 images (He et al. 2016, section 4.2).

    Args:
        blocks: blocks n in each of the three stages; 3 gives ResNet-20.
        num_classes: number of classes K.
        head: what the last layer reads of each of the 64 channels: ``"average"``, as in the paper, or
            ``"mean+max"``, both side by side.

    Shape:
        x: (N, 3, H, W), H and W at least 4 -> (N, K).

    Raises:
        TypeError, ValueError: an argument is impossible; the message says what to do.

    Source: He, Zhang, Ren, Sun: "Deep Residual Learning for Image Recognition", CVPR 2016.
    """

    def __init__(self, blocks: int = 3, num_classes: int = 10, *, head: str = "average"):
        super().__init__()
        if head not in ("average", "mean+max"):
            raise ValueError(f"head is {head!r}; choose 'average' or 'mean+max'.")
        require_whole("blocks", blocks)
        require_whole("num_classes", num_classes)
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = _stage(16, 16, blocks, stride=1)
        self.layer2 = _stage(16, 32, blocks, stride=2)
        self.layer3 = _stage(32, 64, blocks, stride=2)
        self.takes_maximum = head == "mean+max"
        self.fc = nn.Linear(128 if self.takes_maximum else 64, num_classes)
        for convolution in (m for m in self.modules() if isinstance(m, nn.Conv2d)):
            nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits, shape (N, num_classes)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        pooled = x.mean(dim=(2, 3))
        if self.takes_maximum:
            pooled = torch.cat([pooled, x.amax(dim=(2, 3))], dim=1)
        return self.fc(pooled)


def _stage(in_channels: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
    first = BasicBlock(in_channels, channels, stride)
    return nn.Sequential(first, *(BasicBlock(channels, channels) for _ in range(blocks - 1)))


class ShiftAndFlip(nn.Module):
    """In training, move every image by up to ``shift`` pixels and mirror half of them; in evaluation, do nothing.

    As the first module of a network it is the augmentation of He et al. 2016, section 4.2: a border of zeros, a
    random crop of the old size, a flip from left to right. It has no parameters and draws from torch's random
    numbers, which ``fit`` seeds.

    Args:
        shift: largest shift in pixels, in both directions.

    Shape:
        x: (N, C, H, W) -> the same.

    Source: He, Zhang, Ren, Sun: "Deep Residual Learning for Image Recognition", CVPR 2016.
    """

    def __init__(self, shift: int = 4):
        super().__init__()
        require_whole("shift", shift)
        self.shift = shift

    def forward(self, x: Tensor) -> Tensor:
        """Return the images, shape as x; changed in training mode."""
        if not self.training:
            return x
        count, channels, height, width = x.shape

        def along(side: int) -> Tensor:
            start = torch.randint(2 * self.shift + 1, (count, 1), device=x.device)
            return start + torch.arange(side, device=x.device)

        rows, columns = along(height), along(width)
        mirrored = torch.rand(count, 1, device=x.device) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
        image = torch.arange(count, device=x.device)[:, None, None, None]
        channel = torch.arange(channels, device=x.device)[:, None, None]
        padded = F.pad(x, [self.shift] * 4)
        return padded[image, channel, rows[:, None, :, None], columns[:, None, None, :]]


# block, blocks per stage, groups, width of a group in the first stage
IMAGENET = {
    "resnet18": (resnet.BasicBlock, (2, 2, 2, 2), 1, 64),
    "resnet34": (resnet.BasicBlock, (3, 4, 6, 3), 1, 64),
    "resnet50": (resnet.Bottleneck, (3, 4, 6, 3), 1, 64),
    "resnet101": (resnet.Bottleneck, (3, 4, 23, 3), 1, 64),
    "resnext50_32x4d": (resnet.Bottleneck, (3, 4, 6, 3), 32, 4),
    "resnext101_32x4d": (resnet.Bottleneck, (3, 4, 23, 3), 32, 4),
}


def imagenet_resnet(name: str, *, stride: str = "1x1") -> resnet.ResNet:
    """Return torchvision's ResNet or ResNeXt, without weights, with the stride where the papers had it.

    In a Bottleneck, He et al. 2016 and the tables of the CBAM paper have the stride in the first 1×1
    convolution, torchvision in the 3×3 convolution after it. The parameters are the same; the multiply-adds
    are not, because the 3×3 convolution then works on the larger map.

    Args:
        name: ``"resnet18"``, ``"resnet34"``, ``"resnet50"``, ``"resnet101"``, ``"resnext50_32x4d"`` or
            ``"resnext101_32x4d"``.
        stride: the convolution of a Bottleneck that has it, ``"1x1"`` or ``"3x3"``.

    Raises:
        ValueError: there is no such network or no such place for the stride.
    """
    if name not in IMAGENET:
        raise ValueError(f"name is {name!r}; choose one of {', '.join(IMAGENET)}.")
    if stride not in ("1x1", "3x3"):
        raise ValueError(f"stride is {stride!r}; choose '1x1' or '3x3'.")
    block, blocks, groups, width = IMAGENET[name]
    model = resnet.ResNet(block, list(blocks), groups=groups, width_per_group=width)
    if stride == "1x1":
        for b in (m for m in model.modules() if isinstance(m, resnet.Bottleneck)):
            b.conv1.stride, b.conv2.stride = b.conv2.stride, b.conv1.stride
    return model
