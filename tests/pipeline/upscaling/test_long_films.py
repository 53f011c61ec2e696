"""Memory does not grow with the length of a film that is kept."""

import subprocess
from pathlib import Path

import pytest

from seedvr2_cli.base.events import Progress
from seedvr2_cli.pipeline.options import Target, TimeOptions
from seedvr2_cli.pipeline.upscale import upscale
from tests.pipeline.upscaling.test_resume import Restorer, job

FRAMES, SHOT, EVERY = 100_000, 2000, 10_000
MORE = 60  # bytes for each frame: its CRC-32 in the list of what is done


class Memory:
    """Looks at RssAnon every so many frames."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def emit(self, event) -> None:
        if isinstance(event, Progress) and event.stage == "Decode" and event.done // EVERY > len(self.seen):
            (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if "RssAnon" in x)
            self.seen.append(int(line.split()[1]) << 10)


@pytest.mark.slow
def test_memory_is_flat_over_a_hundred_thousand_frames(ffmpeg, tmp_path, monkeypatch):
    film, memory = tmp_path / "film.mkv", Memory()
    source = ["-f", "lavfi", "-i", "testsrc2=size=16x16:rate=24", "-frames:v", str(FRAMES), "-c:v", "ffv1"]
    subprocess.run([ffmpeg.path, "-v", "error", *source, film], check=True, stdin=subprocess.DEVNULL)
    (tmp_path / "cuts.txt").write_text("".join(f"{first}\n" for first in range(SHOT, FRAMES, SHOT)))
    monkeypatch.setattr("seedvr2_cli.pipeline.upscaling.keeping.segment_latents", lambda reach: SHOT // 4)
    time = TimeOptions(cuts=tmp_path / "cuts.txt", window=401, overlap=1)
    upscale(job(film, tmp_path / "out.mkv", target=Target(scale=1), time=time), memory, Restorer())
    assert len(memory.seen) == FRAMES // EVERY
    # the least of three looks: a window at work takes some MiB for a moment
    assert min(memory.seen[-3:]) - min(memory.seen[:3]) < MORE * FRAMES
