"""Latents on disk between two stages, so that memory does not grow with the length of a film."""

import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from seedvr2_cli.base.errors import OutputError
from seedvr2_cli.base.files import output_error


class Shelf:
    """Arrays of one shape, such as latents (h, w, C), in their order. It lies in `folder`, without a name
    where the system can do so, and is gone when the block ends. Use it with `with`.

    half: keep float16, not float32. Raises OutputError where the disk is full.
    """

    def __init__(self, folder: Path, *, half: bool = False) -> None:
        self._folder = folder
        self._dtype = np.dtype("<f2" if half else "<f4")
        self._shape: tuple[int, ...] = ()
        self._count = 0
        try:
            self._file = tempfile.TemporaryFile(dir=folder, prefix=".seedvr2.", suffix=".part")  # noqa: SIM115
        except OSError as error:
            raise output_error(folder, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # what is still buffered may not fit, and is not wanted any more
            self._file.close()

    def __len__(self) -> int:
        return self._count

    def append(self, latents: Tensor) -> None:
        """Keep (t, h, w, C), all of one size."""
        array = latents.float().cpu().contiguous().numpy().astype(self._dtype, copy=False)
        self._shape = array.shape[1:]
        self._count += len(array)
        try:
            self._file.write(array.data)
            self._file.flush()
        except OSError as error:
            raise output_error(self._folder, error) from error

    def read(self, start: int, stop: int) -> Tensor:
        """The latents start..stop, (t, h, w, C); they must have been appended."""
        values = np.empty((stop - start, *self._shape), self._dtype)
        if values.size:
            self._file.seek(start * values[0].nbytes)
            if self._file.readinto(values.data) != values.nbytes:
                raise OutputError("a temporary file was cut short", where=self._folder, do="run it again")
            self._file.seek(0, 2)
        return torch.from_numpy(values)
