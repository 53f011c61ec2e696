"""Throughput of workers against one process on as many threads, in turns: python tools/measure_workers.py -h

Counted is what grows with a film: from the first shot that is begun to the last frame that is written.
Starting Ray and loading the models, which a film pays once, is printed beside it.
"""

import argparse
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from seedvr2_cli.base.choices import Codec, Dtype
from seedvr2_cli.base.events import Event, Line
from seedvr2_cli.cluster.upscale import upscale_on_workers
from seedvr2_cli.cluster.workers import Workers
from seedvr2_cli.pipeline.options import ModelOptions, Target, TimeOptions, TransformerOptions, UpscaleOptions
from seedvr2_cli.pipeline.upscale import upscale

ROUNDS = 3


@dataclass
class Began:
    """Remembers when the work on shots began."""

    sign: str
    at: float = 0.0

    def emit(self, event: Event) -> None:
        if isinstance(event, Line) and f"{event.part} {event.text}".startswith(self.sign) and not self.at:
            self.at = time.perf_counter()


def timed(options: UpscaleOptions, threads: int, workers: int) -> tuple[float, float]:
    """(seconds before the first shot, seconds of work). workers: 0 for one process with all threads."""
    began, listener = time.perf_counter(), Began("Workers worker" if workers else "Work kept")
    if workers:
        upscale_on_workers(options, listener, Workers(count=workers, threads=threads // workers))
    else:
        torch.set_num_threads(threads)
        upscale(options, listener)
    return listener.at - began, time.perf_counter() - listener.at


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("cuts", type=Path)
    parser.add_argument("--vae", type=Path, required=True)
    parser.add_argument("--dit", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resolution", type=int, default=128)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    options = UpscaleOptions(
        input=given.clip,
        output=given.out,
        model=ModelOptions(vae=given.vae, device="cpu", dtype=Dtype(given.dtype)),
        transformer=TransformerOptions(dit=given.dit),
        target=Target(resolution=given.resolution, allow_downscale=True),
        time=TimeOptions(cuts=given.cuts),
        codec=Codec.X264,
        overwrite=True,
    )
    counts = (0, 1, 2)
    found: dict[int, list[tuple[float, float]]] = {count: [] for count in counts}
    for _ in range(ROUNDS):
        for count in counts:
            work = given.out.with_name(f"{given.out.name}.work")
            run = replace(options, work=replace(options.work, folder=work))
            found[count].append(timed(run, given.threads, count))
            before, seconds = found[count][-1]
            print(f"{count} workers: {before:.1f} s before, {seconds:.1f} s of work", flush=True)  # noqa: T201
    plain = statistics.median(seconds for _, seconds in found[0])
    for count in counts[1:]:
        ratio = plain / statistics.median(seconds for _, seconds in found[count])
        print(f"{count} workers: {ratio:.2f} of one process with {given.threads} threads")  # noqa: T201


if __name__ == "__main__":
    main()
