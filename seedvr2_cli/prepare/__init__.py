"""L2: pictures to what the model takes: float, resized, padded."""
