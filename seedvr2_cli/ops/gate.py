"""Whether FP8 runs on a device: asked once, answered with the reason."""

from dataclasses import dataclass
from enum import StrEnum

from seedvr2_cli.base.device import Device

BLACKWELL = (12, 0)
FP8_UNITS = {(8, 9), (9, 0), (10, 0), (10, 3), (12, 0), (12, 1)}  # capabilities with FP8 matrix units


class Fp8(StrEnum):
    """How the convs that a policy chose are computed."""

    OFF = "off"
    ON = "on"  # by FP8 matrix units
    EMULATED = "emulated"  # the same numbers, no speed


@dataclass(frozen=True)
class Gate:
    """state: what becomes of the convs. reason: why, with the device's name. instruction: the matrix unit's,
    if any. products: the transformer's matrix products may be tried in FP8."""

    state: Fp8
    reason: str
    instruction: str | None = None
    products: bool = False

    @property
    def ok(self) -> bool:
        """FP8 matrix units compute."""
        return self.state is Fp8.ON

    @property
    def line(self) -> str:
        """The answer for people."""
        return f"FP8 {self.state}: {self.reason}"


def fp8_gate(device: Device, *, force: bool) -> Gate:
    """Answer --fp8 (and --fp8-force) for a device."""
    missing = Fp8.EMULATED if force else Fp8.OFF
    same = "; the same numbers without the speed" if force else ""
    if device.capability is None:
        kind = {"cpu": "a CPU", "mps": "an Apple GPU"}.get(device.kind, device.kind)
        return Gate(missing, f"{device.name} is {kind}: it has no FP8 matrix units{same}")
    shown = f"{device.name} has compute capability {device.capability[0]}.{device.capability[1]}"
    if device.capability not in FP8_UNITS:
        return Gate(missing, f"{shown}: it has no FP8 matrix units{same}")
    if device.capability != BLACKWELL and not force:
        return Gate(Fp8.OFF, f"{shown}, not 12.0; --fp8-force asks for it there")
    reason = f"{shown}, which has FP8 matrix units, but this version has no FP8 convolutions yet"
    return Gate(Fp8.OFF, reason, products=True)
