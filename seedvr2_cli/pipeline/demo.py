"""`demo`: a shot of a free film through the embedded model, and what became of them. No network."""

import shutil
from dataclasses import replace
from pathlib import Path

from seedvr2_cli.base.events import Line, Reporter
from seedvr2_cli.base.files import output_error, refuse_existing, whole_file
from seedvr2_cli.base.units import say_psnr
from seedvr2_cli.hub.find import NANO_VAE
from seedvr2_cli.pipeline.compare import compare
from seedvr2_cli.pipeline.decode import decode
from seedvr2_cli.pipeline.options import CompareOptions, DecodeOptions, ModelOptions
from seedvr2_cli.pipeline.report import RunReport

CLIP = Path(__file__).parents[1] / "assets" / "demo.mp4"
CREDIT = "Big Buck Bunny, (c) 2008 Blender Foundation, www.bigbuckbunny.org, CC BY 3.0"


def demo(folder: Path, device: str, reporter: Reporter, *, overwrite: bool) -> RunReport:
    """Put a clip into folder, decode it with `nano`, and lay both side by side in a picture.

    Raises what `decode` and `compare` raise, and OutputError.
    """
    clip, result, picture = (folder / f"clip{end}" for end in (".mp4", ".decoded.mp4", ".before_after.png"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error
    for path in (result, picture):
        refuse_existing(path, overwrite=overwrite)
    with whole_file(clip, overwrite=True) as temporary:
        try:
            shutil.copyfile(CLIP, temporary)
        except OSError as error:
            raise output_error(clip, error) from error
    say = reporter.emit
    say(Line("Demo", f"{clip}: from {CREDIT}"))
    model = ModelOptions(vae=NANO_VAE, device=device)
    report = decode(DecodeOptions(input=clip, output=result, model=model, overwrite=overwrite), reporter)
    seen = compare(CompareOptions(a=clip, b=result, output=picture, overwrite=overwrite), reporter)
    grade = f"{say_psnr(seen.facts['psnr_db'])}, SSIM {seen.facts['ssim']:.3f}"
    say(Line("Demo", f"Before and after: {picture} ({grade} to the clip, with a model of 6 MB)", ok=True))
    say(Line("Demo", "Next: seedvr2 decode YOUR.mp4 --vae nano"))
    say(Line("Demo", "With SeedVR2's own VAE, fetched once (478 MiB): seedvr2 decode YOUR.mp4"))
    return replace(report, outputs=(*report.outputs, *seen.outputs), facts=seen.facts)
