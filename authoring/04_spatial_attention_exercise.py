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
# # 04 · Spatial attention: exercise
#
# **Goal** Write the spatial gate and one with a third summary, keep the map aligned with the image, find out what it
# cannot see, judge where maps point, and train a gate. Difficulty 2 to 4 of 5.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like.
#
# <details><summary>Stuck?</summary>
#
# `hint("three-pools")` gives one hint at a time, three for each task; put in the id of the task you are working on.
# </details>

# %%
import torch
from torch import nn
from torch.nn import functional as F

import cbam_course
from cbam_course import check, fit, hint, make_scenes, progress
from cbam_course.inspection import plots
from cbam_course.inspection.mystery import mystery_maps

# %% [markdown]
# ### Task 1 · A third summary (difficulty 2 of 5, 8 min)
#
# Behind a ReLU many numbers are 0. A gate could also be told **how many** channels respond at a position. Write
# `gate_with_three(x, weight)`: x is (N, C, H, W), weight (1, 3, k, k) with an odd k. The three planes are the mean over
# channels, the maximum over channels, and the share of channels that are above 0, in this order. The result is the gate: the sigmoid
# of the convolution, (N, 1, H, W), with zeros around the map.


# %%
def gate_with_three(x, weight):
    ### BEGIN SOLUTION
    planes = [x.mean(dim=1), x.amax(dim=1), (x > 0).float().mean(dim=1)]
    return torch.sigmoid(F.conv2d(torch.stack(planes, dim=1), weight, padding=weight.shape[-1] // 2))
    ### END SOLUTION


# %%
check("three-pools", gate_with_three)

# %% [markdown]
# ### Task 2 · The module (difficulty 3 of 5, 15 min)
#
# Write `SpatialAttention(kernel_size)`. Input and output have the shape (N, C, H, W). Mean and maximum over channels, one
# convolution from two planes to one that keeps the size, a sigmoid, the product. A bias or a BatchNorm behind the
# convolution is up to you, and so is the order of the two pools.


# %%
class SpatialAttention(nn.Module):
    def __init__(self, kernel_size=7):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        pools = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
        return x * torch.sigmoid(self.conv(pools))
        ### END SOLUTION


# %%
check("spatial-attention", SpatialAttention)

# %% [markdown]
# ### Task 3 · How far does a gate see? (difficulty 3 of 5, 10 min)
#
# Two stacks end in a spatial gate. Every gate has a 7 × 7 kernel and multiplies the map that it was computed from; all
# convolutions have stride 1.
#
# 1. 3 × 3 convolution, gate, 3 × 3 convolution, gate.
# 2. 3 × 3 convolution, 2 × 2 pooling with stride 2, gate, 3 × 3 convolution, gate.
#
# How many pixels wide is the window of the *image* on which one value of the **last** gate depends? Two numbers, on
# paper first.

# %%
### BEGIN SOLUTION
two_windows = (17, 32)
### END SOLUTION

# %%
check("receptive-field", two_windows)

# %% [markdown]
# ### Task 4 · A map that is stretched to fit (difficulty 3 of 5, 12 min)
#
# The author of this function met an error about sizes, cured it with `interpolate`, and then thought that the gate
# should use its full range. It runs for every image. Find the **two** bugs, and write `scale_positions(x, weight)` so that
# each position is multiplied by the sigmoid of the convolution there, with zeros around the map. `x` is
# (N, C, H, W); `weight` is (1, 2, k, k) with an odd k; plane 0 belongs to the mean, plane 1 to the maximum.


# %%
def scale_positions_with_bugs(x, weight):
    pools = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
    gate = torch.sigmoid(F.conv2d(pools, weight))
    gate = F.interpolate(gate, size=x.shape[2:], mode="bilinear")
    gate = gate / gate.max()
    return x * gate


# %%
def scale_positions(x, weight):
    ### BEGIN SOLUTION
    pools = torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
    return x * torch.sigmoid(F.conv2d(pools, weight, padding=weight.shape[-1] // 2))
    ### END SOLUTION


# %%
check("spatial-bug", scale_positions)

# %% [markdown]
# ### Task 5 · Read the kernel off the border (difficulty 2 of 5, 5 min)
#
# This is the gate of an image that is the same everywhere. It comes from a spatial attention that keeps the size, with
# zeros around the map. Which side does its square kernel have?

# %%
edge = torch.tensor([3.0, 4.0, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.0, 3.0])
border_map = torch.sigmoid(torch.outer(edge, edge) / 10 - 1.5)
plots.show_numbers(border_map[None], size=4.5)

# %% [markdown]
# *What to see: 10 × 10 numbers, 0.354 in the corners, larger towards the inside, and 0.628 all over the middle.*

# %%
### BEGIN SOLUTION
kernel_side = 5
### END SOLUTION

# %%
check("read-the-border", kernel_side)

# %% [markdown]
# ### Task 6 · Another map, the same gate (difficulty 3 of 5, 12 min)
#
# Two feature maps can differ everywhere and get the same spatial gate from every kernel. Write `twin(x)`: for x of the
# shape (N, C, H, W) with at least 4 channels it returns such a map of the same shape. At **every** position it must
# hold other numbers than x: exchanging channels is not enough. No two channels of x are equal at any position.


# %%
def twin(x):
    ### BEGIN SOLUTION
    brightest = x == x.amax(dim=1, keepdim=True)
    others = (x.sum(dim=1, keepdim=True) - x.amax(dim=1, keepdim=True)) / (x.shape[1] - 1)
    return torch.where(brightest, x, others)
    ### END SOLUTION


# %%
check("twin-map", twin)

# %% [markdown]
# ### Task 7 · How often does the map point at the target? (difficulty 3 of 5, 10 min)
#
# Write `pointing_rate(maps, masks)`: `maps` are numbers of either sign, of the shape (N, H, W), `masks` are bool of the same shape, true
# on the target. The result is one number: the share of images whose largest value lies on the target. No map of
# the check has its largest value twice.


# %%
def pointing_rate(maps, masks):
    ### BEGIN SOLUTION
    place = maps.flatten(1).argmax(1, keepdim=True)
    return masks.flatten(1).gather(1, place).float().mean().item()
    ### END SOLUTION


# %%
check("pointing-rate", pointing_rate)

# %% [markdown]
# ### Task 8 · Three gates, one looks (difficulty 4 of 5, 12 min)
#
# Three gates have left their maps for the same 200 images. One looks at the **image**, one has the habit of the
# **centre**, one that of the **border**. The targets often lie in the middle, as in photographs. Which is which? Use your `pointing_rate`, and
# the control of the lesson: each map with the mask of another image, `maps.roll(1, 0)`.
#
# Write the three habits in the order A, B, C, as `"image"`, `"centre"` or `"border"`, and for each gate its own rate **minus** that
# with the other images' maps, to two decimals.

# %%
mystery, masks = mystery_maps()
plots.show_maps([maps[n] for maps in mystery.values() for n in range(5)], list("AAAAABBBBBCCCCC"), columns=5)

# %% [markdown]
# *What to see: five maps of each gate. They are noisy, and single maps persuade of nothing.*

# %%
### BEGIN SOLUTION
habits = ("centre", "border", "image")
_rates = [(pointing_rate(maps, masks), pointing_rate(maps.roll(1, 0), masks)) for maps in mystery.values()]
gains = tuple(own - other for own, other in _rates)
### END SOLUTION

# %%
check("mystery-gates", (habits, gains))

# %% [markdown]
# ### Task 9 · Train a gate to find red (difficulty 3 of 5, 12 min)
#
# In the scenes of the task `where` one shape is red; the masks mark it. `Finder` is one 3 × 3 convolution and a spatial gate, and its
# output is the gate itself, before the sigmoid. Train it with `fit` until it finds the red shape in fresh scenes: marks where its output is above
# 0, with a mean IoU of at least 0.4, and its largest value on the target in most scenes. A few hundred scenes and a few seconds
# are enough. Choose images, epochs and learning rate (the default is low here), and hand in the trained network as `finder`.


# %%
class Finder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.attention = cbam_course.SpatialAttention(7)

    def forward(self, x):
        gate = self.attention.gate(torch.relu(self.conv(x)))
        return torch.logit(gate, eps=1e-6)[:, 0]


# %%
### BEGIN SOLUTION
torch.manual_seed(0)
finder = Finder()
_train, _validation = make_scenes(600, seed=1), make_scenes(100, seed=2)
fit(finder, _train.dense, _validation.dense, epochs=5, batch_size=32, learning_rate=0.03, progress=False)
### END SOLUTION

# %%
check("find-the-red", finder)

# %% [markdown]
# ### To think about
#
# * Your `pointing_rate` returns 0.4 for some network. Which numbers do you need beside it before you say anything?
# * `Finder` pools over its eight channels and forgets which was which. How can its gate know red from blue?
# * What would the border of a gate look like if its convolution padded with repeated pixels instead of zeros?

# %%
progress()
