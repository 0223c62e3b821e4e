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
# **Goal** Write the two summaries and the module, and predict what sharing, adding and the sigmoid do to them.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like. `hint("task-id")` gives one hint at a time, three for each task.

# %%
import torch
from torch import nn

from cbam_course import check, progress

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
# ### Task 2 · The price of the second pool (difficulty 1 of 5, 3 min)
#
# Channel attention for **128** channels with reduction ratio **8**, without biases. It reads averages *and* maxima.
# How many parameters does it have?

# %%
### BEGIN SOLUTION
number_of_parameters = 4096
### END SOLUTION

# %%
check("shared-mlp-parameters", number_of_parameters)

# %% [markdown]
# ### Task 3 · Which summary notices? (difficulty 2 of 5, 5 min)
#
# Four pairs of a channel's values, before and after a change.
#
# | pair | before | after |
# |---|---|---|
# | A | 0 2 0 / 0 0 4 | 0 4 0 / 0 0 2 |
# | B | 1 1 1 / 1 1 7 | 3 3 1 / 1 1 7 |
# | C | 2 2 2 / 2 2 2 | 0 0 0 / 0 0 12 |
# | D | 0 0 0 / 0 0 0 | 0 0 0 / 0 0 6 |
#
# Which of the two summaries changes? Answer with four words out of `"mean"`, `"max"`, `"both"` and `"neither"`, for
# A, B, C and D.

# %%
### BEGIN SOLUTION
which_changes = ("neither", "mean", "max", "both")
### END SOLUTION

# %%
check("mean-or-max", which_changes)

# %% [markdown]
# ### Task 4 · Halfway (difficulty 3 of 5, 8 min)
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
# ### To think about
#
# * The hidden layer is linear before its ReLU. May one add the two *hidden* vectors after the ReLU and apply the second
#   layer once? Is that still the same module, also with biases?
# * Which third summary would you add, and what would it notice that the other two miss?
# * A photograph has one dead pixel that is always white. Which summary would you trust?

# %%
progress()
