"""Whether FP8 runs on a device: asked once, answered with the reason."""

from dataclasses import dataclass

from seedvr2_cli.base.device import Device

BLACKWELL = (12, 0)
FP8_UNITS = {(8, 9), (9, 0), (10, 0), (10, 3), (12, 0), (12, 1)}  # capabilities with FP8 matrix units


@dataclass(frozen=True)
class Gate:
    """ok: FP8 computes. reason: why, or why not, with the device's name. instruction: the matrix unit's, if
    any. products: the transformer's matrix products may be tried in FP8."""

    ok: bool
    reason: str
    instruction: str | None = None
    products: bool = False


def fp8_gate(device: Device, *, force: bool) -> Gate:
    """Answer --fp8 (and --fp8-force) for a device. No convolution computes in FP8 yet, so it is never ok."""
    if device.capability is None:
        kind = {"cpu": "a CPU", "mps": "an Apple GPU"}.get(device.kind, device.kind)
        return Gate(False, f"{device.name} is {kind}: it has no FP8 matrix units")
    shown = f"{device.name} has compute capability {device.capability[0]}.{device.capability[1]}"
    if device.capability not in FP8_UNITS:
        return Gate(False, f"{shown}: it has no FP8 matrix units")
    if device.capability != BLACKWELL and not force:
        return Gate(False, f"{shown}, not 12.0; --fp8-force asks for it there")
    reason = f"{shown}, which has FP8 matrix units, but this version has no FP8 convolutions yet"
    return Gate(False, reason, products=True)
