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
# # 03 · Channel attention: the maximum beside the average
#
# **You will be able to**
#
# * say what a maximum notices that an average misses, and the reverse, with numbers for both;
# * write CBAM's channel attention, count its parameters, and explain why one MLP serves both summaries;
# * say which part of its benefit comes from the maximum, which from the global path, and which baselines catch up.
#
# **Time** 30 minutes of reading. The cells run in under a minute on two CPU cores; with a GPU, training
# uses four times as many images.
#
# **Before this** lesson 02: squeeze, excitation, scale.

# %%
import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import ChannelAttention, count_cost, fit, make_scenes
from cbam_course.inspection import plots
from cbam_course.networks.filter_bank import FilterBank

# %% [markdown]
# ## The question
#
# Lesson 02 met a feature map whose channel 1 owns the brightest pixel of all and still has the lower average.

# %%
x = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]]]])
plots.show_numbers(x[0], ["channel 0", "channel 1"])

# %% [markdown]
# *What to see: channel 0 holds 1, 3, 5 and 7; channel 1 holds three zeros and one 8.*
#
# **Predict, then run.** Which channel looks stronger to an average, which one to a maximum?

# %% tags=["nbval-check-output"]
average, maximum = x.mean(dim=(2, 3)), x.amax(dim=(2, 3))
print("average", average, " maximum", maximum)

# %% [markdown]
# The two summaries disagree about the order. The average asks *how much is there in all?*, the maximum *how strong
# is the strongest response anywhere?* CBAM (Woo, Park, Lee and Kweon 2018) reads both.
#
# ## A small object in an average
#
# Here are scenes with one red shape among four shapes of other colours. Beside each we put the same scene without
# the red shape: its pixels are painted over with the average colour of the image.

# %%
scenes = make_scenes(600, task="where", seed=20)
images = scenes.images / 255
mask = scenes.masks[:, None]
empty = torch.where(mask, images.mean((2, 3), keepdim=True), images)
plots.show_images(torch.cat([images[:4], empty[:4]]), columns=4)

# %% [markdown]
# *What to see: above, four noisy scenes with a red shape each; below, the same four with a flat patch in its place.*
#
# A detector for "a red patch": the filter "red" of lesson 02, averaged over 5 × 5 pixels, so that a single red pixel
# of noise or clutter does not count as a patch.

# %%
filters = FilterBank()


def red_patch(images, window=5):
    """(N, 3, H, W) -> (N, 1, h, w)."""
    return F.avg_pool2d(filters(images)[:, :1], window, stride=1)


maps = torch.cat([red_patch(images[:4]), red_patch(empty[:4])])
plots.show_maps(maps[:, 0], ["with"] * 4 + ["without"] * 4, columns=4)

# %% [markdown]
# *What to see: above, one bright spot in each map where the red shape is, and fainter ones where a shape's colour
# contains some red; below, the bright spot is gone and the fainter ones remain.*
#
# Anybody can tell the upper row from the lower one. Can a single number? Take half of the scenes with and the other
# half without the red shape, and ask how often a scene *with* it scores higher than a scene *without*. Always: 1.
# By guessing: 0.5. We call it **separability**.


# %%
def separability(with_object, without):
    """How often a value of the first set exceeds one of the second."""
    return (with_object[:, None] > without[None, :]).float().mean().item()


present, absent = red_patch(images[:300]), red_patch(empty[300:])
means, maxima = (
    (present.mean((1, 2, 3)), absent.mean((1, 2, 3))),
    (present.amax((1, 2, 3)), absent.amax((1, 2, 3))),
)
print(f"the object covers {scenes.masks.float().mean():.1%} of the image")
print(f"separability: mean {separability(*means):.2f}   maximum {separability(*maxima):.2f}")

# %%
pairs = {"mean": means, "maximum": maxima}
plots.plot_distributions({name: {"with": a, "without": b} for name, (a, b) in pairs.items()})

# %% [markdown]
# *What to see: on the left the histograms of the means, with and without the object, which overlap over most of their
# width; on the right those of the maxima, nearly apart.*
#
# The object shifts the mean, and other red things in the scene shift it as much: a small object drowns in an average.
# The maximum looks at the strongest place alone and does not care how small it is.
#
# ## When the maximum is the worse witness
#
# A maximum stands on one number, so it inherits that number's noise, and it picks the *largest* noise of all positions.
# We add noise to the detector's map, more and more of it, and measure both summaries again.

# %%
torch.manual_seed(0)
levels = [0.0, 0.1, 0.2, 0.3, 0.4]
curves = {"mean": [], "maximum": []}
for level in levels:
    a, b = (m + level * torch.randn_like(m) for m in (present, absent))
    curves["mean"].append(separability(a.mean((1, 2, 3)), b.mean((1, 2, 3))))
    curves["maximum"].append(separability(a.amax((1, 2, 3)), b.amax((1, 2, 3))))
plots.plot_lines(curves, x=levels, xlabel="noise on the map", ylabel="separability")

# %% [markdown]
# *What to see: the curve of the mean is nearly level; that of the maximum starts far above it and falls as the noise
# grows, until it lies below.*
#
# In the mean, the noise of two thousand positions cancels; in the maximum it does not. And a maximum is only as good
# as the detector under it. Without the 5 × 5 averaging, clutter of one pixel is as red as the object:

# %%
for window in (1, 5):
    a, b = red_patch(images[:300], window), red_patch(empty[300:], window)
    by_mean = separability(a.mean((1, 2, 3)), b.mean((1, 2, 3)))
    by_maximum = separability(a.amax((1, 2, 3)), b.amax((1, 2, 3)))
    print(f"window {window}: mean {by_mean:.2f}   maximum {by_maximum:.2f}")

# %% [markdown]
# Neither summary is the better one. They err in different places, which is the reason for reading both. And the
# figure above flatters the maximum a little: windows of 1, 3, 5 and 7 pixels were tried on these same scenes, and 5
# is the best or nearly the best of them.
#
# ## One MLP for both
#
# $$M_c(x) = \sigma\big(\mathrm{MLP}(\mathrm{AvgPool}(x)) + \mathrm{MLP}(\mathrm{MaxPool}(x))\big)$$
#
# (Woo et al. 2018, section 3.1, equation 2.) The MLP is that of SE, and it is **the same** in both terms.

# %%
plots.draw_flow(
    [("feature map x", "(N, C, H, W)"), ("mean\nand max", "twice (N, C)"), ("one MLP,\nfor each", "twice (N, C)"),
     ("add", "(N, C)"), ("sigmoid", "(N, C, 1, 1)"), ("multiply", "(N, C, H, W)")],
    skip="x itself", highlight=["mean\nand max", "add"],
)  # fmt: skip

# %% [markdown]
# *What to see: SE's row of boxes with two changes. The squeeze makes two summaries instead of one, and after the MLP
# the two results are added before the sigmoid.*
#
# By hand, with one hidden unit that asks "is channel 1 above channel 0?", and output weights −1 and 2.
#
# **Predict, then run.** The averages are (4, 2) and the maxima (7, 8). For which of the two does the hidden unit
# fire, and how strongly?

# %% tags=["nbval-check-output"]
w1 = torch.tensor([[-0.5, 0.5]])
w2 = torch.tensor([[-1.0], [2.0]])
from_average = torch.relu(average @ w1.T) @ w2.T
from_maximum = torch.relu(maximum @ w1.T) @ w2.T
print("from the average", from_average + 0, " from the maximum", from_maximum)

# %% [markdown]
# For the averages, −0.5 · 4 + 0.5 · 2 = −1, and ReLU makes it 0. For the maxima, −0.5 · 7 + 0.5 · 8 = 0.5. SE alone
# would have stayed silent about this image; the maximum speaks.

# %% tags=["nbval-check-output"]
gate = torch.sigmoid(from_average + from_maximum)
print(gate)

# %% [markdown]
# Channel 1, with its one bright pixel, is now the more open one: 0.73 against 0.38.
#
# **What sharing costs, and what it means.** For 64 channels and r = 16, predict the number of parameters with one
# MLP and with two, then run.

# %% tags=["nbval-check-output"]
shared = count_cost(ChannelAttention(64, 16), (1, 64, 28, 28)).parameters
print("one shared MLP", shared, "  two MLPs", 2 * shared)

# %% [markdown]
# As many as SE: a pool has no weights. Sharing says more than "half the price". It says that an average of 3 and a
# maximum of 3 mean the same to the MLP: both summaries are in one currency, the channel's own values.
#
# **Predict, then run.** In a constant channel the average equals the maximum. How does CBAM's logit then compare with
# SE's, for the same MLP?

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
attention = ChannelAttention(8, 2)
constant = torch.rand(1, 8, 1, 1).expand(1, 8, 5, 5)
se_logit = attention.mlp(constant.mean((2, 3)))
torch.testing.assert_close(attention.gate(constant).logit().flatten(1), 2 * se_logit)
print("twice the logit of SE")

# %% [markdown]
# Exactly twice: f(average) + f(maximum) is 2 f when the two are equal. In general the logit lies halfway between the
# logits of two constant images, one at the averages and one at the maxima. Task 4 of the exercise uses that.
#
# ## Sum first, sigmoid after
#
# Some public code takes the sigmoid of each branch and adds the two gates.
#
# **Predict, then run.** Between which values can such a gate lie? What is it when both logits are 0?

# %% tags=["nbval-check-output"]
early = torch.sigmoid(from_average) + torch.sigmoid(from_maximum)
print("early sigmoid", early, "  both logits 0:", torch.sigmoid(torch.zeros(1)).item() * 2)

# %% [markdown]
# Between 0 and 2: this gate amplifies channel 1 by 1.23. It no longer closes when one branch says "close": the other
# one's share stays. With the sum before the sigmoid, one strong voice can outvote the other, and the gate stays
# a factor between 0 and 1.
#
# ## As a loop, then without one


# %%
def channel_attention_loop(x, w1, w2):
    """(N, C, H, W) -> (N, C, H, W), one image and one channel at a time."""
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        average = torch.stack([channel.mean() for channel in x[n]])
        maximum = torch.stack([channel.max() for channel in x[n]])
        logit = w2 @ torch.relu(w1 @ average) + w2 @ torch.relu(w1 @ maximum)
        for c in range(x.shape[1]):
            y[n, c] = torch.sigmoid(logit[c]) * x[n, c]
    return y


# %% [markdown]
# Vectorised, one line for each word of the equation.


# %%
def channel_attention(x, w1, w2):
    """(N, C, H, W) -> (N, C, H, W)."""
    summaries = x.mean(dim=(2, 3)), x.amax(dim=(2, 3))
    logit = sum(torch.relu(z @ w1.T) @ w2.T for z in summaries)
    return x * torch.sigmoid(logit)[:, :, None, None]


# %% [markdown]
# Do they agree, on two images of five channels?

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
batch, a, b = torch.randn(2, 5, 4, 6), torch.randn(3, 5), torch.randn(5, 3)
torch.testing.assert_close(channel_attention(batch, a, b), channel_attention_loop(batch, a, b))
print("the loop and the vectorised version agree")

# %% [markdown]
# ## The module
#
# It is SE's second version with one line more: the maximum.


# %%
class ChannelAttentionV1(nn.Module):
    def __init__(self, in_channels, reduction_ratio=16):
        super().__init__()
        hidden = max(1, in_channels // reduction_ratio)
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hidden, bias=False),
            nn.ReLU(),
            nn.Linear(hidden, in_channels, bias=False),
        )

    def gate(self, x):
        logit = self.mlp(x.mean(dim=(2, 3))) + self.mlp(x.amax(dim=(2, 3)))
        return torch.sigmoid(logit)[:, :, None, None]

    def forward(self, x):
        return x * self.gate(x)


# %% [markdown]
# The package's class has the same parameters under the same names, so weights carry over.

# %% tags=["nbval-check-output"]
ours, theirs = ChannelAttentionV1(64), ChannelAttention(64)
theirs.load_state_dict(ours.state_dict())
batch = torch.randn(2, 64, 8, 8)
torch.testing.assert_close(ours(batch), theirs(batch))
print("same weights, same output")

# %% [markdown]
# ## Where the maximum's gradient goes
#
# **Predict, then run.** The gradient of a mean reaches every position with the weight 1/(H·W). Where does that of a
# maximum go, and where when two positions tie?

# %% tags=["nbval-check-output"]
for values in ([1.0, 3.0, 8.0], [1.0, 8.0, 8.0]):
    row = torch.tensor(values, requires_grad=True)
    (shared,) = torch.autograd.grad(row.amax(0), row)
    (single,) = torch.autograd.grad(row.max(0).values, row)
    print(
        values, " amax", shared.tolist(), " max(dim)", [float(g > 0) for g in single].count(1.0), "position"
    )

# %% [markdown]
# One position alone learns from a maximum; `amax` shares the gradient among ties, `max(dim)` gives it all to one of
# them. Ties are common after a ReLU, where a channel may be 0 everywhere. The mean branch keeps every position
# learning, another reason to have both.
#
# ## Ablation: train it
#
# Lesson 02 trained SE, which is the average alone, to mark the shape that a far patch asks for. Here are the maximum
# alone and both together on the same task: one seed, an illustration.

# %%
from cbam_course.doctor import by_device
from cbam_course.networks.baselines import OnePool
from cbam_course.networks.small_cnn import DenseCNN

train, test = (make_scenes(n, task="what", seed=s) for n, s in ((by_device(1500, gpu=6000), 10), (300, 11)))
torch.manual_seed(0)
models = {
    "maximum": DenseCNN(attention=lambda width: OnePool(width, 4, pool="maximum")),
    "both": DenseCNN(attention=lambda width: ChannelAttention(width, 4)),
}
for name, model in models.items():
    history = fit(model, train.dense, test.dense, epochs=5, batch_size=32, learning_rate=0.01, progress=False)
    print(f"{name:8} mean IoU {history.final:.2f} after {history.seconds:.0f} s")

# %% [markdown]
# One run each says little about which is better. The table has five seeds, and beside the three kinds of channel
# attention two networks that *add* the same summaries, after the same MLP, to every position: no gate at all.

# %%
from cbam_course.training.results import load_results, runs_by_label

dense = {"plain": "plain", "se": "average (SE)", "channel-max": "maximum", "channel": "both",
         "context-mean": "added average", "context-mean-max": "added average and maximum"}  # fmt: skip
plots.plot_runs(runs_by_label("what-dense", dense), xlabel="mean IoU")

# %% [markdown]
# *What to see: the plain network far to the left, near 0.22; the five others to the right, between 0.37 and 0.72, the row
# "both" farthest. Two runs with the maximum alone and one with the added average lie well to the left of their fellows.*
#
# The large step, about 0.4, is the *path* from the whole image to every pixel: even adding the summaries, with no gate at
# all, makes most of it. Does the gate add something to that? Two comparisons, seed by seed:

# %%
from cbam_course.training.statistics import compare

table = load_results("what-dense")
print(compare(table, "channel", "context-mean-max"))
print(compare(table, "channel", "se"))

# %% [markdown]
# On this task the gate with both summaries is ahead of adding both, and ahead of SE, by steps far smaller than the first
# one. The learning rate of this table was chosen after looking at single runs of seed 0, so read the small steps with
# care (`results/README.md` says what was looked at).
#
# ## What this does not show
#
# The classification form of the task asks for one answer for the whole image, and its networks end in an average over
# all positions. There a simple baseline without attention exists: let the *head* read the mean and the maximum.

# %%
heads = {"plain": "plain", "se": "average (SE)", "channel": "both (channel attention)", "cbam": "CBAM",
         "plain-max": "plain, mean+max head"}  # fmt: skip
plots.plot_runs(runs_by_label("what", heads), xlabel="accuracy", chance=1 / 3)

# %% [markdown]
# *What to see: the plain network near 0.59, SE spread widely between 0.6 and 0.9, "both" between 0.84 and 0.93. One run
# of CBAM stays with the plain network, the others lie at 0.87 and above. The last row has no attention at all: all of
# its runs lie above 0.91.*
#
# Channel attention is far ahead of the plain network, and the plain network with another head is ahead of channel
# attention. Why? **A maximum over space is itself a gate.** It passes on one position of a channel and shuts out all
# others. A small object that would drown in an average survives it, and a channel that fires strongly for the wrong
# cue drowns the others in the classifier. So where a network ends in an average, try that head first: it costs less.
# For the dense task no pooled head exists, and there the path matters.
#
# ## Where the maximum misleads
#
# **Predict, then run.** One channel, 48 × 48, all zeros; one broken pixel of value 50. What does each summary report?

# %% tags=["nbval-check-output"]
broken = torch.zeros(1, 1, 48, 48)
broken[0, 0, 7, 7] = 50.0
print(f"mean {broken.mean():.3f}   maximum {broken.max():.0f}")

# %% [markdown]
# The average shrugs and the maximum shouts: the whole gate may follow one bad pixel. And like SE, this module is blind
# to position: shuffle the pixels and neither summary changes. *Where* is the subject of lesson 04.
#
# ## Three questions
#
# <details><summary>1. Why not feed average and maximum side by side into one MLP with 2C inputs?</summary>
#
# It would work and could weigh the two differently. It has 3·C²/r weights instead of 2·C²/r, and it must learn
# by itself that both summaries speak of the same channels.
# </details>
#
# <details><summary>2. All values of a channel are negative. What does the maximum report?</summary>
#
# The value closest to zero, still negative. It becomes 0 only when a ReLU comes first.
# </details>
#
# <details><summary>3. The map has 1 × 1 pixels. What is left of the difference to SE?</summary>
#
# Average and maximum are equal, so the logit is twice that of SE with the same MLP. Training can absorb the factor.
# </details>
#
# ## Sources
#
# * S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: *CBAM: Convolutional Block Attention Module*, ECCV 2018, section 3.1,
#   equation 2.
# * Tables: `results/what.csv` and `results/what-dense.csv`, made by `python -m cbam_course sweep`; commands
#   and conditions in `results/README.md`.
