"""The Triton sources. They import triton, an optional extra: the wrappers import them inside functions."""
