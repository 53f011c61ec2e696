"""Operators in Triton, for CUDA devices of capability 8.0 and newer. Importing one needs no triton yet."""
