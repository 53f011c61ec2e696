"""The folders in which a name of weights is looked for."""

import os
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "SEEDVR2_MODELS"
# where ComfyUI keeps models, seen from its own folder and from its folder of models
_COMFY = ("SEEDVR2", "vae", "diffusion_models", "unet", "checkpoints")
_INSIDE = ("", *_COMFY, *(f"models/{name}" for name in _COMFY))


@dataclass(frozen=True, kw_only=True)
class FindOptions:
    """Where a name is looked for. folders: before all others. offline: never ask the Hub."""

    folders: tuple[Path, ...] = ()
    offline: bool = False


def search_folders(options: FindOptions) -> tuple[Path, ...]:
    """The folders looked through, in order: those given, those of SEEDVR2_MODELS, ComfyUI's folders inside
    them, and the current one."""
    given = [*options.folders, *(Path(p) for p in os.environ.get(VARIABLE, "").split(os.pathsep) if p)]
    inside = [folder / part for folder in given for part in _INSIDE]
    return tuple(dict.fromkeys(folder for folder in (*inside, Path()) if folder.is_dir()))
