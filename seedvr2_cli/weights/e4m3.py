"""Scaled e4m3 as it is written: `<layer>.weight` in one byte a number, and a float32 scale for every row.

    <layer>.weight        F8_E4M3 (out, in)
    <layer>.weight_scale  F32 (out, 1)
    <layer>.comfy_quant   U8, JSON: {"format": "float8_e4m3fn"}

`scaled.py` reads it. Source: spec/dit.md 1.2.
"""

import json

import torch
from torch import Tensor

E4M3 = "F8_E4M3"
SCALE, MARK = ".weight_scale", ".comfy_quant"
MARKER = json.dumps({"format": "float8_e4m3fn"}, separators=(",", ":")).encode()

_MAX = 448.0  # the largest e4m3 number


def scales_of(weight: Tensor) -> Tensor:
    """(out, 1) float32: what brings the largest number of each row of (out, in) to e4m3's largest."""
    largest = weight.float().abs().amax(1, keepdim=True)
    return torch.where(largest > 0, largest / _MAX, 1.0)


def scaled(weight: Tensor, scales: Tensor) -> Tensor:
    """The weight (out, in) divided by its scales and rounded to the nearest e4m3 number."""
    return (weight.float() / scales).clamp_(-_MAX, _MAX).to(torch.float8_e4m3fn)
