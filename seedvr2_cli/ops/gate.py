"""Whether FP8 runs on a device: asked once, answered with the reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from seedvr2_cli.base.device import Device
from seedvr2_cli.ops.on_triton.available import MIN_CAPABILITY

BLACKWELL = (12, 0)
FP8_UNITS = {(8, 9), (9, 0), (10, 0), (10, 3), (12, 0), (12, 1)}  # capabilities with FP8 matrix units
NO_CUDA = "an NVIDIA card is here, but this torch has no CUDA: install a CUDA build of torch"


class Fp8(StrEnum):
    """How the convs that a policy chose are computed."""

    OFF = "off"
    ON = "on"  # by FP8 matrix units
    EMULATED = "emulated"  # the same numbers, no speed


@dataclass(frozen=True)
class Gate:
    """state: what becomes of the convs. reason: why, with the device's name. instruction: the matrix unit's,
    read from the compiled kernel. versions: of the libraries that decide. products: the transformer's matrix
    products may be tried in FP8. word: what is asked for, FP8 or INT8."""

    state: Fp8
    reason: str
    instruction: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    products: bool = False
    word: str = "FP8"

    @property
    def ok(self) -> bool:
        """Matrix units of 8 bits compute."""
        return self.state is Fp8.ON

    @property
    def line(self) -> str:
        """The answer for people."""
        return f"{self.word} {self.state}: {self.reason}"

    def facts(self) -> dict[str, Any]:
        """The answer for programs."""
        return {
            "ok": self.ok,
            "state": str(self.state),
            "reason": self.reason,
            "instruction": self.instruction,
            "versions": dict(self.versions),
        }


@dataclass(frozen=True)
class Found:
    """What a trial of FP8 convs on a device came to. problem: why they are not taken, "" where they are;
    instruction: as in Gate; gain: how many times as fast as 16 bits a conv was."""

    problem: str
    instruction: str | None = None
    gain: float = 0.0


def fp8_gate(device: Device, *, force: bool, hidden_card: bool = False) -> Gate:
    """Answer --fp8 (and --fp8-force) by what the device is; `tried` then settles an ON.

    hidden_card: an NVIDIA card is here that this torch does not see.
    """
    missing = Fp8.EMULATED if force else Fp8.OFF
    same = "; the same numbers without the speed" if force else ""
    if device.capability is None:
        kind = {"cpu": "a CPU", "mps": "an Apple GPU"}.get(device.kind, device.kind)
        why = NO_CUDA if hidden_card else f"{device.name} is {kind}: it has no FP8 matrix units"
        return Gate(missing, f"{why}{same}")
    shown = f"{device.name} has compute capability {device.capability[0]}.{device.capability[1]}"
    if device.capability not in FP8_UNITS:
        return Gate(missing, f"{shown}: it has no FP8 matrix units{same}")
    if device.capability != BLACKWELL and not force:
        return Gate(Fp8.OFF, f"{shown}, not 12.0; --fp8-force asks for it there")
    return Gate(Fp8.ON, shown, products=True)


def int8_gate(device: Device) -> Gate:
    """Answer --int8 on a CUDA device; `tried` then settles an ON."""
    assert device.capability is not None
    shown = f"{device.name} has compute capability {device.capability[0]}.{device.capability[1]}"
    if device.capability < MIN_CAPABILITY:
        return Gate(Fp8.OFF, f"{shown}: the int8 kernels need 8.0, an RTX 30", word="INT8")
    return Gate(Fp8.ON, shown, word="INT8")


def tried(gate: Gate, device: Device, versions: Mapping[str, str], trial: Callable[[], Found]) -> Gate:
    """The answer after a trial of what the gate lets through; others stay as they are.

    versions: of the libraries, as they are shown.
    """
    if gate.state is not Fp8.ON or device.capability is None:
        return replace(gate, versions=versions)
    found = trial()
    if found.problem:
        off = f"{gate.reason}, but {found.problem}"
        return replace(gate, state=Fp8.OFF, reason=off, versions=versions)
    name = f"sm_{device.capability[0]}{device.capability[1]} ({device.name})"
    library = f"Triton {versions['triton']}" if "triton" in versions else "no Triton"
    reason = f"{name}, {found.instruction}, {library}, {found.gain:.2g} times 16 bits in a probe"
    return replace(gate, reason=reason, instruction=found.instruction, versions=versions)
