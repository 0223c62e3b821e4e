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
# # 03 · Channel attention: exercise
#
# **Goal** Write channel attention and a relative of it, find out what each summary cannot see, and train a network that
# reads the patch without any gate.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like. `hint("task-id")` gives one hint at a time, three for each task.

# %%
import torch
from torch import nn

from cbam_course import check, fit, hint, make_scenes, progress
from cbam_course.networks.small_cnn import DenseCNN

# %% [markdown]
# ### Task 1 · Two summaries (difficulty 1 of 5, 5 min)
#
# Write `two_summaries(x)`: from a feature map of the shape (N, C, H, W) the average and the maximum of each channel,
# as a pair `(average, maximum)`, each of the shape (N, C). Values may be negative.


# %%
def two_summaries(x):
    ### BEGIN SOLUTION
    return x.mean(dim=(2, 3)), x.amax(dim=(2, 3))
    ### END SOLUTION


# %%
check("two-summaries", two_summaries)

# %% [markdown]
# ### Task 2 · An input that fools SE (difficulty 2 of 5, 8 min)
#
# Make three feature maps, each of the shape (1, 3, 4, 4).
#
# * The first and the second get the same gates from **every** SE block, whatever its weights are, and in every channel their
#   maxima differ by 1 or more.
# * The first and the third get the same gates from every module that reads the **maximum** alone, and in every channel
#   their averages differ by 1 or more.

# %%
### BEGIN SOLUTION
first = torch.ones(1, 3, 4, 4)
second = torch.zeros(1, 3, 4, 4)
second[:, :, 0, 0] = 16
third = torch.full((1, 3, 4, 4), -9.0)
third[:, :, 0, 0] = 1
three_maps = first, second, third
### END SOLUTION

# %%
check("three-maps", three_maps)

# %% [markdown]
# ### Task 3 · Halfway (difficulty 3 of 5, 8 min)
#
# A trained channel attention, whose weights you do not know, saw three images.
#
# * In image A every channel is constant, channel c has the value $a_c$ everywhere. The **logit** of channel 0, before
#   the sigmoid, was **3**.
# * In image B every channel is constant with the values $b_c$. The logit of channel 0 was **−1**.
# * Image C has the averages $a_c$ and the maxima $b_c$.
#
# What was the logit of channel 0 for image C?

# %%
### BEGIN SOLUTION
logit_of_c = 1.0
### END SOLUTION

# %%
check("halfway-logit", logit_of_c)

# %% [markdown]
# ### Task 4 · A third summary (difficulty 2 of 5, 8 min)
#
# The standard deviation of a channel says how *uneven* it is. Write `gate_of_three(x, w1, w2)`: the gate of a channel
# attention that reads the average, the maximum **and** the standard deviation (the root of the average squared distance from
# the average, divided by H·W). Everything else stays as in the paper. `x` has the shape (N, C, H, W), W₁ (hidden, C), W₂
# (C, hidden); no biases. The gate has the shape (N, C).


# %%
def gate_of_three(x, w1, w2):
    ### BEGIN SOLUTION
    summaries = x.mean(dim=(2, 3)), x.amax(dim=(2, 3)), x.std(dim=(2, 3), correction=0)
    return torch.sigmoid(sum(torch.relu(z @ w1.T) @ w2.T for z in summaries))
    ### END SOLUTION


# %%
check("third-summary", gate_of_three)

# %% [markdown]
# ### Task 5 · A gate that amplifies (difficulty 2 of 5, 8 min)
#
# The function below computes the gate from the two summaries (N, C) and the two matrices of the shared MLP,
# W₁ (hidden, C) and W₂ (C, hidden). A network with it trains, and its features grow. Find out why, and write
# `channel_gate` as the paper has it.


# %%
def channel_gate_with_bug(average, maximum, w1, w2):
    from_average = torch.sigmoid(torch.relu(average @ w1.T) @ w2.T)
    from_maximum = torch.sigmoid(torch.relu(maximum @ w1.T) @ w2.T)
    return from_average + from_maximum


# %%
def channel_gate(average, maximum, w1, w2):
    ### BEGIN SOLUTION
    logit = torch.relu(average @ w1.T) @ w2.T + torch.relu(maximum @ w1.T) @ w2.T
    return torch.sigmoid(logit)
    ### END SOLUTION


# %%
check("early-sigmoid-bug", channel_gate)

# %% [markdown]
# ### Task 6 · The module (difficulty 3 of 5, 15 min)
#
# CBAM sends the average and the maximum through **the same** two layers and adds the results before the sigmoid.
# Write `ChannelAttention(in_channels, reduction_ratio)`. Input and output have the shape (N, C, H, W). The hidden
# layer has `in_channels // reduction_ratio` units, but at least one, with a ReLU; biases or not is up to you.


# %%
class ChannelAttention(nn.Module):
    def __init__(self, in_channels, reduction_ratio=16):
        super().__init__()
        ### BEGIN SOLUTION
        hidden = max(1, in_channels // reduction_ratio)
        self.reduce = nn.Linear(in_channels, hidden, bias=False)
        self.expand = nn.Linear(hidden, in_channels, bias=False)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        logit = sum(self.expand(torch.relu(self.reduce(z))) for z in (x.mean(dim=(2, 3)), x.amax(dim=(2, 3))))
        return x * torch.sigmoid(logit)[:, :, None, None]
        ### END SOLUTION


# %%
check("channel-attention", ChannelAttention)

# %% [markdown]
# ### Task 7 · A path without a gate (difficulty 4 of 5, 15 min)
#
# The lesson says that a path without a gate brings most of the gain. See for yourself: write a module that *adds* to every position
# what channel attention would turn into a gate, put it into a `DenseCNN`, and train. Hand in the trained network. The
# check shows it 150 fresh scenes, with their own patches and with exchanged ones; nothing is trained in the check.
# Training takes about 15 seconds on two cores.


# %%
class AddedPath(nn.Module):
    def __init__(self, in_channels, reduction_ratio=4):
        super().__init__()
        ### BEGIN SOLUTION
        hidden = max(1, in_channels // reduction_ratio)
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hidden, bias=False), nn.ReLU(), nn.Linear(hidden, in_channels, bias=False)
        )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        added = self.mlp(x.mean(dim=(2, 3))) + self.mlp(x.amax(dim=(2, 3)))
        return x + added[:, :, None, None]
        ### END SOLUTION


# %%
train, validation = make_scenes(1500, task="what", seed=1), make_scenes(200, task="what", seed=2)
torch.manual_seed(0)
### BEGIN SOLUTION
network = DenseCNN(attention=AddedPath)
history = fit(
    network, train.dense, validation.dense, epochs=4, batch_size=32, learning_rate=0.03, progress=False
)
### END SOLUTION

# %%
check("read-the-patch", network)

# %% [markdown]
# ### To think about
#
# * The hidden layer is linear before its ReLU. May one add the two *hidden* vectors after the ReLU and apply the second
#   layer once? Is that still the same module, also with biases?
# * Which fourth summary would you add, and what would it notice that the other three miss?
# * A photograph has one dead pixel that is always white. Which summary would you trust?

# %%
progress()
