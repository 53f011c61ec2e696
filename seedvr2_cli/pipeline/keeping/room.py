"""Room on the disk: what a run will need, whether there is as much, and waiting for it."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from seedvr2_cli.base.choices import OnFull
from seedvr2_cli.base.errors import DiskFull
from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.media.containers import STDOUT
from seedvr2_cli.media.writer import OutputSpec

# Bytes a pixel and frame, the most of four clips at their size and at twice it (2026-11-23): FFV1 0.50 to
# 0.99 in 8 bits and 3.4 to 4.1 in 16; x264 0.011 to 0.037 at --crf 16. Six steps of --crf double it.
LOSSLESS = {8: 1.0, 16: 4.1}
LOSSY, LOSSY_CRF, CRF_HALVES = 0.037, 16, 6
PRORES = 0.5  # 220 Mbit/s of 1080p at 30 fps are 0.44
LATENTS = 2 * 16 * 4 / 64 / 4  # float32, before and after the transformer
STEP = 64 << 20  # more than was free: someone has made room
LOOK_S = 5.0

Result = TypeVar("Result")


@dataclass(frozen=True)
class Need:
    """Bytes that a run will write, about. work: what it keeps while it runs; output: the file."""

    work: int
    output: int


def frame_bytes(spec: OutputSpec, size: tuple[int, int]) -> float:
    """What a kept frame takes, about."""
    return size[0] * size[1] * LOSSLESS[spec.depth]


def need_of(spec: OutputSpec, size: tuple[int, int], frames: int, kept: int, longest: int) -> Need:
    """frames: of the film; kept: of those that will be kept beside the output; longest: of a shot."""
    pixels = size[0] * size[1]
    if spec.codec.lossless:
        rate = LOSSLESS[spec.depth]
    elif spec.codec.quality:
        rate = LOSSY * 2 ** ((LOSSY_CRF - spec.crf) / CRF_HALVES)
    else:
        rate = PRORES
    work = kept * frame_bytes(spec, size) + longest * pixels * LATENTS
    return Need(round(work), 0 if spec.final == STDOUT else round(frames * pixels * rate))


def latents_need(latents: int, bytes_each: int, *, kept: bool) -> Need:
    """Of a run whose result are latents, which lie on a shelf beside the output first."""
    return Need(latents * bytes_each * (2 if kept else 1), latents * bytes_each)


def say_need(need: Need, kept: bool, reporter: Reporter) -> None:
    """How much of the disk a run will take. kept: it keeps what is finished."""
    what = "what is kept" if kept else "latents"
    work = f"about {say_bytes(need.work)} for {what}, " if need.work else "about "
    reporter.emit(Line("Plan", f"disk: {work}{say_bytes(need.output)} for the output"))


def free_bytes(folder: Path) -> int:
    """What may still be written there."""
    return shutil.disk_usage(_there(folder)).free


def _there(folder: Path) -> Path:
    """The nearest folder that is there, which stands for one that is not yet."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def check_room(folder: Path, needed: int) -> None:
    """Raise DiskFull where less is free."""
    free = free_bytes(folder)
    if free < needed:
        what = f"about {say_bytes(needed)} are needed, and {say_bytes(free)} are free"
        do = "free some, give --work-dir on another disk, or --on-full wait"
        raise DiskFull(what, where=folder, do=do, needed=needed)


def check_need(need: Need, work: Path | None, final: Path) -> None:
    """Raise DiskFull where the disk, or one of two, has less. work: None where nothing is kept; final: the
    output."""
    output = final.absolute().parent
    folder = _there(output if work is None else work.absolute())
    if final == STDOUT:
        if work is not None:
            check_room(folder, need.work)
    elif folder.stat().st_dev == _there(output).stat().st_dev:
        check_room(folder, need.work + need.output)
    else:
        check_room(folder, need.work)
        check_room(output, need.output)


def again_when_room(
    run: Callable[[], Result],
    on_full: OnFull,
    reporter: Reporter,
    sleep: Callable[[float], None] = time.sleep,
) -> Result:
    """Run; where the disk is full, wait until there is room and run again: what was finished is there.

    Raises DiskFull where on_full is to stop.
    """
    while True:
        try:
            return run()
        except DiskFull as full:
            if on_full is OnFull.STOP:
                raise
            folder, needed, text = Path(full.where), full.needed, str(full)
        needed = needed or free_bytes(folder) + STEP
        waits = f"{text.split(';')[0]}: waiting until {say_bytes(needed)} are free"
        reporter.emit(Line("Disk", waits, level=Level.WARNING))
        while free_bytes(folder) < needed:
            sleep(LOOK_S)
        reporter.emit(Line("Disk", f"{say_bytes(free_bytes(folder))} are free: going on"))
