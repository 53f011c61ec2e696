"""`inspect` on a video or picture: all that the probe knows, and on request every frame's time."""

from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.media.info import MediaInfo, OtherStream, VideoStream
from seedvr2_cli.media.probe import probe
from seedvr2_cli.media.reader import FrameReader, Reading
from seedvr2_cli.media.yuv import real_color
from seedvr2_cli.pipeline.report import RunReport


def inspect_media(path: Path, *, every: bool) -> RunReport:
    """Look at a file; every: decode all of it, count its frames and tell their times. Raises MediaError."""
    ffmpeg = describe(find_ffmpeg())
    info = probe(path, ffmpeg)
    facts = _facts(info)
    if every:
        with FrameReader(info, ffmpeg, Reading(keep=True)) as reader:
            times = [frame.time for frame in reader]
        facts["decoded"] = {"frames": len(times), "times": [str(time) for time in times]}
        facts["complaints"] = list(reader.complaints)
    return RunReport(
        command="inspect",
        input={"path": str(path), "bytes": info.size_bytes},
        settings={"every": every},
        device={},
        plan={},
        facts=facts,
    )


def _facts(info: MediaInfo) -> dict[str, Any]:
    return {
        "kind": "image" if info.still else "video",
        "container": info.container,
        "duration_s": _number(info.duration),
        "start_s": _number(info.start),
        "missing_bytes": info.missing_bytes,
        "video": _video(info.video) | {"color_taken_as": asdict(real_color(info))},
        "streams": [_other(stream) for stream in info.others],
        "chapters": [
            {"start_s": _number(c.start), "end_s": _number(c.end), "title": c.title} for c in info.chapters
        ],
        "metadata": dict(info.tags),
    }


def _video(video: VideoStream) -> dict[str, Any]:
    facts = asdict(video)
    for key in ("rate", "tick", "sar"):
        facts[key] = str(facts[key])
    for key in ("start", "duration"):
        facts[f"{key}_s"] = _number(facts.pop(key))
    mastering = video.hdr.mastering
    facts["hdr"] = {
        "mastering": {key: _plain(value) for key, value in asdict(mastering).items()} if mastering else None,
        "light": list(video.hdr.light) if video.hdr.light else None,
    }
    return facts


def _other(stream: OtherStream) -> dict[str, Any]:
    facts = asdict(stream)
    facts["start_s"] = _number(facts.pop("start"))
    return facts


def _plain(value: Fraction | tuple[Fraction, ...]) -> Any:
    return [float(part) for part in value] if isinstance(value, tuple) else float(value)


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
