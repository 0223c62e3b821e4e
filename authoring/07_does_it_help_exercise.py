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
# # 07 · Does it help? Exercise
#
# **Goal** Compute what a handful of runs can show, tell sound comparisons from flawed ones, give each model a rate of its own, and
# write down a claim before you train.
#
# Write your answer into the empty cell, run it, then run the cell with `check`. Checking is free: do it as often as
# you like. `hint("task-id")` gives one hint at a time, three for each task.

# %%
import numpy as np
import pandas as pd
import torch
from scipy import stats

from cbam_course import check, fit, hint, make_scenes, predict, progress, reveal
from cbam_course.networks.small_cnn import SmallCNN
from cbam_course.statistics import compare, load_results

# %% [markdown]
# ### Task 1 · One run each (difficulty 2 of 5, 8 min)
#
# You have all runs of two models as lists of accuracies, `a` and `b`, possibly of different lengths. Somebody else takes
# one run of each, any one, and declares the model with the higher accuracy the winner. Write `wrong_winner(a, b)`: the
# share of all pairs (one run of a, one run of b) in which the model with the **lower mean** wins. A tie counts half,
# as if a coin decided.


# %%
def wrong_winner(a, b):
    ### BEGIN SOLUTION
    worse, better = (a, b) if np.mean(a) < np.mean(b) else (b, a)
    wins = [(x > y) + 0.5 * (x == y) for x in worse for y in better]
    return sum(wins) / len(wins)
    ### END SOLUTION


# %%
check("wrong-winner", wrong_winner)

# %% [markdown]
# ### Task 2 · The interval of a paired difference (difficulty 2 of 5, 10 min)
#
# Entry i of `a` and entry i of `b` are the scores of two models with the same seed. Write `paired_interval(a, b)`, which
# returns three numbers: the mean of a − b, and the lower and the upper end of its 95 % t interval. `stats.t.ppf(q, df)`
# gives quantiles of Student's distribution.


# %%
def paired_interval(a, b):
    ### BEGIN SOLUTION
    d = np.subtract(a, b)
    half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / len(d) ** 0.5
    return d.mean(), d.mean() - half, d.mean() + half
    ### END SOLUTION


# %%
check("paired-interval", paired_interval)

# %% [markdown]
# ### Task 3 · Which of these claims stand? (difficulty 3 of 5, 12 min)
#
# Eight reports, each with its claim. Six of them have one flaw that could have made the difference without the module.
#
# * **A** CBAM and plain, seeds 0 to 4 each; images, epochs and learning rate alike; the comparison was named beforehand;
#   interval of the paired difference +0.02 to +0.05. *Claim: in this setting CBAM scores higher.*
# * **B** SE was trained in spring with seeds 0 to 4, plain in summer with seeds 5 to 9, which also draw other training
#   images. The first run was paired with the first, and so on; interval +0.01 to +0.03. *Claim: SE scores higher.*
# * **C** Eight learning rates were tried for both models. For each model the one with the best accuracy on the test
#   images was taken, and this accuracy is reported. *Claim: on new images CBAM reaches 0.951.*
# * **D** Ten seeds each. CBAM's best run reached 0.957; the plain network has a mean of 0.943. *Claim: CBAM gains 1.4
#   points.*
# * **E** CBAM had not converged after 8 epochs and was trained for 24, five seeds. Plain: 8 epochs, five seeds.
#   Interval +0.05 to +0.09. *Claim: the gain is due to attention.*
# * **F** The network with gates has 40 % more parameters than the plain one. Five paired seeds, interval +0.01 to +0.02.
#   *Claim: the gates are the reason.*
# * **G** Two modules, five paired seeds, all fixed beforehand; interval −0.02 to +0.01. *Claim: these runs do not show that
#   the two differ.*
# * **H** Twenty modules were each compared with plain, five paired seeds each, at the 5 % level. One interval excluded 0.
#   The report is about that one. *Claim: this module helps.*
#
# Give each letter one word: `"sound"`, `"seeds"` (different seeds or data), `"test-set"` (used for choosing), `"best-of-n"`,
# `"training"` (unequal), `"size"` (unequal), `"many"` (comparisons). The answer is a dictionary:
# `{"A": "…", "B": "…", …}`.

# %%
### BEGIN SOLUTION
verdicts = {"A": "sound", "B": "seeds", "C": "test-set", "D": "best-of-n",
            "E": "training", "F": "size", "G": "sound", "H": "many"}  # fmt: skip
### END SOLUTION

# %%
check("sound-comparisons", verdicts)

# %% [markdown]
# ### Task 4 · A fair width (difficulty 2 of 5, 8 min)
#
# The plain network for `where` is `SmallCNN(5, widths=(16, 32, 64))`, with 24,021 parameters. With CBAM (r = 4) in each of
# its blocks it has 27,003. Find three widths for a plain network without attention that has **at least as many**
# parameters and at most 3 % more, with all three blocks widened by about the same factor. The function counts.


# %%
def parameters(widths):
    return sum(p.numel() for p in SmallCNN(5, widths=widths).parameters())


print(f"{parameters((16, 32, 64)):,}")

# %%
### BEGIN SOLUTION
widths = (17, 34, 69)
### END SOLUTION

# %%
check("fair-width", widths)

# %% [markdown]
# ### Task 5 · The gain, each model at a rate of its own (difficulty 3 of 5, 12 min)
#
# `runs` is a list of dictionaries, one for each run:
# `{"model": "cbam", "rate": 0.01, "seed": 21, "validation": 0.944, "test": 0.951}`. Write `gain_at_own_rates(runs, first, second)`. For each of
# the two models choose the rate with the highest mean validation score. Then return the mean difference of the *test* scores at those
# rates, first minus second, over the seeds that both have there.


# %%
def gain_at_own_rates(runs, first, second):
    ### BEGIN SOLUTION
    def tests(model):
        mine = [run for run in runs if run["model"] == model]

        def validation(rate):
            return np.mean([run["validation"] for run in mine if run["rate"] == rate])

        best = max({run["rate"] for run in mine}, key=validation)
        return {run["seed"]: run["test"] for run in mine if run["rate"] == best}

    a, b = tests(first), tests(second)
    return np.mean([a[seed] - b[seed] for seed in a if seed in b])
    ### END SOLUTION


# %%
check("gain-at-own-rates", gain_at_own_rates)

# %% [markdown]
# ### Task 6 · Holm's correction (difficulty 3 of 5, 12 min)
#
# Write `holm(p_values, level)`: a list of True (significant) and False, in the order of the p-values given. The smallest
# of m p-values is compared with level / m, the next with level / (m − 1), and so on; at the first that is larger than
# its threshold the procedure stops, and this one and all larger ones are not significant.


# %%
def holm(p_values, level):
    ### BEGIN SOLUTION
    m = len(p_values)
    flags = [False] * m
    for k, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        if p_values[i] > level / (m - k):
            break
        flags[i] = True
    return flags
    ### END SOLUTION


# %%
check("holm", holm)

# %% [markdown]
# ### Task 7 · Predict the run (difficulty 2 of 5, 6 min)
#
# CBAM is said to help with small objects. The table of the learning rates holds a score for the third of the test images with the
# *smallest* targets, which the lesson never showed. Over all sizes CBAM's gain over plain was +.122 at a rate of .003, and −.003 at .01.
#
# What is the gain on the smallest targets, at .003 and at .01? Write two numbers before you look, and the reason in a comment. No
# prediction fails: the first one is kept in your ledger, and its error is shown. You pass when you have looked.

# %%
### BEGIN SOLUTION
# More at .003, where plain is behind: a small target is what an average dilutes most. Nothing at .01, where it has caught up.
prediction = (0.15, 0.0)
### END SOLUTION

# %% [markdown]
# This cell shows the runs as soon as there is a prediction.

# %%
if prediction is not None:
    predict("07-small-targets", prediction[0])
    means = load_results("learning-rate").groupby(["learning_rate", "model"]).accuracy_small.mean().unstack()
    gains = (means.cbam - means.plain)[[0.003, 0.01]]
    print(gains.round(3).to_string())
    print("off by", np.abs(gains.to_numpy() - prediction).round(3))
    print(reveal("07-small-targets", round(gains[0.003], 3), tolerance=0.02))

# %% [markdown]
# Copy the two gains, to three places, into a dictionary beside your prediction: `{"predicted": prediction, "outcome": (…, …)}`.

# %%
### BEGIN SOLUTION
small_targets = {"predicted": prediction, "outcome": (0.156, -0.002)}
### END SOLUTION

# %%
check("predict-the-run", small_targets)

# %% [markdown]
# ### Task 8 · A claim, five seeds, a verdict (difficulty 3 of 5, 12 min)
#
# The smallest honest experiment: 320 scenes of 32×32 pixels, four epochs. Choose a model and a baseline among `"average"` and `"mean+max"`
# (heads), and write your claim **before** you run the cell after it: what do you expect, at this rate and after these epochs? Name both heads in the sentence.

# %%
### BEGIN SOLUTION
first, second = "mean+max", "average"
claim = "After four epochs at a rate of .01, a mean+max head scores higher than an average head"
### END SOLUTION


# %%
def train_once(head, seed):
    train, test = (make_scenes(n, size=32, distractors=2, seed=1000 * seed + n) for n in (320, 200))
    torch.manual_seed(seed)
    history = fit(SmallCNN(5, head=head), train.classification, test.classification,
                  epochs=4, seed=seed, batch_size=16, learning_rate=0.01, progress=False)  # fmt: skip
    return {"model": head, "seed": seed, "accuracy": history.final}


if claim is not None:
    runs = pd.DataFrame(train_once(head, seed) for seed in range(5) for head in (first, second))
    print(runs.pivot(index="seed", columns="model", values="accuracy").round(3).to_string())

# %% [markdown]
# Now the verdict, one word: `"higher"`, `"lower"`, `"not-shown"`, `"equal"` or `"proved"`. The answer is a dictionary with `claim`, `first`,
# `second`, `runs`, `interval` (low, high: first minus second) and `verdict`. Whether your claim came true does not count;
# whether runs, interval and word fit together does.

# %%
### BEGIN SOLUTION
_d = compare(runs, first, second)
_word = "not-shown" if _d.low <= 0 <= _d.high else "higher" if _d.low > 0 else "lower"
experiment = {"claim": claim, "first": first, "second": second, "runs": runs,
              "interval": (_d.low, _d.high), "verdict": _word}  # fmt: skip
### END SOLUTION

# %%
check("claim-first", experiment)

# %% [markdown]
# ### Task 9 · What follows from a published table? (difficulty 3 of 5, 8 min)
#
# Top-1 accuracy on ImageNet in percent, one recipe for all, one run per cell (implus/PytorchInsight):
#
# | | plain | SE | CBAM |
# |---|---|---|---|
# | ResNet-50 | 76.38 | 77.18 | 77.63 |
# | ResNet-101 | 78.20 | 78.47 | 78.35 |
#
# Which of these statements follow from the table, without anything else? Hand in their letters, as in `"BF"`.
#
# * **A** In these runs, ResNet-50 with CBAM scored 1.25 points higher than the plain ResNet-50.
# * **B** CBAM is better than SE.
# * **C** In these runs, the order of SE and CBAM differs between the two depths.
# * **D** In these runs, the plain ResNet-101 scored higher than ResNet-50 with CBAM.
# * **E** At depth 101, SE's lead of 0.12 points over CBAM is larger than the spread between seeds.
# * **F** With any good recipe, ResNet-50 gains about 0.8 points from SE.
# * **G** The deeper a ResNet, the less it gains from attention.

# %%
### BEGIN SOLUTION
letters = "ACD"
### END SOLUTION

# %%
check("read-the-table", letters)

# %% [markdown]
# ### To think about
#
# * Take a result of your own, or the last paper you read. Which of the seven words of task 3 would a referee write on it?
# * In task 8 the test images changed with the seed. What would an interval from five runs on *one* test set speak about?
# * How would you choose the number of seeds before an experiment, if one tenth of a point matters to you?

# %%
progress()
