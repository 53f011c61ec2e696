"""`seedvr2 upscale INPUT`."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.events import Reporter
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.base.units import parse_time
from seedvr2_cli.cli import options as o
from seedvr2_cli.cli.finish import end_with, print_json
from seedvr2_cli.cli.interrupts import stops_at_units
from seedvr2_cli.cluster.workers import Workers
from seedvr2_cli.console.reporter import ConsoleReporter
from seedvr2_cli.console.tables import show_queue
from seedvr2_cli.pipeline.input_list import listed
from seedvr2_cli.pipeline.media_options import InputOptions, OutputOptions
from seedvr2_cli.pipeline.options import (
    ColorOptions,
    Fp8Options,
    ModelOptions,
    Strength,
    TileOptions,
    TimeOptions,
    TransformerOptions,
    UpscaleOptions,
    WorkOptions,
)
from seedvr2_cli.pipeline.report import RunReport

NAME = "upscale"
Job = Callable[[UpscaleOptions, Reporter], RunReport]


def run(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Videos, images, or what encode --for-upscale wrote; @FILE lists one a line.",
            show_default=False,
        ),
    ],
    resolution: o.Resolution = None,
    scale: o.Scale = None,
    max_resolution: o.MaxResolution = None,
    allow_downscale: o.AllowDownscale = False,
    pad: o.PadRule = UpscaleOptions.pad,
    color: o.Color = ColorOptions.method,
    strength: o.StrengthOf = "1",
    output: o.Output = None,
    dit: o.Dit = None,
    vae: o.Vae = None,
    models_dir: o.ModelsDir = None,
    offline: o.Offline = False,
    config: o.Config = None,
    device: o.DeviceName = ModelOptions.device,
    dtype: o.DtypeName = ModelOptions.dtype,
    fp8: o.Fp8 = False,
    fp8_force: o.Fp8Force = False,
    fp8_convs: o.Fp8Convs = Fp8Options.convs,
    verify: o.VerifyFirst = False,
    min_psnr: o.MinPsnr = Fp8Options.min_psnr,
    strict: o.Strict = False,
    int8: o.Int8 = False,
    blocks_on_gpu: o.BlocksOnGpu = "auto",
    seed: o.Seed = TransformerOptions.seed,
    steps: o.Steps = TransformerOptions.steps,
    detector: o.DetectorName = TimeOptions.detector,
    cuts: o.Cuts = None,
    window: o.WindowFrames = "auto",
    overlap: o.OverlapLatents = TimeOptions.overlap,
    tiling: o.TilingMode = TileOptions.tiling,
    encode_tile_size: o.EncodeTileSize = None,
    encode_tile_overlap: o.EncodeTileOverlap = None,
    decode_tile_size: o.DecodeTileSize = None,
    decode_tile_overlap: o.DecodeTileOverlap = None,
    memory_budget: o.MemoryBudget = None,
    host_budget: o.HostBudget = None,
    cache_folder: o.CacheFolder = None,
    int8_cache: o.Int8Cache = False,
    plan: o.PlanOnly = False,
    codec: o.CodecName = None,
    crf: o.Crf = UpscaleOptions.crf,
    pad_even: o.PadEven = False,
    compare: o.Compare = None,
    overwrite: o.Overwrite = False,
    start: o.Start = None,
    end: o.End = None,
    frames: o.Frames = None,
    deinterlace: o.Deinterlace = None,
    on_error: o.OnErrorWord = InputOptions.on_error,
    rate: o.Rate = None,
    raw_input: o.RawInput = None,
    preset: o.Preset = None,
    pix_fmt: o.PixFmt = None,
    encoder_args: o.EncoderArgs = None,
    pipe: o.PipeForm = OutputOptions.pipe,
    work_dir: o.WorkDir = None,
    restart: o.Restart = False,
    on_full: o.OnFullDisk = WorkOptions.on_full,
    until: o.Until = None,
    preview: o.Preview = False,
    workers: o.WorkersOf = None,
    worker_threads: o.WorkerThreads = Workers.threads,
    json_report: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> int:
    """Restore videos or images at a larger size."""
    if json_report and output == Path("-"):
        raise UsageError("stdout is for the pictures", where="--json", do="give -o a file")
    inputs = listed(sources)
    options = UpscaleOptions(
        input=inputs[0],
        output=output,
        model=o.model_options(
            vae,
            models_dir,
            offline,
            config,
            device,
            dtype,
            fp8,
            fp8_force,
            Fp8Options(convs=fp8_convs, verify=verify, min_psnr=min_psnr, strict=strict),
        ),
        memory=o.memory_options(memory_budget, host_budget, cache_folder, int8_cache=int8_cache, plan=plan),
        tiles=o.tile_options(
            tiling, encode_tile_size, encode_tile_overlap, decode_tile_size, decode_tile_overlap
        ),
        target=o.target_given(resolution, scale, max_resolution, allow_downscale),
        pad=pad,
        transformer=TransformerOptions(
            dit=dit,
            seed=seed,
            steps=steps,
            int8=int8,
            blocks=o.count_given("--blocks-on-gpu", blocks_on_gpu),
        ),
        time=TimeOptions(
            detector=detector,
            cuts=cuts,
            window=o.count_given("--window", window),
            overlap=overlap,
        ),
        color=ColorOptions(method=color, strength=Strength.parse(strength)),
        work=WorkOptions(folder=work_dir, restart=restart, on_full=on_full),
        until=parse_time(until, where="--until") if until else None,
        preview=preview,
        codec=codec,
        crf=crf,
        pad_even=pad_even,
        compare=compare,
        overwrite=overwrite,
        reading=o.input_options(start, end, frames, deinterlace, on_error, rate, raw_input),
        writing=o.output_options(preset, pix_fmt, encoder_args, pipe),
    )
    crew = None if workers is None else Workers.parse(workers, worker_threads)
    stop = Stop()
    with (
        ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter,
        stops_at_units(stop, reporter),
    ):
        one = _job(crew, stop, verbose=verbose)
        if len(inputs) > 1:
            from seedvr2_cli.pipeline.upscale_queue import upscale_queue

            report, failed = upscale_queue(inputs, options, reporter, one)
        else:
            report, failed = one(options, reporter), None
    if json_report:
        print_json(report, failed)
    elif len(inputs) > 1 and not quiet:
        show_queue(report.facts["files"], sys.stdout)
    return end_with(failed)


def _job(workers: Workers | None, stop: Stop, *, verbose: bool) -> Job:
    """What does one input: this process, or workers."""
    if workers is None:
        from seedvr2_cli.pipeline.upscale import upscale

        return partial(upscale, stop=stop)
    from seedvr2_cli.cluster.session import check_ray

    check_ray()  # before torch is loaded
    from seedvr2_cli.cluster.upscale import Ways, upscale_on_workers

    return partial(upscale_on_workers, workers=workers, ways=Ways(verbose=verbose, stop=stop))
