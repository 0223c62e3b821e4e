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
# # 00 · Start here: exercise
#
# **Goal** Get used to `check`, `hint` and `progress`.
#
# Write your answer into the empty cell, run it, then run the cell with `check`.

# %%
from cbam_course import check, hint, progress

# %% [markdown]
# ### Task 1 · Brightness (difficulty 1 of 5, 5 min)
#
# Write `brightness(images)`: from a batch of images, a tensor of the shape (N, C, H, W), return the mean of each image,
# shape (N,). A wrong first try is welcome: read what the report says.
#
# <details><summary>Stuck?</summary>Run <code>hint("warm-up")</code> in a cell of its own.</details>


# %%
def brightness(images):
    ### BEGIN SOLUTION
    return images.mean(dim=(1, 2, 3))
    ### END SOLUTION


# %%
check("warm-up", brightness)

# %% [markdown]
# ### Task 2 · How many numbers? (difficulty 1 of 5, 3 min)
#
# A batch holds **8** scenes of **48 × 48** pixels in colour. How many numbers are that? A whole number, please.

# %%
### BEGIN SOLUTION
how_many = 8 * 3 * 48 * 48
### END SOLUTION

# %%
check("count-the-numbers", how_many)

# %% [markdown]
# ### To think about
#
# * The check of task 1 used a batch with more than one image. Which wrong answers would a batch of one let through?

# %%
progress()
