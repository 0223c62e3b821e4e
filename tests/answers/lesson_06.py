"""Answers to the tasks of lesson 06: right ones written differently, wrong ones under their mistakes."""

import copy
import types

import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import CBAM, SqueezeExcitation, insert_attention, make_scenes
from cbam_course.networks.attached import IdentityStart
from cbam_course.networks.baselines import ConstantGate
from cbam_course.networks.pretrained import pretrained_resnet20

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# bottleneck-bug


class BottleneckBugBase(nn.Module):
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


def bottleneck_bug_change(**steps):
    return type("Answer", (BottleneckBugBase,), steps)


def forward(function, **steps):
    return bottleneck_bug_change(forward=function, **steps)


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
    BottleneckBugBase.__init__(self, in_channels, planes, lambda channels: nn.Identity())
    self.bn3.attention = make_attention(self.conv3.out_channels)
    self.bn3.register_forward_hook(lambda module, inputs, output: module.attention(output))


class MadeInForward(BottleneckBugBase):
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


class LooksFirst(BottleneckBugBase):
    """Calls the factory twice: once to look at what it makes."""

    def __init__(self, in_channels, planes, make_attention):
        assert isinstance(make_attention(1), nn.Module)
        super().__init__(in_channels, planes, make_attention)


class Renamed(BottleneckBugBase):
    def __init__(self, in_channels, planes, make_attention):
        super().__init__(in_channels, planes, make_attention)
        self.norm3 = self.bn3
        del self.bn3

    def forward(self, x):
        return torch.relu(self.attention(self.norm3(self.conv3(self.middle(x)))) + x)


class InASequence(nn.Module):
    def __init__(self, in_channels, planes, make_attention):
        super().__init__()
        self.branch = nn.Sequential(
            *(nn.Conv2d(in_channels, planes, 1, bias=False), nn.BatchNorm2d(planes), nn.ReLU()),
            *(nn.Conv2d(planes, planes, 3, padding=1, bias=False), nn.BatchNorm2d(planes), nn.ReLU()),
            *(nn.Conv2d(planes, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes)),
        )
        self.attention = make_attention(4 * planes)

    def forward(self, x):
        return torch.relu(self.attention(self.branch(x)) + x)


class WithABias(BottleneckBugBase):
    def __init__(self, in_channels, planes, make_attention):
        super().__init__(in_channels, planes, make_attention)
        self.conv1 = nn.Conv2d(in_channels, planes, 1)


class AlwaysCBAM(BottleneckBugBase):
    def __init__(self, in_channels, planes, make_attention):
        super().__init__(in_channels, planes, CBAM)


class KeptInAList(BottleneckBugBase):
    def __init__(self, in_channels, planes, make_attention):
        super().__init__(in_channels, planes, lambda channels: nn.Identity())
        self.kept = [make_attention(4 * planes)]

    def forward(self, x):
        return torch.relu(self.kept[0](self.branch(x)) + x)


def without_a_relu(self, x):
    branch = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
    return torch.relu(self.attention(self.bn3(self.conv3(branch))) + x)


def scaled_afterwards(self, x):
    return torch.relu(1.1 * self.attention(self.branch(x)) + x)


RIGHT["bottleneck-bug"] = [
    LooksFirst,
    BottleneckBugBase,
    InOneLine,
    bottleneck_bug_change(__init__=hooked),
    bottleneck_bug_change(width=lambda self, in_channels, planes: self.conv3.out_channels),
    bottleneck_bug_change(
        width=lambda self, in_channels, planes: in_channels
    ),  # the same here: the shortcut has no layer
]

WRONG["bottleneck-bug"] = {
    "planes-not-expanded": [bottleneck_bug_change(width=narrow)],
    "moved-inside": [forward(inside, width=narrow), forward(inside_first, width=narrow)],
    "before-batchnorm": [forward(before_norm)],
    "after-addition": [
        forward(lambda self, x: self.attention(torch.relu(self.branch(x) + x))),
        forward(lambda self, x: torch.relu(self.attention(self.branch(x) + x))),
    ],
    "on-the-shortcut": [forward(lambda self, x: torch.relu(self.branch(x) + self.attention(x)))],
    "at-the-input": [
        forward(lambda self, x: BottleneckBugBase.branch_and_shortcut(self, self.attention(x))),
        forward(lambda self, x: torch.relu(self.branch(self.attention(x)) + x)),
    ],
    "attention-lost": [
        forward(BottleneckBugBase.branch_and_shortcut),
        forward(lambda self, x: torch.relu(self.branch(x) + x + 0 * self.attention(self.branch(x)))),
    ],
    "in-forward": [MadeInForward],
    "maker-unused": [AlwaysCBAM],
    "last-relu-lost": [forward(lambda self, x: self.attention(self.branch(x)) + x)],
    "shortcut-lost": [forward(lambda self, x: torch.relu(self.attention(self.branch(x))))],
    "added-to-the-branch": [
        forward(lambda self, x: torch.relu(self.branch(x) + self.attention(self.branch(x)) + x))
    ],
    "multiplied-again": [
        forward(lambda self, x: torch.relu(self.branch(x) * self.attention(self.branch(x)) + x))
    ],
    "layers-renamed": [Renamed, InASequence],
    "width-built-in": [bottleneck_bug_change(width=lambda self, in_channels, planes: 64)],
    None: [
        forward(lambda self, x: torch.relu(self.branch(x) * self.attention(x) + x)),
        forward(lambda self, x: torch.relu(self.attention(torch.relu(self.branch(x))) + x)),
        bottleneck_bug_change(width=lambda self, in_channels, planes: 2 * planes),
        bottleneck_bug_change(width=lambda self, in_channels, planes: 12),
        KeptInAList,
        WithABias,
        forward(without_a_relu),
        forward(scaled_afterwards),
    ],
}


# insert-by-hand


def run_attention(module, inputs, output):
    return module.attention(output)


def with_hook(block, attention):
    block.bn2.attention = attention
    block.bn2.register_forward_hook(run_attention)
    return block


def with_a_local_hook(block, attention):
    def hook(norm, inputs, output):
        return norm.gate(output)

    block.bn2.add_module("gate", attention)
    block.get_submodule("bn2").register_forward_hook(hook)
    return block


def with_the_package(block, attention):
    return insert_attention(block, lambda channels: attention, where=["bn2"])


class Attentive(nn.BatchNorm2d):
    def forward(self, x):
        return self.attention(super().forward(x))


def with_another_class(block, attention):
    block.bn2.__class__ = Attentive
    block.bn2.attention = attention
    return block


def forward_with_attention(self, x):
    branch = self.attention(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))
    return self.relu(branch + x)


def with_another_forward(block, attention):
    block.attention = attention
    block.forward = types.MethodType(forward_with_attention, block)
    return block


RIGHT["insert-by-hand"] = [
    with_hook,
    with_a_local_hook,
    with_the_package,
    with_another_class,
    with_another_forward,
]


def hooked_on(place, take=lambda module, inputs, output: output):
    def insert(block, attention):
        module = block if place == "block" else block.get_submodule(place)
        module.attention = attention
        module.register_forward_hook(lambda m, i, o: m.attention(take(m, i, o)))
        return block

    return insert


def pre_hook_with_an_output(block, attention):
    block.bn2.attention = attention
    block.bn2.register_forward_pre_hook(run_attention)
    return block


def module_put_out(block, attention):
    block.bn2.attention = attention
    block.bn2.register_forward_hook(lambda module, inputs, output: module.attention)
    return block


def nothing_returned(block, attention):
    def hook(module, inputs, output):
        module.attention(output)

    block.bn2.attention = attention
    block.bn2.register_forward_hook(hook)
    return block


def closure(block, attention):
    block.bn2.attention = attention
    block.bn2.register_forward_hook(lambda module, inputs, output: attention(output))
    return block


def closure_over_the_block(block, attention):
    block.attention = attention
    block.bn2.register_forward_hook(lambda module, inputs, output: block.attention(output))
    return block


def bound_method(block, attention):
    block.bn2.attention = attention
    block.bn2.forward = lambda x: attention(nn.BatchNorm2d.forward(block.bn2, x))
    return block


def not_registered(block, attention):
    block.bn2.register_forward_hook(lambda module, inputs, output: attention(output))
    return block


def in_a_list(block, attention):
    block.bn2.parts = [attention]
    block.bn2.register_forward_hook(lambda module, inputs, output: module.parts[0](output))
    return block


def sequential(block, attention):
    block.bn2 = nn.Sequential(block.bn2, attention)
    return block


class Wrapped(nn.Module):
    def __init__(self, norm, attention):
        super().__init__()
        self.norm, self.attention = norm, attention

    def forward(self, x):
        return self.attention(self.norm(x))


def wrapped(block, attention):
    block.bn2 = Wrapped(block.bn2, attention)
    return block


def never_run(block, attention):
    block.bn2.attention = attention
    return block


def twice(block, attention):
    return with_hook(with_hook(block, attention), attention)


def after_the_block(block, attention):
    return nn.Sequential(block, attention)


def replaced_forward(block, attention):
    before = block.forward
    block.attention = attention
    block.forward = lambda x: attention(before(x))
    return block


def pre_hook(block, attention):
    block.bn2.attention = attention
    block.bn2.register_forward_pre_hook(lambda module, inputs: module.attention(inputs[0]))
    return block


def before_the_norm(block, attention):
    block.bn2 = nn.Sequential(attention, block.bn2)
    return block


def only_a_copy(block, attention):
    return with_hook(copy.deepcopy(block), attention)


def hooks_cleared(block, attention):
    block.bn2._forward_hooks.clear()
    return with_hook(block, attention)


def left_in_eval(block, attention):
    block.eval()
    return with_hook(block, attention)


def detached(block, attention):
    block.bn2.attention = attention
    block.bn2.register_forward_hook(lambda module, inputs, output: module.attention(output).detach())
    return block


def a_copy_of_the_attention(block, attention):
    return with_hook(block, copy.deepcopy(attention))


def gate_assumed(block, attention):
    block.bn2.attention = attention
    block.bn2.register_forward_hook(lambda module, inputs, output: output * module.attention(output))
    return block


def written_into(block, attention):
    """Writes the attention's result into a map that the backward pass needs."""
    block.bn2.attention = attention
    block.bn2.register_forward_hook(lambda module, inputs, output: output.copy_(module.attention(output)))
    return block


def added(block, attention):
    block.bn2.attention = attention
    block.bn2.register_forward_hook(lambda module, inputs, output: output + module.attention(output))
    return block


WRONG["insert-by-hand"] = {
    "hooks-cleared": [hooks_cleared],
    "mode-changed": [left_in_eval],
    "gradient-cut": [detached],
    "multiplied-again": [gate_assumed],
    "copy-inserted": [a_copy_of_the_attention],
    None: [added, written_into, pre_hook_with_an_output, module_put_out],
    "after-addition": [hooked_on("block"), replaced_forward],
    "new-block": [only_a_copy, after_the_block],
    "wrong-norm": [hooked_on("bn1")],
    "before-batchnorm": [hooked_on("conv2"), hooked_on("conv1"), before_the_norm, pre_hook],
    "input-passed": [hooked_on("bn2", lambda module, inputs, output: inputs[0])],
    "hook-returns-nothing": [nothing_returned],
    "not-inserted": [never_run],
    "runs-twice": [twice, hooked_on("relu")],
    "not-registered": [not_registered, in_a_list],
    "keys-changed": [sequential, wrapped],
    "closure": [closure, closure_over_the_block, bound_method],
}


# identity-insertion


class IdentityInsertionBase(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.attention = attention
        self.alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return x + self.alpha * (self.attention(x) - x)


class Blend(IdentityInsertionBase):
    def forward(self, x):
        return (1 - self.alpha) * x + self.alpha * self.attention(x)


class Lerp(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.add_module("inner", inner)
        self.register_parameter("share", nn.Parameter(torch.tensor([0.0])))

    def forward(self, x):
        return torch.lerp(x, self.inner(x), self.share)


class Shaped(IdentityInsertionBase):
    def __init__(self, attention):
        super().__init__(attention)
        self.alpha = nn.Parameter(torch.zeros(1, 1, 1, 1))


class Inherited(IdentityStart):
    pass


RIGHT["identity-insertion"] = [IdentityInsertionBase, Blend, Lerp, Shaped, Inherited]


def identity_insertion_change(forward=IdentityInsertionBase.forward, alpha=None, **more):
    """The base with another forward or another learned number."""

    def init(self, attention):
        IdentityInsertionBase.__init__(self, attention)
        if alpha is not None:
            del self.alpha
            self.alpha = alpha()

    return type("Answer", (IdentityInsertionBase,), {"__init__": init, "forward": forward, **more})


class InAList(IdentityInsertionBase):
    def __init__(self, attention):
        super().__init__(nn.Identity())
        self.parts = [attention]

    def forward(self, x):
        return x + self.alpha * (self.parts[0](x) - x)


class Zeroed(IdentityInsertionBase):
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


def written_into_the_step(self, x):
    """The product's gradient needs the step, and the addition writes into it."""
    step = self.attention(x) - x
    share = self.alpha * step
    step.add_(x)
    return x + share


WRONG["identity-insertion"] = {
    "starts-at-one": [
        identity_insertion_change(alpha=lambda: nn.Parameter(torch.ones(()))),
    ],
    "number-unused": [
        identity_insertion_change(lambda self, x: self.attention(x)),
        identity_insertion_change(lambda self, x: self.attention(x) + 0 * self.alpha),
    ],
    "other-way-round": [
        identity_insertion_change(lambda self, x: self.attention(x) + self.alpha * (x - self.attention(x))),
        identity_insertion_change(lambda self, x: torch.lerp(self.attention(x), x, self.alpha)),
    ],
    "half-at-start": [
        identity_insertion_change(lambda self, x: x + torch.sigmoid(self.alpha) * (self.attention(x) - x)),
    ],
    "starts-beside-zero": [
        identity_insertion_change(alpha=lambda: nn.Parameter(torch.tensor(1e-3))),
        identity_insertion_change(alpha=lambda: nn.Parameter(torch.tensor(-0.3))),
    ],
    "starts-at-a-half": [identity_insertion_change(alpha=lambda: nn.Parameter(torch.tensor(0.5)))],
    "squashed": [
        identity_insertion_change(lambda self, x: x + torch.tanh(self.alpha) * (self.attention(x) - x))
    ],
    "added-not-blended": [
        identity_insertion_change(lambda self, x: x + self.alpha * self.attention(x)),
        identity_insertion_change(lambda self, x: x + self.attention(x)),
    ],
    "reversed": [identity_insertion_change(lambda self, x: x + self.alpha * (x - self.attention(x)))],
    "zero-output": [identity_insertion_change(lambda self, x: self.alpha * self.attention(x))],
    "not-learned": [
        identity_insertion_change(alpha=lambda: torch.zeros(())),
        identity_insertion_change(alpha=lambda: 0.0),
        identity_insertion_change(alpha=lambda: nn.Parameter(torch.zeros(()), requires_grad=False)),
        identity_insertion_change(lambda self, x: x, alpha=lambda: 0),
    ],
    "no-gradient": [
        identity_insertion_change(lambda self, x: x + self.alpha.item() * (self.attention(x) - x))
    ],
    "held-at-zero": [
        identity_insertion_change(lambda self, x: x + self.alpha.relu() * (self.attention(x) - x))
    ],
    "special-case-at-zero": [
        identity_insertion_change(
            lambda self, x: x if self.alpha == 0 else x + self.alpha * (self.attention(x) - x)
        )
    ],
    "in-place-change": [
        identity_insertion_change(lambda self, x: x.add_(self.alpha * (self.attention(x) - x)))
    ],
    "one-per-channel": [identity_insertion_change(alpha=lambda: nn.Parameter(torch.zeros(1, 4, 1, 1)))],
    "attention-not-registered": [InAList],
    "attention-frozen": [
        identity_insertion_change(lambda self, x: x + self.alpha * (self.attention(x).detach() - x)),
        identity_insertion_change(without_gradient),
    ],
    "zeroed-attention": [Zeroed],
    "attention-of-a-share": [
        identity_insertion_change(lambda self, x: (1 - self.alpha) * x + self.attention(self.alpha * x))
    ],
    None: [
        identity_insertion_change(
            lambda self, x: (x + self.alpha * (self.attention(x) - x)).detach().numpy()
        ),
        identity_insertion_change(lambda self, x: x + self.alpha * (self.attention(x) - x) > 0),
        identity_insertion_change(lambda self, x: x + self.alpha**2 * (self.attention(x) - x)),
        identity_insertion_change(lambda self, x: x + self.alpha * (self.attention(x.relu()) - x)),
        identity_insertion_change(lambda self, x: x + self.alpha * (self.attention(x.detach()) - x)),
        identity_insertion_change(written_into_the_step),
        identity_insertion_change(lambda self, x: x + 0 * self.alpha),
        identity_insertion_change(lambda self, x: x + self.alpha * (self.attention(self.attention(x)) - x)),
    ],
}


# se-beside-plain


def make_network():
    torch.manual_seed(0)
    network = pretrained_resnet20()
    network.fc = nn.Linear(64, 5)
    return network


def as_if_trained(network, *parts):
    """Move every parameter a little, or those whose names contain a part: what training does to them."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not parts or any(part in name for part in parts):
                parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return network.eval()


def se(channels):
    return SqueezeExcitation(channels, 4)


def with_se(factory=se, **options):
    return insert_attention(make_network(), factory, **{"identity": True, **options})


@torch.no_grad()
def accuracy(network, n=100, seed=200):
    scenes = make_scenes(n, size=32, distractors=2, seed=seed)
    return (network.eval()(scenes.inputs()).argmax(1) == scenes.classification[1]).float().mean().item()


@torch.no_grad()
def accuracy_in_training(network):
    scenes = make_scenes(100, size=32, distractors=2, seed=200)
    logits = copy.deepcopy(network).train()(scenes.inputs())
    return (logits.argmax(1) == scenes.classification[1]).float().mean().item()


PLAIN, ATTENDED = as_if_trained(make_network()), as_if_trained(with_se())
WITH_CBAM = as_if_trained(with_se(lambda channels: CBAM(channels, 4)))
SCORES = [accuracy(PLAIN), accuracy(ATTENDED)]


class Blended(nn.Module):
    """An identity start of one's own, with its number under another name and shape."""

    def __init__(self, channels):
        super().__init__()
        self.gate, self.share = SqueezeExcitation(channels, 4), nn.Parameter(torch.zeros(1, 1, 1, 1))

    def forward(self, x):
        return torch.lerp(x, self.gate(x), self.share)


OWN_BLEND = as_if_trained(with_se(Blended, identity=False))
ONE_PLACE = as_if_trained(with_se(where=["layer3"]))
PLAINLY = as_if_trained(with_se(identity=False))
ONLY_NEW = as_if_trained(with_se(), "attention", "fc")
RENAMED = copy.deepcopy(ATTENDED)
RENAMED.fc = nn.Sequential(RENAMED.fc)
LATE = insert_attention(as_if_trained(make_network()), se, identity=True)
FRESH = make_network()
SIXTEENTH = as_if_trained(with_se(SqueezeExcitation))
LONGER = copy.deepcopy(ATTENDED)
for _module in LONGER.modules():
    if isinstance(_module, nn.BatchNorm2d):
        _module.num_batches_tracked += 20
IN_TRAINING = [accuracy_in_training(network) for network in (PLAIN, ATTENDED)]
TRAINING = [accuracy(network, 300, 100) for network in (PLAIN, ATTENDED)]

RIGHT["se-beside-plain"] = [
    (PLAIN, ATTENDED, SCORES),
    [PLAIN, ATTENDED, torch.tensor(SCORES)],
    (PLAIN, WITH_CBAM, (SCORES[0], accuracy(WITH_CBAM))),
    (copy.deepcopy(PLAIN).train(), OWN_BLEND, [SCORES[0], accuracy(OWN_BLEND)]),
]

WRONG["se-beside-plain"] = {
    "same-network": [(ATTENDED, ATTENDED, [SCORES[1], SCORES[1]])],
    "plain-has-attention": [(WITH_CBAM, ATTENDED, [accuracy(WITH_CBAM), SCORES[1]])],
    "networks-exchanged": [(ATTENDED, PLAIN, SCORES[::-1])],
    "nothing-inserted": [(PLAIN, copy.deepcopy(PLAIN), [SCORES[0], SCORES[0]])],
    "some-places": [(PLAIN, ONE_PLACE, [SCORES[0], accuracy(ONE_PLACE)])],
    "other-ratio": [(PLAIN, SIXTEENTH, [SCORES[0], accuracy(SIXTEENTH)])],
    "longer-training": [(PLAIN, LONGER, SCORES)],
    "training-mode": [(PLAIN, ATTENDED, IN_TRAINING)],
    "no-identity": [(PLAIN, PLAINLY, [SCORES[0], accuracy(PLAINLY)])],
    "not-trained": [(FRESH, with_se(), [accuracy(FRESH), accuracy(FRESH)])],
    "unequal-training": [
        (FRESH, ATTENDED, [accuracy(FRESH), SCORES[1]]),
        (PLAIN, ONLY_NEW, [SCORES[0], accuracy(ONLY_NEW)]),
    ],
    "inserted-after-training": [(PLAIN, LATE, [SCORES[0], accuracy(LATE)])],
    "scores-exchanged": [(PLAIN, ATTENDED, SCORES[::-1])],
    "percent": [(PLAIN, ATTENDED, [100 * score for score in SCORES])],
    "errors-not-accuracies": [(PLAIN, ATTENDED, [1 - score for score in SCORES])],
    "training-scores": [(PLAIN, ATTENDED, TRAINING)],
    None: [
        (PLAIN, ATTENDED, [0.9, 0.95]),
        (PLAIN, ATTENDED, SCORES[0]),
        (PLAIN, ATTENDED),
        (PLAIN, RENAMED, SCORES),
        (PLAIN, as_if_trained(with_se(lambda channels: ConstantGate(0.5), identity=True)), SCORES),
    ],
}


# convert-weights

NAMES = {
    "fc1.weight": "channel.mlp.0.weight",
    "fc2.weight": "channel.mlp.2.weight",
    "conv.weight": "spatial.conv.weight",
}


def convert_weights_in_a_loop(state):
    ours = {}
    for key, value in state.items():
        if key in ("fc1.weight", "fc2.weight"):
            ours[NAMES[key]] = value.flatten(1)
        elif key == "conv.weight":
            ours[NAMES[key]] = value.flip(1)
        elif value.any():
            raise ValueError(f"{key} cannot be carried over")
    return ours


def one_by_one(state):
    for key in state:
        if key not in NAMES and state[key].abs().max() > 0:
            raise ValueError(key)
    return {
        "channel.mlp.0.weight": state["fc1.weight"].squeeze(-1).squeeze(-1).clone(),
        "channel.mlp.2.weight": state["fc2.weight"][:, :, 0, 0],
        "spatial.conv.weight": state["conv.weight"][:, [1, 0]],
    }


class CannotConvert(ValueError):
    pass


def with_an_error_of_its_own(state):
    rest = dict(state)
    first, second, kernel = (rest.pop(key) for key in NAMES)
    if any(float(value.norm()) for value in rest.values()):
        raise CannotConvert(", ".join(rest))
    maximum, mean = kernel.unbind(1)
    values = (
        first.reshape(first.shape[:2]),
        second.reshape(second.shape[:2]),
        torch.stack((mean, maximum), 1),
    )
    return dict(zip(NAMES.values(), values, strict=True))


RIGHT["convert-weights"] = [convert_weights_in_a_loop, one_by_one, with_an_error_of_its_own]


def convert_weights_change(**steps):
    """The right answer with some tensors of its result made by other steps."""

    def convert(state):
        ours = convert_weights_in_a_loop(state)
        return ours | {key.replace("_", "."): step(state) for key, step in steps.items()}

    return convert


def renamed(**names):
    return lambda state: {
        names.get(key.replace(".", "_"), key): value
        for key, value in convert_weights_in_a_loop(state).items()
    }


def only_renamed(state):
    return {NAMES[key]: value for key, value in state.items() if key in NAMES}


def dropped(state):
    return convert_weights_in_a_loop({key: value for key, value in state.items() if key in NAMES})


def too_strict(state):
    if set(state) != set(NAMES):
        raise ValueError("other keys")
    return convert_weights_in_a_loop(state)


def popped(state):
    ours = convert_weights_in_a_loop(state)
    for key in NAMES:
        state.pop(key)
    return ours


def overwritten(state):
    ours = convert_weights_in_a_loop(state)
    state["conv.weight"].copy_(ours["spatial.conv.weight"])
    return ours


def pops_the_biases(state):
    ours = convert_weights_in_a_loop(state)
    for key in [key for key in state if key.endswith("bias")]:
        state.pop(key)
    return ours


def squeezed(state):
    ours = convert_weights_in_a_loop(state)
    return {key: value if "conv" in key else value.squeeze() for key, value in ours.items()}


def refuses_if(too_much):
    def convert(state):
        for key, value in state.items():
            if key not in NAMES and too_much(value):
                raise ValueError(key)
        return dropped(state)

    return convert


def no_word_of_biases(state):
    return {
        NAMES[key]: value.flip(1) if key == "conv.weight" else value.flatten(1)
        for key, value in state.items()
    }


def refuses_what_is_zero(state):
    if any(not value.any() for value in state.values()):
        raise ValueError("a bias of zeros")
    return dropped(state)


def asserted(state):
    assert not any(value.any() for key, value in state.items() if key not in NAMES)
    return dropped(state)


def keeps_renamed_biases(state):
    ours = {
        "fc1.bias": "channel.mlp.0.bias",
        "fc2.bias": "channel.mlp.2.bias",
        "conv.bias": "spatial.conv.bias",
    }
    return {
        **convert_weights_in_a_loop(state),
        **{ours[key]: state[key] for key in ours if key in state},
    }


def returns_the_error(state):
    if any(value.any() for key, value in state.items() if key.endswith("bias")):
        return ValueError("a bias that is not zero")
    return convert_weights_in_a_loop(state)


WRONG["convert-weights"] = {
    "planes-not-swapped": [convert_weights_change(spatial_conv_weight=lambda state: state["conv.weight"])],
    "turned-round": [
        convert_weights_change(spatial_conv_weight=lambda state: state["conv.weight"].flip(2, 3)),
        convert_weights_change(spatial_conv_weight=lambda state: state["conv.weight"].flip(1, 2, 3)),
    ],
    "still-4d": [
        only_renamed,
        convert_weights_change(channel_mlp_2_weight=lambda state: state["fc2.weight"]),
    ],
    "layers-exchanged": [
        renamed(channel_mlp_0_weight="channel.mlp.2.weight", channel_mlp_2_weight="channel.mlp.0.weight")
    ],
    "old-keys": [
        lambda state: {
            key: value.flatten(1) if key[0] == "f" else value.flip(1) for key, value in state.items()
        },
        lambda state: {**state, **convert_weights_in_a_loop(state)},
    ],
    "wrong-number": [renamed(channel_mlp_2_weight="channel.mlp.1.weight")],
    "transposed": [
        convert_weights_change(
            channel_mlp_0_weight=lambda state: state["fc1.weight"].flatten(1).T,
            channel_mlp_2_weight=lambda state: state["fc2.weight"].flatten(1).T,
        ),
    ],
    "bias-by-its-sum": [
        refuses_if(lambda value: value.sum() != 0),
        refuses_if(lambda value: value.mean() != 0),
    ],
    "bias-dropped": [
        dropped,
        refuses_if(lambda value: value.max() > 0),
        refuses_if(lambda value: value.all()),
        refuses_if(lambda value: value[0] != 0),
    ],
    "zero-bias-refused": [too_strict, refuses_what_is_zero],
    "in-place-change": [popped, overwritten, pops_the_biases],
    "squeezed": [squeezed],
    None: [
        lambda state: {value: key for key, value in convert_weights_in_a_loop(state).items()},
        no_word_of_biases,
        convert_weights_change(channel_mlp_0_weight=lambda state: state["fc1.weight"].flatten(1) * 2),
        convert_weights_change(spatial_conv_weight=lambda state: state["conv.weight"].mean(1, keepdim=True)),
        lambda state: list(convert_weights_in_a_loop(state).items()),
    ],
    "wrong-error": [asserted],
    "biases-kept": [keeps_renamed_biases],
    "error-returned": [returns_the_error],
}


# parameter-groups


def parameter_groups_in_a_loop(model, new_rate, old_rate):
    new, alphas, old = [], [], []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        chosen = new if "attention" in name or name.startswith("fc.") else old
        (alphas if name.endswith("alpha") else chosen).append((parameter, chosen is new))
    return [
        {"params": [p for p, _ in new], "lr": new_rate},
        {"params": [p for p, fresh in alphas if fresh], "lr": new_rate, "weight_decay": 0.0},
        {"params": [p for p, fresh in alphas if not fresh], "lr": old_rate, "weight_decay": 0.0},
        {"params": [p for p, _ in old], "lr": old_rate},
    ]


def of_before(model, new_rate, old_rate):
    """Written when the learned number was called strength."""
    return [
        {"params": [p], "lr": new_rate if is_new(n) else old_rate}
        | ({"weight_decay": 0.0} if n.split(".")[-1] == "strength" else {})
        for n, p in model.named_parameters()
        if p.requires_grad
    ]


def by_identity(model, new_rate, old_rate):
    last = {id(p) for p in model.fc.parameters()}
    groups = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            key = (id(parameter) in last or "attention" in name, name[-5:] == "alpha")
            groups.setdefault(key, []).append(parameter)
    return [
        {"params": params, "lr": new_rate if new else old_rate, **({"weight_decay": 0} if alpha else {})}
        for (new, alpha), params in groups.items()
    ]


def is_new(name):
    return ".attention." in name or name.split(".")[0] == "fc"


def one_group_each(model, new_rate, old_rate):
    """Spares biases and norms as well, as many do."""
    return [
        {"params": [parameter], "lr": new_rate if is_new(name) else old_rate}
        | ({"weight_decay": 0} if parameter.ndim < 2 else {})
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    ]


def with_generators(model, new_rate, old_rate):
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]

    def chosen(wanted):
        return (p for name, p in trained if wanted(name))

    def alpha(name):
        return name.endswith("alpha")

    groups = (
        {"params": chosen(lambda n: not is_new(n) and not alpha(n)), "lr": old_rate},
        {"params": chosen(lambda n: not is_new(n) and alpha(n)), "lr": old_rate, "weight_decay": 0.0},
        {"params": chosen(lambda n: is_new(n) and not alpha(n)), "lr": new_rate},
        {"params": chosen(lambda n: is_new(n) and alpha(n)), "lr": new_rate, "weight_decay": 0.0},
    )
    return groups


RIGHT["parameter-groups"] = [
    parameter_groups_in_a_loop,
    one_group_each,
    with_generators,
    of_before,
    by_identity,
]


def groups(
    model, new_rate, old_rate, *, new=is_new, keep=lambda n, p: p.requires_grad, decay=None, twice=False
):
    """One group for each parameter that ``keep`` keeps, at the new rate where ``new`` says so."""
    decay = decay or (lambda name: 0.0 if name.endswith("alpha") else None)
    result = []
    for name, parameter in model.named_parameters():
        if keep(name, parameter):
            rate = new_rate if new(name) else old_rate
            group = {"params": [parameter], "lr": rate}
            result.append(group if decay(name) is None else {**group, "weight_decay": decay(name)})
            if twice and name.endswith("alpha"):
                result.append({"params": [parameter], "lr": rate, "weight_decay": 0.0})
    return result


def parameter_groups_change(**steps):
    return lambda model, new_rate, old_rate: groups(model, new_rate, old_rate, **steps)


def freezes(model, new_rate, old_rate):
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(is_new(name))
    return groups(model, new_rate, old_rate, keep=lambda n, p: True)


def unfreezes(model, new_rate, old_rate):
    model.requires_grad_(True)
    return groups(model, new_rate, old_rate)


WRONG["parameter-groups"] = {
    "rates-swapped": [lambda model, new_rate, old_rate: groups(model, old_rate, new_rate)],
    "one-rate": [
        parameter_groups_change(new=lambda name: True),
        parameter_groups_change(new=lambda name: False),
    ],
    "only-new": [
        parameter_groups_change(keep=lambda n, p: p.requires_grad and is_new(n)),
        parameter_groups_change(keep=lambda n, p: p.requires_grad and ".attention." in n),
    ],
    "classifier-forgotten": [parameter_groups_change(new=lambda name: "attention" in name)],
    "attention-forgotten": [parameter_groups_change(new=lambda name: name.startswith("fc."))],
    "alpha-counts-as-old": [
        parameter_groups_change(new=lambda name: is_new(name) and not name.endswith("alpha"))
    ],
    "old-alpha-counts-as-new": [
        parameter_groups_change(new=lambda name: is_new(name) or name.endswith("alpha"))
    ],
    "fc-by-letters": [
        parameter_groups_change(new=lambda name: "attention" in name or name.startswith("fc")),
        parameter_groups_change(new=lambda name: "attention" in name or "fc" in name),
        parameter_groups_change(new=lambda name: "attention" in name or ".fc." in f".{name}"),
    ],
    "alpha-by-letters": [parameter_groups_change(decay=lambda name: 0.0 if "alpha" in name else None)],
    "fixed-decay": [
        parameter_groups_change(decay=lambda name: 0.0 if name.endswith("alpha") else 0.01),
        parameter_groups_change(decay=lambda name: 0.0 if name.endswith("alpha") else 0.037),
    ],
    None: [
        lambda model, new_rate, old_rate: [],
        lambda model, new_rate, old_rate: list(model.parameters()),
        lambda model, new_rate, old_rate: [{"params": [p for p in model.parameters() if p.requires_grad]}],
    ],
    "alpha-forgotten": [
        parameter_groups_change(keep=lambda n, p: p.requires_grad and not n.endswith("alpha"))
    ],
    "frozen-included": [parameter_groups_change(keep=lambda n, p: True)],
    "alpha-decays": [parameter_groups_change(decay=lambda name: None)],
    "nothing-decays": [parameter_groups_change(decay=lambda name: 0.0)],
    "duplicated": [parameter_groups_change(twice=True)],
    "model-changed": [freezes, unfreezes],
}
