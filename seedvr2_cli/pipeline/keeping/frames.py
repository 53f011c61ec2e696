"""Finished frames in a work folder: lossless, with the CRC-32 of each."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from seedvr2_cli.base.choices import Codec
from seedvr2_cli.base.errors import OutputError
from seedvr2_cli.ledger.work_folder import WorkFolder
from seedvr2_cli.media.codecs import CODECS
from seedvr2_cli.media.ffmpeg import FFmpeg
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader, Pixels
from seedvr2_cli.media.timing import DEFAULT_RATE
from seedvr2_cli.media.writer import FrameWriter, OutputSpec
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.keeping import room

SUFFIX = ".mkv"


@dataclass(frozen=True)
class FrameStore:
    """spec: of the output, whose depth the frames have. size: their width and height."""

    work: WorkFolder
    spec: OutputSpec
    size: tuple[int, int]
    ffmpeg: FFmpeg
    clock: StageClock

    def has(self, key: str) -> bool:
        """Whether they are there, as they were written."""
        return self.work.find(key) is not None

    def count(self, key: str) -> int:
        """How many are kept."""
        return len(self.work.note(key).get("crc32", ()))

    def check_room(self, frames: int) -> None:
        """Raise DiskFull where so many frames would not fit: now, and not when they have been made."""
        room.check_room(self.work.folder, round(frames * room.frame_bytes(self.spec, self.size)))

    def keep(self, key: str, batches: Iterator[Pixels]) -> Iterator[Pixels]:
        """The same batches, (n, H, W, 3); they are kept when the last has passed. Raises OutputError."""
        note: dict[str, list[int]] = {"crc32": []}
        with self.work.unit(key, SUFFIX, note) as path:
            width, height = self.size
            spec = replace(
                self.spec,
                path=path,
                final=path,
                width=width,
                height=height,
                codec=CODECS[Codec.FFV1],
                alpha=False,
                carry=None,
                rate=self.spec.rate or DEFAULT_RATE,
                tick=Fraction(0),
                preset="",
                encoder_arguments=(),
                wanted_format="",
                sequence=False,
            )
            with FrameWriter(spec, self.ffmpeg) as writer:
                for batch in batches:
                    for pixels in batch:
                        note["crc32"].append(crc32_of(pixels))
                        writer.write(pixels, None)
                    yield batch
                with self.clock.stage("keep"):
                    writer.finish()

    def read(self, key: str) -> Iterator[Pixels]:
        """The frames, (H, W, 3), one at a time. Raises OutputError where they are not what was kept."""
        path, wanted = self.work.find(key), self.work.note(key).get("crc32", [])
        if path is None:
            raise OutputError(f"{key} is damaged", where=self.work.folder, do="run the same command again")
        other = "gives other frames than were kept, though its bytes are the same"
        damaged = OutputError(f"{key} {other}", where=self.work.folder, do="give --restart to begin again")
        count = 0
        with FrameReader(probe(path, self.ffmpeg), self.ffmpeg) as reader:
            for count, frame in enumerate(reader, start=1):
                if count > len(wanted) or crc32_of(frame.pixels) != wanted[count - 1]:
                    raise damaged
                yield frame.pixels
        if count != len(wanted):
            raise damaged


def crc32_of(pixels: Pixels) -> int:
    """The CRC-32 of a picture's samples."""
    return zlib.crc32(np.ascontiguousarray(pixels).data)
