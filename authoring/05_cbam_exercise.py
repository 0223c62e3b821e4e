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
# **Goal** Put the two gates in sequence, tell three arrangements apart, find a bug in the wiring, and carry weights
# from one implementation to another.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like. `hint("task-id")` gives one hint at a time, three for each task.

# %%
import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import check, progress

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
# ### Task 2 · The price of both parts (difficulty 1 of 5, 3 min)
#
# CBAM for **256** channels with reduction ratio **16** and a **7×7** kernel, without biases and without BatchNorm. How
# many parameters does it have?

# %%
### BEGIN SOLUTION
number_of_parameters = 8290
### END SOLUTION

# %%
check("cbam-parameters", number_of_parameters)

# %% [markdown]
# ### Task 3 · Three ways to join two gates (difficulty 2 of 5, 8 min)
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
# ### Task 4 · Two gates that do not know each other (difficulty 3 of 5, 8 min)
#
# This is meant to be CBAM as one function: `w1` (hidden, C) and `w2` (C, hidden) are the MLP's weights, `kernel` (1, 2, k, k)
# is the convolution's, with the mean in plane 0. It runs, it trains, every shape is right, and it is not CBAM. Find out
# why, and write `cbam_forward(x, w1, w2, kernel)` correctly.


# %%
def cbam_forward_with_bug(x, w1, w2, kernel):
    logit = sum(torch.relu(z @ w1.T) @ w2.T for z in (x.mean(dim=(2, 3)), x.amax(dim=(2, 3))))
    channel = torch.sigmoid(logit)[:, :, None, None]
    pools = torch.stack([x.mean(dim=1), x.amax(dim=1)], dim=1)
    spatial = torch.sigmoid(F.conv2d(pools, kernel, padding=kernel.shape[-1] // 2))
    return x * channel * spatial


# %%
def cbam_forward(x, w1, w2, kernel):
    ### BEGIN SOLUTION
    logit = sum(torch.relu(z @ w1.T) @ w2.T for z in (x.mean(dim=(2, 3)), x.amax(dim=(2, 3))))
    refined = x * torch.sigmoid(logit)[:, :, None, None]
    pools = torch.stack([refined.mean(dim=1), refined.amax(dim=1)], dim=1)
    spatial = torch.sigmoid(F.conv2d(pools, kernel, padding=kernel.shape[-1] // 2))
    return refined * spatial
    ### END SOLUTION


# %%
check("cbam-bug", cbam_forward)

# %% [markdown]
# ### Task 5 · A kernel for the other order (difficulty 2 of 5, 5 min)
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
# ### Task 6 · Which changes alter the output? (difficulty 3 of 5, 8 min)
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
# ### Task 7 · How much is left after several blocks? (difficulty 2 of 5, 8 min)
#
# Write `feature_shrink(make_block, x, blocks)`: stack that many blocks, each made by calling `make_block()`, send x through
# them one after the other, and return the standard deviation of the output divided by that of x, as a number.


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
# ### To think about
#
# * In task 3, for which gates would all three results be the same?
# * The buggy function of task 4 is a respectable module under another name. How would you notice, from outside, which of
#   the two a library has?
# * With your function of task 7: what does a stack of eight fresh CBAM blocks leave of 64 channels of noise? And when each
#   block is `x + CBAM(x)`?

# %%
progress()
