"""Operators in Triton, for CUDA devices of capability 8.0 and newer. Importing one needs no triton yet.

The engine takes all of them behind its own contract (ops.slot_convs) from `whole`; `available` says whether
they run on a device. Below that: fill_slot (a map into a slot), packed (a conv's weights), conv (the causal
conv and the folded upsampler), instruction (what they became), sums (what they leave for the next norm).
"""
