"""A media file as reports and lines show it. No torch."""

from dataclasses import asdict
from typing import Any

from seedvr2_cli.base.units import say_number
from seedvr2_cli.media.info import MediaInfo


def media_facts(info: MediaInfo) -> dict[str, Any]:
    """A media file as the report shows it."""
    video = info.video
    return {
        "path": str(info.path),
        "kind": "image" if info.still else "video",
        "container": info.container,
        "bytes": info.size_bytes,
        "codec": video.codec,
        "width": video.width,
        "height": video.height,
        "rate": str(video.rate) if video.rate else None,
        "variable_rate": video.variable_rate,
        "frames": video.frames,
        "pix_fmt": video.pix_fmt,
        "color": asdict(video.color),
        "audio": [stream.codec for stream in info.others if stream.kind == "audio"],
    }


def say_video(info: MediaInfo) -> str:
    """The film or picture of a file in words: `212x120, h264 yuv420p, 24.0 fps, 72 frames`."""
    video = info.video
    parts = [f"{video.width}x{video.height}", f"{video.codec} {video.pix_fmt}"]
    if not info.still:
        parts.append(f"{say_number(float(video.rate))} fps")
        parts += [f"{video.frames} frames"] if video.frames else []
    sounds = [stream.codec for stream in info.others if stream.kind == "audio"]
    return ", ".join([*parts, *([f"sound {'+'.join(sounds)}"] if sounds else [])])
