"""Images to learn from: scenes made by code, photographs, and data sets fetched when asked for."""
