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
# # 05 · CBAM: exercise
#
# **Goal** Put the two gates in sequence, tell three arrangements apart, find out what is inside a CBAM that you can only
# call, carry weights from one implementation to another, and train a CBAM to see which of its parts does the work.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like. `hint("task-id")` gives one hint at a time, three for each task.

# %%
from copy import deepcopy

import torch
from torch import nn
from torch.nn import functional as F

import cbam_course
from cbam_course import capture, check, fit, hint, make_scenes, progress
from cbam_course.networks.baselines import ConstantGate
from cbam_course.networks.small_cnn import DenseCNN
from cbam_course.training.fit import image_scores

# %% [markdown]
# ### Task 1 · The module (difficulty 3 of 5, 20 min)
#
# Write `CBAM(in_channels, reduction_ratio, kernel_size)`. Input and output have the shape (N, C, H, W).
#
# * Channel part: average and maximum over positions, one shared MLP with ReLU and `in_channels // reduction_ratio`
#   hidden units (at least one), sum, sigmoid.
# * Spatial part: mean and maximum over channels of **what the channel part lets through**, one convolution with a
#   kernel of `kernel_size`, sigmoid.
#
# Biases, the order of the two maps and a BatchNorm on the map are up to you. You may write your own parts from lessons
# 03 and 04 as classes in the same cell, or everything in one class. (Using the package's parts passes as well, and
# teaches less.)


# %%
class CBAM(nn.Module):
    def __init__(self, in_channels, reduction_ratio=16, kernel_size=7):
        super().__init__()
        ### BEGIN SOLUTION
        hidden = max(1, in_channels // reduction_ratio)
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, in_channels, bias=False),
        )
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        logit = self.mlp(x.mean(dim=(2, 3))) + self.mlp(x.amax(dim=(2, 3)))
        refined = x * torch.sigmoid(logit)[:, :, None, None]
        pools = torch.cat([refined.mean(1, keepdim=True), refined.amax(1, keepdim=True)], dim=1)
        return refined * torch.sigmoid(self.conv(pools))
        ### END SOLUTION


# %%
check("cbam", CBAM)

# %% [markdown]
# ### Task 2 · Three ways to join two gates (difficulty 2 of 5, 8 min)
#
# You are given two functions: `channel_gate(x)` returns (N, C, 1, 1), `spatial_gate(x)` returns (N, 1, H, W). Write
# `arrange(x, channel_gate, spatial_gate)`, which returns three gated maps: channel first, spatial first, and
# parallel, where both gates are computed from x and both multiply it.


# %%
def arrange(x, channel_gate, spatial_gate):
    ### BEGIN SOLUTION
    refined = x * channel_gate(x)
    located = x * spatial_gate(x)
    parallel = x * channel_gate(x) * spatial_gate(x)
    return refined * spatial_gate(refined), located * channel_gate(located), parallel
    ### END SOLUTION


# %%
check("order-matters", arrange)

# %% [markdown]
# ### Task 3 · Inside the box (difficulty 4 of 5, 25 min)
#
# A library has a CBAM that you can only call: `box(x)` takes maps (N, channels, H, W) of any size and returns maps of the
# same shape. Its MLP has no biases. Of its convolution you have the weights, `kernel` (1, 2, k, k), and nothing else.
# Three things are not known:
#
# * is the spatial gate computed from the refined map, or from x?
# * which pool meets plane 0 of the kernel, the mean or the maximum?
# * has the convolution a bias? (If so, it is at least 0.5 in size.)
#
# Write `look_inside(box, channels, kernel)`. It returns three things: `"refined"` or `"x"`, `"mean"` or `"max"`, and `True`
# or `False`. It finds out by sending inputs through the box. The cell below builds boxes of every kind to try it on; the
# check has others, with other weights and sizes.


# %%
def make_box(source, first, bias, channels=5, kernel_size=7):
    w1, w2 = torch.randn(2, channels), torch.randn(channels, 2)
    kernel = torch.randn(1, 2, kernel_size, kernel_size) * 2 / kernel_size

    def box(x):
        logit = sum(F.relu(z @ w1.T) @ w2.T for z in (x.mean(dim=(2, 3)), x.amax(dim=(2, 3))))
        refined = x * torch.sigmoid(logit)[:, :, None, None]
        seen = refined if source == "refined" else x
        pools = [seen.mean(dim=1), seen.amax(dim=1)]
        maps = torch.stack(pools if first == "mean" else pools[::-1], dim=1)
        return refined * torch.sigmoid(F.conv2d(maps, kernel, padding="same") + (0.8 if bias else 0.0))

    return box, channels, kernel


# %%
def look_inside(box, channels, kernel):
    ### BEGIN SOLUTION
    small = (box(torch.full((1, channels, 9, 9), 1e-4)) / 1e-4)[0, 0, 4, 4]  # ½ · σ(bias)
    shift = torch.logit(2 * small)
    x = torch.full((1, channels, 31, 31), 1e-4)
    x[:, :, 10:21, 10:21] = torch.randn(1, channels, 11, 11) + 0.5
    factor = box(x) / x
    channel = factor[:, :, :1, :1] / (2 * small)  # in the corner the spatial gate is σ(bias)
    measured = (factor / channel)[:, :1]
    errors = {}
    for source, seen in (("refined", x * channel), ("x", x)):
        pools = {"mean": seen.mean(1, keepdim=True), "max": seen.amax(1, keepdim=True)}
        for first, second in (("mean", "max"), ("max", "mean")):
            maps = torch.cat([pools[first], pools[second]], dim=1)
            gate = torch.sigmoid(F.conv2d(maps, kernel, padding="same") + shift)
            errors[source, first] = (gate - measured)[:, :, 10:21, 10:21].abs().mean().item()
    return *min(errors, key=errors.get), abs(shift.item()) > 0.2
    ### END SOLUTION


# %%
check("inside-the-box", look_inside)

# %% [markdown]
# ### Task 4 · A kernel for the other order (difficulty 2 of 5, 5 min)
#
# A colleague gives you the 7×7 kernel of a trained spatial gate whose code stacks the pools as (max, mean). Yours stacks
# them as (mean, max). Write `swap_the_planes(weight)`: from a kernel of the shape (1, 2, k, k) the one that gives the
# same map with the other order. Leave the argument as it is; the colleague needs it.


# %%
def swap_the_planes(weight):
    ### BEGIN SOLUTION
    return weight.flip(1)
    ### END SOLUTION


# %%
check("swap-the-planes", swap_the_planes)

# %% [markdown]
# ### Task 5 · Which changes alter the output? (difficulty 3 of 5, 8 min)
#
# A CBAM for **64** channels, r = 16, in training mode, with the course's convention. Somebody changes **one** thing and
# copies all weights that there are. Which of these change the output of the next forward pass? Hand in their letters,
# as in `"AC"`.
#
# * **A** The MLP's two linear layers are written as 1×1 convolutions.
# * **B** The pools are stacked as (max, mean); the 7×7 kernel stays as it was.
# * **C** The pools are stacked as (max, mean), and the two planes of the kernel are exchanged.
# * **D** The maximum is computed by `nn.AdaptiveMaxPool2d(1)` instead of `amax`.
# * **E** A new `nn.BatchNorm2d(1)` follows the 7×7 convolution.
# * **F** Both layers of the MLP get biases, set to 0.
# * **G** The spatial gate is computed from x, and multiplies the channel part's output as before.
# * **H** The hidden width is C / 16 rounded half up, instead of C // 16.

# %%
### BEGIN SOLUTION
letters = "BEG"
### END SOLUTION

# %%
check("which-differ", letters)

# %% [markdown]
# ### Task 6 · How much is left after several blocks? (difficulty 2 of 5, 8 min)
#
# A fresh gate is about ½, so a fresh CBAM leaves about a quarter. Write `feature_shrink(make_block, x, blocks)`: stack that
# many blocks, each made by calling `make_block()`, send x through them one after the other, and return the standard
# deviation of all numbers of the output divided by that of all numbers of x, as a number.


# %%
def feature_shrink(make_block, x, blocks):
    ### BEGIN SOLUTION
    y = x
    for _ in range(blocks):
        y = make_block()(y)
    return (y.std() / x.std()).item()
    ### END SOLUTION


# %%
check("feature-shrink", feature_shrink)

# %% [markdown]
# ### Task 7 · Who does the work? (difficulty 4 of 5, 20 min)
#
# The lesson looked into a CBAM trained on `near`. Here is the other task: in `what`, the patch in the corner says which
# shape is to be marked. Which part of CBAM will the network need?
#
# Train the network below on `train.dense`, six epochs with batches of 20 and a learning rate of 0.02; that takes about ten
# seconds. Record its gates on `test.inputs()`. Then score it on `test.dense` twice with `image_scores`: once with the
# **channel** gates of all blocks replaced by `ConstantGate`s, each holding the gate's average over the test images, and
# once, in a fresh copy, with the **spatial** gates so replaced.
#
# Hand in the trained network, the two mean scores, and the word `"channel"` or `"spatial"` for the part that the network
# relies on more. Write the network to `trained`.

# %%
train, test = make_scenes(1000, task="what", seed=40), make_scenes(100, task="what", seed=41)
torch.manual_seed(1)
network = DenseCNN(widths=(8, 16, 24), attention=lambda width: cbam_course.CBAM(width, 4))

# %%
### BEGIN SOLUTION
_options = {"epochs": 6, "batch_size": 20, "learning_rate": 0.02, "progress": False}
fit(network, train.dense, test.dense, **_options)
trained = network.cpu().eval()
with torch.no_grad(), capture(trained) as _record:
    trained(test.inputs())


def _score_without(part):
    changed = deepcopy(trained)
    for number, block in enumerate(changed.blocks):
        gate = _record[f"blocks.{number}.attention.{part}"][0]
        setattr(block.attention, part, ConstantGate(gate.mean(0, keepdim=True)))
    return image_scores(changed, test.dense).mean().item()


channel_averaged, spatial_averaged = _score_without("channel"), _score_without("spatial")
relies_on = "channel" if channel_averaged < spatial_averaged else "spatial"
### END SOLUTION

# %%
check("who-does-the-work", (trained, channel_averaged, spatial_averaged, relies_on))

# %% [markdown]
# ### To think about
#
# * In task 2, for which gates would all three results be the same?
# * In task 3, could you also find the weights of the MLP from outside?
# * With your function of task 6: what does a stack of eight fresh CBAM blocks leave of 64 channels of noise? And when each
#   block is `x + CBAM(x)`?
# * In task 7, would the same network on `near` have the same answer?

# %%
progress()
