"""`verify`: what FP8 makes of a clip's first slice, in numbers and as a picture, and which convs do it."""

import math
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seedvr2_cli.base.choices import Dtype
from seedvr2_cli.base.device import Device
from seedvr2_cli.base.errors import CheckFailed
from seedvr2_cli.base.events import Line, Progress, Reporter, Silent
from seedvr2_cli.base.files import check_output
from seedvr2_cli.base.units import say_psnr
from seedvr2_cli.compare.sheet import Cells, cells, contact_sheet, gain_for
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.ops.fp8 import answer_fp8
from seedvr2_cli.ops.probe import choose_dtype, probe_device
from seedvr2_cli.pipeline.agreement import agreement, pictures, psnr_of
from seedvr2_cli.pipeline.clock import StageClock
from seedvr2_cli.pipeline.frames import Clip
from seedvr2_cli.pipeline.media_options import InputOptions
from seedvr2_cli.pipeline.model import ENGINE, device_facts, load_vae_on
from seedvr2_cli.pipeline.options import VerifyOptions, as_settings
from seedvr2_cli.pipeline.png import write_png
from seedvr2_cli.pipeline.recorder import Recorder
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.pipeline.sources import MediaSource
from seedvr2_cli.vae.eight_bits import choose_convs
from seedvr2_cli.vae.vae import VideoVAE
from seedvr2_cli.vae.work import conv_works

HALVES = ("encoder", "decoder")
CROP = 96  # pixels: the longest side of what is shown round the worst place

Load = Callable[[Dtype, str | None], VideoVAE]  # the convs that are in FP8, None for none


@dataclass(frozen=True)
class _Slice:
    """The clip's first frames, what 16 bits make of them, and the two halves' outputs in 16 bits."""

    frames: Tensor
    latents: Tensor
    decoded: Tensor
    plain: VideoVAE


def verify(options: VerifyOptions, listener: Reporter) -> RunReport:
    """Run the command. FP8 is emulated where the device has no such units.

    Whether the numbers suffice for --min-psnr is `too_far`'s to say. Raises the errors of `base.errors`.
    """
    reporter, clock = Recorder(listener), StageClock()
    ffmpeg = describe(find_ffmpeg())
    source = MediaSource(options.input, ffmpeg, InputOptions(start=options.start))
    reporter.emit(Line("Input", source.line))
    picture = options.output or options.input.with_name(f"{options.input.stem}.verify.png")
    check_output(picture, options.input, overwrite=options.overwrite)
    device = probe_device(options.model.device)
    load, dtype = _loader(device, options, reporter), _in_16_bits(device, options.model.dtype)
    with clock.stage("16 bits"):
        first = _first_slice(source, load(dtype, None))
    with clock.stage("FP8"):
        quantised = load(dtype, options.model.eight.convs)
        latents = quantised.encode(first.frames).mean
        decoded = quantised.decode(first.latents)
    results = {
        "encoder": agreement(first.decoded, first.plain.decode(latents)),
        "decoder": agreement(first.decoded, decoded),
        "both": agreement(first.decoded, quantised.decode(latents)),
    }
    sheet = _sheet(first.decoded, decoded, results["decoder"].place, str(first.plain.dtype)[6:])
    write_png(picture, sheet, source.info, ffmpeg, overwrite=options.overwrite)
    facts: dict[str, Any] = {"frames": first.frames.shape[2]}
    facts["halves"] = {
        name: asdict(result) | {"psnr": _finite(result.psnr)} for name, result in results.items()
    }
    if options.layers:
        facts["layers"] = _layers(options, source, load, reporter)
    reporter.emit(Line("Output", f"{picture}: the worst place of decoding", ok=True))
    return RunReport(
        command="verify",
        input=source.facts,
        settings=as_settings(options),
        device=device_facts(device),
        plan={},
        stages=clock.stages,
        warnings=reporter.warnings,
        outputs=(str(picture),),
        facts=facts,
    )


def too_far(options: VerifyOptions, report: RunReport) -> CheckFailed | None:
    """The error that --min-psnr asks for, None where decoding and encoding are close enough."""
    limit = options.model.eight.min_psnr
    for half in HALVES:
        psnr = report.facts["halves"][half]["psnr"]
        if psnr is not None and psnr < limit:
            what = f"{half}: {say_psnr(psnr)} against 16 bits is below {say_psnr(limit)}"
            return CheckFailed(what, where="--min-psnr", do="choose fewer --fp8-convs")
    return None


def _loader(device: Device, options: VerifyOptions, reporter: Reporter) -> Load:
    """Loads the VAE again and again; the first of each kind says so."""
    gate = answer_fp8(device, choose_dtype(device, options.model.dtype)[0], force=True)
    said: set[bool] = set()

    def load(dtype: Dtype, convs: str | None) -> VideoVAE:
        model, in_fp8 = replace(options.model, dtype=dtype), convs is not None
        if convs is not None:
            model = replace(model, eight=replace(model.eight, convs=convs))
        listener = Silent() if in_fp8 in said else reporter
        said.add(in_fp8)
        if in_fp8:
            listener.emit(Line(ENGINE, gate.line))
        return load_vae_on(device, gate if in_fp8 else None, model, listener)[0]

    return load


def _in_16_bits(device: Device, wanted: Dtype) -> Dtype:
    """What a probe finds fastest may be float32, which is no measure for FP8's gain."""
    return Dtype.BFLOAT16 if wanted is Dtype.AUTO and "bfloat16" in device.dtypes else wanted


def _first_slice(source: MediaSource, plain: VideoVAE) -> _Slice:
    config = plain.config
    with ExitStack() as owned:
        clip = Clip(source.read(owned), config.temporal_factor, config.spatial_factor)
        taken = list(islice(clip.tensors(), 1 + config.temporal_factor))
    count = 1 + (len(taken) - 1) // config.temporal_factor * config.temporal_factor
    frames = torch.cat(taken[:count], 2)
    latents = plain.encode(frames).mean
    return _Slice(frames, latents, plain.decode(latents), plain)


def _sheet(plain: Tensor, other: Tensor, place: tuple[int, int, int], dtype: str) -> np.ndarray[Any, Any]:
    """The frame with the largest error, and what lies round that."""
    at, y, x = place
    a, b = pictures(plain)[at], pictures(other)[at]
    rms = float((a.astype(np.float32) - b.astype(np.float32)).std()) / 255
    gain = gain_for(rms)
    height, width, _ = a.shape
    part = _round(y, height, max(1, CROP * height // max(height, width))), _round(x, width, CROP)
    whole = cells(f"frame {at}: {say_psnr(_finite(psnr_of(plain, other)))} in all", a, b, gain)
    near = cells(f"x {x}, y {y}", a[part], b[part], gain)
    return contact_sheet([whole, _as_wide(near, whole)], (dtype, "FP8", f"difference x{gain}"))


def _round(place: int, size: int, wanted: int) -> slice:
    """`wanted` of `size` places round one, or all there are."""
    first = max(0, min(place - wanted // 2, size - wanted))
    return slice(first, min(size, first + wanted))


def _as_wide(small: Cells, large: Cells) -> Cells:
    """A row's pictures on the ground of a row of larger ones."""
    height, width, _ = large.pictures[0].shape
    grounds = []
    for picture in small.pictures:
        ground = np.zeros((height, width, 3), np.uint8)
        part = picture[:height, :width]
        ground[: part.shape[0], : part.shape[1]] = part
        grounds.append(ground)
    return Cells(small.label, (grounds[0], grounds[1], grounds[2]))


def _layers(
    options: VerifyOptions, source: MediaSource, load: Load, reporter: Reporter
) -> list[dict[str, Any]]:
    """Each chosen conv alone in FP8: its dB, and its part of the work and squared error of its half's.

    All else is in float32: 16 bits err as much as one conv in FP8 does.
    """
    first = _first_slice(source, load(Dtype.FLOAT32, None))
    config = first.plain.config
    chosen = choose_convs(config, options.model.eight.convs)
    works = [work for work in conv_works(config) if work.name in chosen]
    errors = {}
    for k, work in enumerate(works):
        vae = load(Dtype.FLOAT32, work.name)
        if work.half == "decoder":
            decoded = vae.decode(first.latents)
        else:
            decoded = first.plain.decode(vae.encode(first.frames).mean)
        errors[work.name] = 10 ** (-psnr_of(first.decoded, decoded) / 10)
        reporter.emit(Progress("Layers", k + 1, len(works)))
    total = {half: sum(errors[w.name] for w in works if w.half == half) for half in HALVES}
    mflop = {half: sum(w.mflop for w in works if w.half == half) for half in HALVES}
    rows = [
        {
            "name": work.name,
            "psnr": -10 * math.log10(errors[work.name]) if errors[work.name] else None,
            "error": errors[work.name] / total[work.half] if total[work.half] else 0.0,
            "work": work.mflop / mflop[work.half],
        }
        for work in works
    ]
    return sorted(rows, key=lambda row: row["error"], reverse=True)


def _finite(decibels: float) -> float | None:
    return decibels if math.isfinite(decibels) else None
