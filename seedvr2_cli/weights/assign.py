"""Weights streamed into a module that was built on the meta device; strict."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.weights.finite import is_finite, not_finite
from seedvr2_cli.weights.identify import identify
from seedvr2_cli.weights.names import fit_shape
from seedvr2_cli.weights.source import AGAIN, Summary, TensorSource, check_readable, summarise

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LoadedFacts:
    """stored: the file in numbers. loaded_bytes: on the device. reshaped: how many were stored flat."""

    stored: Summary
    loaded_bytes: int
    reshaped: int


def expected_shapes(module: torch.nn.Module) -> dict[str, Shape]:
    """Name -> shape of every parameter and buffer, in state-dict order."""
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


def assign(
    module: torch.nn.Module,
    source: TensorSource,
    *,
    dtype_of: Callable[[str], torch.dtype],
    device: torch.device | str,
    what: str = "SeedVR2 VAE",
) -> LoadedFacts:
    """Put every tensor of source into module, in the type dtype_of gives for its name.

    module: on the meta device; its parameters are replaced, without gradients. what: the model's name in
    errors. All names, shapes and types are checked before any data is read; then each tensor is decoded into
    its final memory (for another device, into one tensor on the CPU). Raises WeightsError for a missing,
    unexpected, misshapen, non-finite or unreadable tensor; the module is of no use then.
    """
    expected = expected_shapes(module)
    check_fit(source, expected, what)
    loaded_bytes = 0
    for name, shape in expected.items():
        weight = _load(source, name, shape, dtype_of(name)).to(device)
        _replace(module, name, weight)
        loaded_bytes += weight.nbytes
    reshaped = sum(source.specs[name].shape != shape for name, shape in expected.items())
    return LoadedFacts(summarise(source.specs.values()), loaded_bytes, reshaped)


def check_fit(
    source: TensorSource,
    expected: Mapping[str, Shape],
    what: str = "SeedVR2 VAE",
    ignored: Callable[[str], bool] = lambda name: False,
    do: str = "give the right --config",
) -> None:
    """Raise WeightsError unless source holds just the expected tensors, in shapes that fit. Reads no data.

    ignored: true for names that may be there or not. do: the way out where the tensors are others. The first
    tensor that differs, in the order expected, is named.
    """
    missing = [name for name in expected if name not in source.specs]
    wrong = [n for n, shape in expected.items() if n in source.specs and not _fits(source, n, shape)]
    unexpected = [name for name in source.specs if name not in expected and not ignored(name)]
    if missing and len(missing) == len(expected):
        what_not = f"holds {identify(source).text}, not a {what}"
        raise WeightsError(what_not, where=source.path, do=f"give a {what} file")
    if missing or wrong or unexpected:
        first = next((name for name in expected if name in {*missing, *wrong}), "")
        raise _misfit(source, expected, _Misfits(first, missing, wrong, unexpected, do), what)
    for name in expected:
        check_readable(source.path, source.specs[name])


@dataclass(frozen=True)
class _Misfits:
    """Names: the first that differs ("" where none is expected), and all by kind. do: the way out."""

    first: str
    missing: list[str]
    wrong: list[str]
    unexpected: list[str]
    do: str


def _misfit(source: TensorSource, expected: Mapping[str, Shape], found: _Misfits, what: str) -> WeightsError:
    missing, wrong, unexpected = found.missing, found.wrong, found.unexpected
    if found.first in wrong:
        stored, wanted = source.specs[found.first].shape, expected[found.first]
        text = f"tensor {found.first}: stored as {stored}, expected {wanted}"
        text += f" ({len(wrong):,} of {len(expected):,} differ)"
    elif found.first:
        text = f"tensor {found.first} is missing ({len(missing):,} of {len(expected):,} are)"
        if unexpected:
            text += f" and {unexpected[0]} is not expected ({len(unexpected):,} are not)"
    else:
        count = f"{len(unexpected):,} of {len(source.specs):,} are not"
        text = f"tensor {unexpected[0]} is not expected ({count})"
    incomplete = bool(missing) and not wrong and not unexpected
    do = f"this is no whole {what} file, {AGAIN}" if incomplete else found.do
    return WeightsError(text, where=source.path, do=do)


def _fits(source: TensorSource, name: str, shape: Shape) -> bool:
    return fit_shape(source.specs[name], shape) is not None


def _load(source: TensorSource, name: str, shape: Shape, dtype: torch.dtype) -> torch.Tensor:
    weight = source.read(name, torch.empty(shape, dtype=dtype))
    if not is_finite(weight):
        raise not_finite(source.path, name, source.read(name), dtype)
    return weight


def _replace(module: torch.nn.Module, name: str, weight: torch.Tensor) -> None:
    owner_name, _, leaf = name.rpartition(".")
    owner = module.get_submodule(owner_name)
    if leaf in dict(owner.named_buffers(recurse=False)):
        owner.register_buffer(leaf, weight)
    else:
        owner.register_parameter(leaf, torch.nn.Parameter(weight, requires_grad=False))
