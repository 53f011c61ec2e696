"""Operators in Triton, for CUDA devices of capability 8.0 and newer. Importing one needs no triton yet.

What an engine takes from here:

- check: whether they run on a device and give right values there, in 16 bits or in 8, and if not, why;
- slot_convs: all of them behind the engine's own contract (ops.slot_convs).

Below that: fill_slot (a map into a slot), packed (a conv's weights), conv (the causal conv and the folded
upsampler), sums (what they leave for the next norm).
"""
