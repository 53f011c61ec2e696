"""`demo`: the whole way without downloads, on a made clip, with random weights, and saying so."""

from fractions import Fraction
from pathlib import Path

from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.base.files import output_error, refuse_existing, whole_file
from seedvr2_cli.media.ffmpeg import describe, find_ffmpeg
from seedvr2_cli.media.made_clip import make_clip
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.options import DecodeOptions, ModelOptions
from seedvr2_cli.pipeline.recipe_file import write_recipe
from seedvr2_cli.pipeline.report import RunReport
from seedvr2_cli.vae.config import VAEConfig

SIZE, RATE, FRAMES = (320, 176), Fraction(24), 25
CONFIG = VAEConfig(block_out_channels=(16, 32, 64, 64), norm_num_groups=8)  # SeedVR2's form, 1/64 of its work


def demo(folder: Path, device: str, reporter: Reporter, *, overwrite: bool) -> RunReport:
    """Make weights and a clip in folder and decode the clip. Raises what `decode` raises, and OutputError."""
    weights, clip, result = (folder / name for name in ("random_vae.gguf", "clip.mp4", "clip.decoded.mp4"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    refuse_existing(result, overwrite=overwrite)
    with whole_file(weights, overwrite=True) as temporary:
        write_recipe(temporary, CONFIG, "F16", seed=1)
    with whole_file(clip, overwrite=True) as temporary:
        make_clip(describe(find_ffmpeg()), temporary, SIZE, RATE, FRAMES)
    say = reporter.emit
    say(Line("Demo", f"Made {clip} and {weights}"))
    say(
        Line(
            "Demo",
            "The weights are RANDOM: this shows that all parts work, not a picture",
            level=Level.WARNING,
        )
    )
    report = decode(
        DecodeOptions(
            input=clip, output=result, model=ModelOptions(vae=weights, device=device), overwrite=overwrite
        ),
        reporter,
    )
    say(
        Line(
            "Demo", "Next, with the published weights: seedvr2 decode YOUR.mp4 --vae ema_vae_fp16.safetensors"
        )
    )
    return report
