"""The decisions of a run as its work folder keeps them. No torch."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from seedvr2_cli.plan.shots import shots_of
from seedvr2_cli.plan.windows import TimePlan
from seedvr2_cli.vae.engine.way import Way


def plan_note(times: TimePlan, way: Way | None, segment: int) -> dict[str, Any]:
    """The plan of a run, whose choices depend on the memory that was free. segment: latents of one."""
    return {
        "shots": [shot.first for shot in times.shots],
        "frames": times.shots[-1].stop,
        "limit": times.limit,
        "share": times.share,
        "segment": segment,
        "way": None if way is None else asdict(way) | {"cache_folder": None},
    }


def noted_times(note: dict[str, Any]) -> TimePlan:
    """The windows of a note."""
    return TimePlan(shots_of(note["shots"][1:], note["frames"]), note["limit"], note["share"])


def noted_way(note: dict[str, Any], cache_folder: Path | None) -> Way | None:
    """The VAE's way of a note; where files hold its memory is chosen anew."""
    if note.get("way") is None:
        return None
    return Way(**note["way"] | {"cache_folder": cache_folder})
