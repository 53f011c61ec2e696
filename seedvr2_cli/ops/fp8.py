"""8 bits on a device: the gate's answer, settled by a trial of its kernels, and the convs that it means."""

from functools import partial

import torch

from seedvr2_cli.base.device import Device
from seedvr2_cli.ops.emulated import Emulated
from seedvr2_cli.ops.gate import Found, Fp8, Gate, fp8_gate, int8_gate, tried
from seedvr2_cli.ops.kernels import PlainKernels
from seedvr2_cli.ops.on_triton.available import available_8bit, triton_version
from seedvr2_cli.ops.on_triton.whole import TritonConvs
from seedvr2_cli.ops.probe import hidden_nvidia_card, torch_facts
from seedvr2_cli.ops.scales import E4M3
from seedvr2_cli.ops.slot_convs import SlotConvs
from seedvr2_cli.ops.trial import try_convs


def answer_fp8(device: Device, dtype: torch.dtype, *, force: bool) -> Gate:
    """Answer --fp8 (and --fp8-force) for a device. dtype: of the maps, 16 bits."""
    gate = fp8_gate(device, force=force, hidden_card=device.kind == "cpu" and hidden_nvidia_card())
    return tried(gate, device, _versions(), partial(_try_triton, device, dtype, E4M3))


def answer_int8(device: Device, dtype: torch.dtype) -> Gate:
    """Answer --int8 for a CUDA device. dtype: of the maps, 16 bits."""
    return tried(int8_gate(device), device, _versions(), partial(_try_triton, device, dtype, torch.int8))


def fp8_convs(device: Device, gate: Gate | None) -> SlotConvs | None:
    """What computes where the gate says FP8, None where it does not."""
    if gate is None or gate.state is Fp8.OFF:
        return None
    place = torch.device(device.torch_name)
    if gate.state is Fp8.ON:
        return TritonConvs(place, E4M3)
    return Emulated(PlainKernels(place), E4M3)


def _versions() -> dict[str, str]:
    facts = torch_facts()
    versions = {key: facts[key] for key in ("torch", "cuda")}
    version = triton_version()
    return versions if version is None else versions | {"triton": f"{version[0]}.{version[1]}"}


def _try_triton(device: Device, dtype: torch.dtype, code: torch.dtype) -> Found:
    able, why = available_8bit(device.capability, code)
    if not able:
        return Found(why)
    place = torch.device(device.torch_name)
    convs = TritonConvs(place, code)
    trial = try_convs(convs, Emulated(PlainKernels(place), code), dtype, place)
    if not trial.ok:
        return Found(f"of its Triton kernel {trial.reason}")
    instruction = convs.instruction(dtype)
    if instruction is None or not instruction.in_8_bits:
        words = "nothing" if instruction is None else instruction.words
        return Found(f"Triton makes {words} of its kernel, which does not multiply in 8 bits")
    return Found("", instruction.words, trial.gain)
