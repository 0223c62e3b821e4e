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
# **Goal** Write the spatial gate, keep its map aligned with the image, read one off its border, and measure where it
# points. Difficulty 1 to 4 of 5.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like.
#
# <details><summary>Stuck?</summary>
#
# `hint("channel-pools")` gives one hint at a time, three for each task; put in the id of the task you are working on.
# </details>

# %%
import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import check, progress
from cbam_course.inspection import plots

# %% [markdown]
# ### Task 1 · Two maps from many channels (difficulty 1 of 5, 5 min)
#
# Write `channel_pools(x)`: from x of the shape (N, C, H, W) the mean over channels and, behind it, the maximum over
# channels, together (N, 2, H, W). Mean first.


# %%
def channel_pools(x):
    ### BEGIN SOLUTION
    return torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)
    ### END SOLUTION


# %%
check("channel-pools", channel_pools)

# %% [markdown]
# ### Task 2 · How large is the map? (difficulty 1 of 5, 5 min)
#
# A map is **24** pixels wide. Three convolutions with stride 1 read it: kernel **7** without padding; kernel **5** with
# padding **2**; kernel **4** with padding **2**. How wide are the three results? Three numbers, on paper first.

# %%
### BEGIN SOLUTION
three_widths = (18, 24, 25)
### END SOLUTION

# %%
check("same-padding", three_widths)

# %% [markdown]
# ### Task 3 · The module (difficulty 3 of 5, 15 min)
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
# ### Task 4 · How far does a gate see? (difficulty 3 of 5, 8 min)
#
# A spatial gate with a 7 × 7 kernel stands at the end of two stacks. All convolutions have stride 1.
#
# 1. 3 × 3 convolution, 3 × 3 convolution, gate.
# 2. 3 × 3 convolution, 2 × 2 pooling with stride 2, 3 × 3 convolution, gate.
#
# How many pixels wide is the window of the *image* on which one value of the gate depends? Two numbers.

# %%
### BEGIN SOLUTION
two_windows = (11, 20)
### END SOLUTION

# %%
check("receptive-field", two_windows)

# %% [markdown]
# ### Task 5 · A map that is stretched to fit (difficulty 3 of 5, 12 min)
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
# ### Task 6 · Read the kernel off the border (difficulty 2 of 5, 5 min)
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
# ### Task 7 · How often does the map point at the target? (difficulty 4 of 5, 10 min)
#
# Write `pointing_rate(maps, masks)`: `maps` are numbers of the shape (N, H, W), `masks` are bool of the same shape, true
# on the target. The result is one number: the share of images whose brightest pixel lies on the target. No map of
# the check has two brightest pixels.


# %%
def pointing_rate(maps, masks):
    ### BEGIN SOLUTION
    place = maps.flatten(1).argmax(1, keepdim=True)
    return masks.flatten(1).gather(1, place).float().mean().item()
    ### END SOLUTION


# %%
check("pointing-rate", pointing_rate)

# %% [markdown]
# ### To think about
#
# * Your `pointing_rate` returns 0.4 for some network. Which three numbers do you need beside it before you say anything?
# * A map of 6 × 6 is enlarged to 48 × 48 before it is compared with a mask. How does that favour large targets?
# * What would the border of a gate look like if its convolution padded with repeated pixels instead of zeros?

# %%
progress()
