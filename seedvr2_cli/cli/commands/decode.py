"""`seedvr2 decode INPUT`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedvr2_cli.base.errors import UsageError
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.cli import options as o
from seedvr2_cli.cli.finish import print_json
from seedvr2_cli.cli.interrupts import stops_at_units
from seedvr2_cli.console.reporter import ConsoleReporter
from seedvr2_cli.pipeline.media_options import InputOptions, OutputOptions
from seedvr2_cli.pipeline.options import DecodeOptions, Fp8Options, ModelOptions, TileOptions, WorkOptions

NAME = "decode"


def run(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="A video, an image, or a latent file.", show_default=False)
    ],
    vae: o.Vae = None,
    output: o.Output = None,
    models_dir: o.ModelsDir = None,
    offline: o.Offline = False,
    config: o.Config = None,
    device: o.DeviceName = ModelOptions.device,
    dtype: o.DtypeName = ModelOptions.dtype,
    fp8: o.Fp8 = False,
    fp8_force: o.Fp8Force = False,
    int8: o.Int8Convs = False,
    fp8_convs: o.Fp8Convs = Fp8Options.convs,
    verify: o.VerifyFirst = False,
    min_psnr: o.MinPsnr = Fp8Options.min_psnr,
    strict: o.Strict = False,
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
    crf: o.Crf = DecodeOptions.crf,
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
    json_report: o.Json = False,
    quiet: o.Quiet = False,
    verbose: o.Verbose = False,
) -> None:
    """Send a video or image through the VAE and back, or turn a latent file into frames."""
    if json_report and output == Path("-"):
        raise UsageError("stdout is for the pictures", where="--json", do="give -o a file")
    options = DecodeOptions(
        input=source,
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
            int8,
        ),
        memory=o.memory_options(memory_budget, host_budget, cache_folder, int8_cache=int8_cache, plan=plan),
        tiles=o.tile_options(
            tiling, encode_tile_size, encode_tile_overlap, decode_tile_size, decode_tile_overlap
        ),
        codec=codec,
        crf=crf,
        pad_even=pad_even,
        compare=compare,
        overwrite=overwrite,
        reading=o.input_options(start, end, frames, deinterlace, on_error, rate, raw_input),
        work=WorkOptions(folder=work_dir, restart=restart, on_full=on_full),
        writing=o.output_options(preset, pix_fmt, encoder_args, pipe),
    )
    stop = Stop()
    with (
        ConsoleReporter(sys.stderr, quiet=quiet, verbose=verbose) as reporter,
        stops_at_units(stop, reporter),
    ):
        from seedvr2_cli.pipeline.decode import decode

        report = decode(options, reporter, stop=stop)
    if json_report:
        print_json(report)
