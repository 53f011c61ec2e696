"""Latents in a work folder: (t, h, w, C) float32, little endian, a file each."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from seedvr2_cli.base.errors import OutputError
from seedvr2_cli.base.files import output_error
from seedvr2_cli.ledger.work_folder import WorkFolder

SUFFIX = ".f32"


class LatentStore:
    """Latents by their keys."""

    def __init__(self, work: WorkFolder) -> None:
        self._work = work

    def has(self, key: str) -> bool:
        """Whether they are there, as they were written."""
        return self._work.find(key) is not None

    def count(self, key: str) -> int:
        """How many are kept."""
        return int(self._work.note(key).get("shape", [0])[0])

    def keep(self, key: str, pieces: Iterable[Tensor]) -> None:
        """Keep them, as they come. Raises OutputError."""
        note: dict[str, list[int]] = {}
        with self._work.unit(key, SUFFIX, note) as path:
            count = 0
            try:
                with path.open("wb") as file:
                    for piece in pieces:
                        values = piece.float().cpu().contiguous().numpy().astype("<f4", copy=False)
                        count += len(values)
                        note["shape"] = [count, *values.shape[1:]]
                        file.write(values.data)
            except OSError as error:
                raise output_error(path, error, "--work-dir") from error

    def read(self, key: str, start: int = 0, stop: int | None = None) -> Tensor:
        """The latents start..stop of what goes by a key. Raises OutputError where it is not whole."""
        path = self._work.find(key)
        if path is None:
            raise OutputError(f"{key} is damaged", where=self._work.folder, do="run the same command again")
        kept = np.memmap(path, "<f4", "r", shape=tuple(self._work.note(key)["shape"]))
        return torch.from_numpy(np.array(kept[start:stop]))
