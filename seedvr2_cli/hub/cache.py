"""Where the Hub's files are kept on this machine."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """The folder that huggingface_hub uses, with its environment variables respected."""
    from huggingface_hub import constants  # slow to import, and needed by few commands

    return Path(constants.HF_HUB_CACHE)


def is_writable(folder: Path) -> bool:
    """Whether files can be put there; of a folder yet to be made, whether it can be made."""
    there = next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
    return there.is_dir() and os.access(there, os.W_OK)
