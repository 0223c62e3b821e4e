# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · Plug it into real networks: exercise
#
# **Goal** Find a wrong width, insert attention by hand and without a jolt, train a network with attention beside its plain
# rival, carry weights over, and give what is new and what is old their own learning rates.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like. `hint("task-id")` gives one hint at a time, three for each task.

# %%
import torch
from torch import nn

from cbam_course import CBAM, SqueezeExcitation, check, fit, hint, insert_attention, make_scenes, progress
from cbam_course.networks.pretrained import pretrained_resnet20

# %% [markdown]
# ### Task 1 · The wrong width (difficulty 2 of 5, 10 min)
#
# This Bottleneck is meant to have attention at the end of its branch. It raises an error as soon as it runs. Write
# `AttentiveBottleneck(in_channels, planes, make_attention)` so that it works, with the attention at the same place; keep all
# other layers and their names. `make_attention(channels)` returns the module. `in_channels` is always 4 · `planes`.


# %%
class BottleneckWithBug(nn.Module):
    def __init__(self, in_channels, planes, make_attention):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.attention = make_attention(planes)

    def forward(self, x):
        branch = torch.relu(self.bn1(self.conv1(x)))
        branch = torch.relu(self.bn2(self.conv2(branch)))
        branch = self.attention(self.bn3(self.conv3(branch)))
        return torch.relu(branch + x)


try:
    BottleneckWithBug(64, 16, CBAM)(torch.randn(2, 64, 5, 5))
except ValueError as error:
    print(error)


# %%
class AttentiveBottleneck(nn.Module):
    def __init__(self, in_channels, planes, make_attention):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.attention = make_attention(4 * planes)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        branch = torch.relu(self.bn1(self.conv1(x)))
        branch = torch.relu(self.bn2(self.conv2(branch)))
        branch = self.attention(self.bn3(self.conv3(branch)))
        return torch.relu(branch + x)
        ### END SOLUTION


# %%
check("bottleneck-bug", AttentiveBottleneck)

# %% [markdown]
# ### Task 2 · Insert by hand (difficulty 3 of 5, 15 min)
#
# `block` is a residual block with the layers conv1, bn1, relu, conv2 and bn2; it computes
# relu(x + bn2(conv2(relu(bn1(conv1(x)))))). Write `insert_by_hand(block, attention)`, which changes and returns **this**
# block, so that the attention stands at the end of its branch. The attention is to belong to the block, the old weights are
# to keep their names, and a `deepcopy` of the block is to run its own attention. Whatever else the block has, such as other
# people's hooks, is to stay.


# %%
def insert_by_hand(block, attention):
    ### BEGIN SOLUTION
    def run_attention(module, inputs, output):
        return module.attention(output)

    block.bn2.attention = attention
    block.bn2.register_forward_hook(run_attention)
    return block
    ### END SOLUTION


# %%
check("insert-by-hand", insert_by_hand)

# %% [markdown]
# ### Task 3 · In without a jolt (difficulty 2 of 5, 10 min)
#
# Write the module `IdentityStart(attention)`. It has one learned number beside the attention's weights. With 0, where it
# starts, the module returns x, exactly; with 1 it returns attention(x); with ½ it returns what lies halfway.


# %%
class IdentityStart(nn.Module):
    def __init__(self, attention):
        super().__init__()
        ### BEGIN SOLUTION
        self.attention = attention
        self.alpha = nn.Parameter(torch.zeros(()))
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return x + self.alpha * (self.attention(x) - x)
        ### END SOLUTION


# %%
check("identity-insertion", IdentityStart)

# %% [markdown]
# ### Task 4 · Attention beside its rival (difficulty 3 of 5, 15 min)
#
# `make_network()` gives the trained ResNet-20 with a fresh last layer for the five shapes of `where`; `train_network`
# trains **all** of a network, a few seconds long. Make two networks. One stays plain. The other gets `SqueezeExcitation`
# (or `CBAM`) with reduction ratio 4 at the end of each residual branch, so that its answers do not change at the
# insertion. Train both in the same way. Then find the accuracy of each, from 0 to 1, on the 100 images of `test`.


# %%
train, test = (make_scenes(n, size=32, distractors=2, seed=seed) for n, seed in ((300, 100), (100, 200)))


def make_network():
    torch.manual_seed(0)
    network = pretrained_resnet20()
    network.fc = nn.Linear(64, 5)
    return network


def train_network(network):
    images, labels = train.classification
    fit(network, (images, labels), (images, labels), epochs=2, learning_rate=0.01, progress=False)


# %% [markdown]
# `test.inputs()` are the images as a network takes them, `test.classification[1]` their labels.

# %%
### BEGIN SOLUTION
plain = make_network()
attended = insert_attention(make_network(), lambda channels: SqueezeExcitation(channels, 4), identity=True)
for _network in (plain, attended):
    train_network(_network)
with torch.no_grad():
    _right = [(_n(test.inputs()).argmax(1) == test.classification[1]) for _n in (plain, attended)]
accuracies = [_r.float().mean().item() for _r in _right]
### END SOLUTION

# %%
check("se-beside-plain", (plain, attended, accuracies))

# %% [markdown]
# ### Task 5 · Weights from elsewhere (difficulty 3 of 5, 15 min)
#
# A colleague's CBAM has these weights: `fc1.weight` (hidden, C, 1, 1) and `fc2.weight` (C, hidden, 1, 1), the MLP as 1×1
# convolutions; `conv.weight` (1, 2, k, k), with the **maximum** in plane 0. Ours has `channel.mlp.0.weight` (hidden, C),
# `channel.mlp.2.weight` (C, hidden) and `spatial.conv.weight` (1, 2, k, k), with the mean in plane 0.
#
# Write `convert_weights(state)`: from a dictionary of theirs to a new one of ours. Their state may hold biases too, under
# `fc1.bias`, `fc2.bias` or `conv.bias`. Ours has no place for a bias: leave it out where it is all zeros, and raise a
# `ValueError` where it is not. A hidden width of 1 occurs.


# %%
def convert_weights(state):
    ### BEGIN SOLUTION
    names = {"fc1.weight": "channel.mlp.0.weight", "fc2.weight": "channel.mlp.2.weight"}
    ours = {}
    for key, value in state.items():
        if key in names:
            ours[names[key]] = value.flatten(1)
        elif key == "conv.weight":
            ours["spatial.conv.weight"] = value.flip(1)
        elif value.any():
            raise ValueError(f"{key} cannot be carried over: our module has no bias.")
    return ours
    ### END SOLUTION


# %%
check("convert-weights", convert_weights)

# %% [markdown]
# ### Task 6 · Two speeds (difficulty 3 of 5, 10 min)
#
# Write `parameter_groups(model, new_rate, old_rate)`: a list of dictionaries with `"params"` (a list of parameters) and
# `"lr"`, ready for `torch.optim.AdamW`. New is what has `attention` in its name, and the last layer, `model.fc`. Everything
# else is old. Frozen parameters (`requires_grad` is False) are left out. Parameters whose name ends with `alpha`, new or old,
# get `"weight_decay": 0.0`; all other weights keep the optimiser's, whatever it is. Other names may hold the same letters:
# `stem.fc`, `fc_norm` and `alphabet` are old layers.


# %%
def parameter_groups(model, new_rate, old_rate):
    ### BEGIN SOLUTION
    groups = []
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        is_new = "attention" in name or name.startswith("fc.")
        group = {"params": [parameter], "lr": new_rate if is_new else old_rate}
        if name.endswith("alpha"):
            group["weight_decay"] = 0.0
        groups.append(group)
    return groups
    ### END SOLUTION


# %%
check("parameter-groups", parameter_groups)

# %% [markdown]
# ### To think about
#
# * In task 1, the attention could also be moved to the narrow middle, where it costs a sixteenth. What would you have to
#   compare to find out whether that is as good?
# * Your two accuracies of task 4 differ. What would you need before you could say that attention helped, or that it did not?
# * Your module of task 3 can leave the range between x and attention(x). When does that happen, and is it a fault?
# * In task 5 a bias of zeros was left out. After one more step of training at the colleague's it is no longer zero. What
#   would you tell them?

# %%
progress()
