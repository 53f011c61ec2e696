"""A PyTorch checkpoint written tensor after tensor: the file `torch.save` makes of a dict, one in memory.

A zip of plain records: data.pkl, which names tensors and their storages, and a record of bytes per storage.
"""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from seedvr2_cli.base.files import output_error
from seedvr2_cli.weights.write import TensorPlan, Watch, encoded

_STORAGES = {"F32": torch.FloatStorage, "F16": torch.HalfStorage, "BF16": torch.BFloat16Storage}
_ALIGNMENT = 64  # of a storage in the file, as torch has it
_LOCAL_HEADER = 30  # bytes before a record's name
_ZIP64 = 20  # bytes of the field that zipfile adds where it cannot know the size before
_PADDING = 0x4246  # the zip field that torch pads with, "FB"


def write_pth(
    path: Path, plan: Sequence[TensorPlan], read: Callable[[str], torch.Tensor], watch: Watch | None = None
) -> None:
    """Write the planned tensors, F32, F16 or BF16, as a plain dict. read: name -> tensor on the CPU.

    Raises OutputError if the file cannot be written, WeightsError for numbers its types cannot hold.
    """
    try:
        with path.open("wb") as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr("archive/data.pkl", _pickled(plan))
            archive.writestr("archive/byteorder", "little")
            for index, tensor in enumerate(plan):
                record = _record(f"archive/data/{index}", file.tell())
                with archive.open(record, "w", force_zip64=True) as out:
                    out.write(encoded(path, tensor, read(tensor.name), watch).data)
            archive.writestr("archive/version", "3\n")
    except OSError as error:
        raise output_error(path, error) from error


def _record(name: str, at: int) -> zipfile.ZipInfo:
    """A record at this place in the file, padded so that its bytes begin aligned."""
    record = zipfile.ZipInfo(name)
    begin = at + _LOCAL_HEADER + len(name) + _ZIP64 + 4
    padding = -begin % _ALIGNMENT
    record.extra = _PADDING.to_bytes(2, "little") + padding.to_bytes(2, "little") + b"Z" * padding
    return record


def _pickled(plan: Sequence[TensorPlan]) -> bytes:
    out = BytesIO()
    tensors = {tensor.name: _Tensor(str(index), tensor) for index, tensor in enumerate(plan)}
    _Pickler(out, protocol=2).dump(tensors)
    return out.getvalue()


class _Tensor:
    """A tensor that is not here: the plan of it, and the record that holds its bytes."""

    def __init__(self, record: str, plan: TensorPlan) -> None:
        self.record, self.plan = record, plan


class _Storage(_Tensor):
    """Its storage."""


class _Pickler(pickle.Pickler):
    """Names tensors and storages as torch.save does."""

    def persistent_id(self, value: Any) -> Any:
        """What torch's reader takes for a storage."""
        if not isinstance(value, _Storage):
            return None
        plan = value.plan
        return ("storage", _STORAGES[plan.quant], value.record, "cpu", plan.numel)

    def reducer_override(self, value: Any) -> Any:
        """How a tensor is built of its storage."""
        if not isinstance(value, _Tensor):
            return NotImplemented
        shape = value.plan.shape
        strides = torch.empty(shape, device="meta").stride()
        storage = _Storage(value.record, value.plan)
        return torch._utils._rebuild_tensor_v2, (storage, 0, shape, strides, False, OrderedDict())
