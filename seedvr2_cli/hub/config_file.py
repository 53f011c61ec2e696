"""A config given as a file, a folder, or a Hub repository, as the file that holds it."""

import os
import re
from pathlib import Path

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.hub.network import is_reachable

CONFIG_NAME = "config.json"
_WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPOSITORY = re.compile(rf"({_WORD}/{_WORD})((?:/{_WORD}){{0,8}})", re.ASCII)


class HubOffline(WeightsError):
    """The Hub cannot be reached, and the file is not in the cache."""


def find_config(name: str | os.PathLike[str]) -> Path:
    """The file that a `--config` names: a file, a folder with a config.json, or owner/name[/subfolder] on the
    Hub.

    Raises WeightsError where there is none, HubOffline where only the network is missing.
    """
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir():
        if (path / CONFIG_NAME).is_file():
            return path / CONFIG_NAME
        raise WeightsError(f"no {CONFIG_NAME} in this folder", where=path, do="give the JSON file itself")
    match = _REPOSITORY.fullmatch(os.fspath(name))
    if match is None or path.suffix == ".json":
        raise WeightsError(
            "no such file", where=path, do="give a JSON file or a Hub repository as owner/name"
        )
    return _fetch(match[1], match[2].strip("/"))


def _fetch(repository: str, folder: str) -> Path:
    from huggingface_hub import constants, hf_hub_download  # 0.4 s of CPU: only where a Hub name was given
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    where = f"{repository}/{folder}" if folder else repository
    cached_only = not is_reachable(constants.ENDPOINT)
    try:
        return Path(
            hf_hub_download(repository, CONFIG_NAME, subfolder=folder or None, local_files_only=cached_only)
        )
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise HubOffline("the Hub cannot be reached, and it is not in the cache", where=where) from error
    except GatedRepoError as error:
        raise WeightsError(
            "the repository is gated", where=where, do="log in with `hf auth login`"
        ) from error
    except RepositoryNotFoundError as error:
        raise WeightsError("no such file or Hub repository", where=where, do="check the name") from error
    except EntryNotFoundError as error:
        what = f"the repository holds no {CONFIG_NAME} there"
        raise WeightsError(what, where=where, do="name its folder: owner/name/vae") from error
    except HFValidationError as error:
        raise WeightsError("no valid repository name", where=where, do="write owner/name") from error
    except (HfHubHTTPError, OSError) as error:
        raise WeightsError(f"the Hub refused it ({error})", where=where, do="try again later") from error
