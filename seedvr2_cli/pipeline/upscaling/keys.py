"""The names of the units of a run in its work folder."""

from seedvr2_cli.plan.shots import Shot

PLAN = "plan"  # of the note that holds the decisions
# in the note of finished frames: the CRC-32 of each picture they were made of, if another process read it
SOURCE = "source"


def latents_key(shot: Shot) -> str:
    """Of a shot's encoded latents."""
    return f"f{shot.first}-{shot.stop}.latents"


def frames_key(shot: Shot) -> str:
    """Of a shot's finished frames."""
    return f"f{shot.first}-{shot.stop}.frames"
