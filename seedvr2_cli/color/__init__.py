"""L1: the input's color for restored frames. Pure functions of frames (N, 3, H, W)."""
