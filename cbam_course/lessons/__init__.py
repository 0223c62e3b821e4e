"""The tasks of every lesson: how an answer is examined, and what a learner reads about it."""
