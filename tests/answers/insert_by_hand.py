"""Answers to the task insert-by-hand."""

import copy
import types

from torch import nn

from cbam_course import insert_attention


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


RIGHT = [with_hook, with_a_local_hook, with_the_package, with_another_class, with_another_forward]


def hooked_on(place, take=lambda module, inputs, output: output):
    def insert(block, attention):
        module = block if place == "block" else block.get_submodule(place)
        module.attention = attention
        module.register_forward_hook(lambda m, i, o: m.attention(take(m, i, o)))
        return block

    return insert


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


WRONG = {
    "after-addition": [hooked_on("block"), replaced_forward],
    "new-block": [only_a_copy, after_the_block],
    "wrong-norm": [hooked_on("bn1")],
    "before-batchnorm": [hooked_on("conv2"), hooked_on("conv1"), before_the_norm, pre_hook],
    "input-passed": [hooked_on("bn2", lambda module, inputs, output: inputs[0])],
    "nothing-returned": [nothing_returned],
    "not-inserted": [never_run],
    "runs-twice": [twice],
    "not-registered": [not_registered, in_a_list],
    "keys-changed": [sequential, wrapped],
    "closure": [closure, closure_over_the_block, bound_method],
}
