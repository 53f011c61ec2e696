"""Which codes the slots of a conv hold, in e4m3 and in int8: static, known before the first frame."""

import torch

from seedvr2_cli.ops.moments import Norm
from seedvr2_cli.ops.scales import E4M3, FULL_SCALE, Codes, int8_codes, scale_for

# of a norm's result. e4m3 errs by a part of each value, so nothing is lost by room for all there can be; int8
# errs by a part of the range, and saturates the few values beyond (spec/perf.md 1.4)
SIGMAS = {E4M3: 32.0, torch.int8: 8.0}
SILU_LEAST = -0.2785  # of any number
ROOM = {E4M3: 16.0, torch.int8: 2.0}  # for values above those of a clip's first frame


def codes_behind(norm: Norm, code: torch.dtype) -> Codes:
    """Of slots that hold silu of this norm's result. code: float8_e4m3fn or int8."""
    peak = norm.peak(SIGMAS[code])
    if code == E4M3:
        return Codes(E4M3, scale_for(float(peak.max()), FULL_SCALE[E4M3]))
    return int8_codes(torch.full_like(peak, SILU_LEAST), peak)


def first_code(code: torch.dtype) -> float:
    """The code that the largest value of a clip's first frame reaches at most, in slots of maps that no norm
    bounds."""
    return FULL_SCALE[code] / ROOM[code]
