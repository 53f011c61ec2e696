"""L1: what a long run has finished, kept on disk so that nothing can spoil it."""
