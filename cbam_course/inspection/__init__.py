"""Looking at networks: gates as they run, what they cost, where maps point, and the figures of the lessons."""
