"""A name or a path becomes a file on this machine.

A file that exists is taken as it is. A name is looked for in the folders given, in those of SEEDVR2_MODELS,
in the current folder, in the Hub's cache, and then on the Hub.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from seedvr2_cli.base.errors import WeightsError
from seedvr2_cli.base.events import Level, Line, Reporter
from seedvr2_cli.base.units import say_bytes
from seedvr2_cli.hub.cache import cache_folder
from seedvr2_cli.hub.config_file import HubOffline
from seedvr2_cli.hub.download import download
from seedvr2_cli.hub.known import KNOWN, KnownFile, Table, Variant
from seedvr2_cli.hub.lookup import DEFAULT_VAE, NANO, lookup, not_known
from seedvr2_cli.hub.places import FindOptions, search_folders

SUFFIXES = (".safetensors", ".gguf", ".pth", ".sft", ".pt", ".ckpt")
NANO_VAE, NANO_DIT = (Path(__file__).parents[1] / "assets" / f"nano_{kind}.gguf" for kind in ("vae", "dit"))
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def resolve(
    name: str | os.PathLike[str] | None,
    variants: Sequence[Variant],
    options: FindOptions,
    reporter: Reporter,
    table: Table = KNOWN,
) -> Path:
    """The file that `--vae` or `--dit` names, downloaded if need be; None: the published VAE.

    variants: what it may be. Raises WeightsError and OutputError, one line each.
    """
    wanted = DEFAULT_VAE if name is None else os.fspath(name)
    path = find_local(wanted, variants, options, reporter, table)
    if path is not None:
        return path
    known = lookup(wanted, variants, table)
    if known is None:
        raise not_known(wanted, variants, table)
    if known.problem:
        reporter.emit(Line("Models", f"{known.name}: {known.problem}", level=Level.WARNING))
    try:
        if options.offline:
            raise HubOffline("is not on this machine, and --offline was given", where=known.name)
        return download(known, reporter)
    except HubOffline as error:
        raise _not_to_be_had(error, known, chosen=name is not None) from error


def find_local(
    name: str,
    variants: Sequence[Variant],
    options: FindOptions,
    reporter: Reporter,
    table: Table = KNOWN,
) -> Path | None:
    """The file of this name on this machine; asks no network. A path comes back as it is."""
    if Path(name).exists() or Path(name).name != name:
        return Path(name)
    if name == NANO:
        return _embedded(variants)
    known = lookup(name, variants, table)
    found = next(_in_folders(name, known, search_folders(options)), None)
    if found is None and known is not None:
        found = find_cached(known)
    if found is not None and known is not None and found.stem.lower() == known.stem.lower():
        _tell(known, found, reporter)
    return found


def find_cached(file: KnownFile) -> Path | None:
    """The known file in the Hub's cache, whoever fetched it; another version of it does not count."""
    for place in file.places:
        for path in _snapshots(place.repo, place.path):
            blob = path.resolve().name  # the cache names what is in it by its SHA-256
            if file.sha256 is None or not _SHA256.fullmatch(blob) or blob == file.sha256:
                return path
    return None


def weight_files(options: FindOptions, table: Table = KNOWN) -> Iterator[Path]:
    """Every file in the search folders, and every known one in the Hub's cache, that may hold weights."""
    seen: set[Path] = set()
    for folder in search_folders(options):
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in SUFFIXES and path.is_file() and path.resolve() not in seen:
                seen.add(path.resolve())
                yield path
    for path in filter(None, map(find_cached, table)):
        if path.resolve() not in seen:
            seen.add(path.resolve())
            yield path


def embedded_files() -> tuple[Path, ...]:
    """The models that travel with the program; their name is `nano`."""
    return tuple(path for path in (NANO_VAE, NANO_DIT) if path.is_file())


def _snapshots(repo: str, path: str) -> Iterator[Path]:
    """The copies of a file in the cache, the newest snapshot first."""
    folder = cache_folder() / f"models--{repo.replace('/', '--')}" / "snapshots"
    if folder.is_dir():
        newest = sorted(folder.iterdir(), key=lambda snapshot: snapshot.stat().st_mtime, reverse=True)
        yield from (snapshot / path for snapshot in newest if (snapshot / path).is_file())


def _in_folders(name: str, known: KnownFile | None, folders: Sequence[Path]) -> Iterator[Path]:
    """The known file's own name first, then the name itself, then with the suffixes of weight files."""
    names = [known.name] if known else []
    names += [name, *(f"{name}{suffix}" for suffix in SUFFIXES)]
    yield from (folder / n for folder in folders for n in names if (folder / n).is_file())


def _embedded(variants: Sequence[Variant]) -> Path:
    """The model that travels with the program."""
    path = NANO_VAE if Variant.VAE in variants else NANO_DIT
    if not path.is_file():
        what = "a VAE alone is embedded, no transformer"
        raise WeightsError(what, where=NANO, do="give a file or a name that seedvr2 models list shows")
    return path


def _tell(known: KnownFile, found: Path, reporter: Reporter) -> None:
    """Say which model it is, and where a file of that name cannot be the known one."""
    try:
        held = found.stat().st_size
    except OSError:
        return
    if found.name.lower() == known.name.lower() and known.nbytes not in (None, held):
        size = say_bytes(known.nbytes or 0)
        text = f"{found} has {held:,} bytes, the known file of this name {size}: taken as it is"
        reporter.emit(Line("Models", text, level=Level.WARNING))
    else:
        reporter.emit(Line("Models", f"{found.name}: {known.text}", level=Level.DETAIL))


def _not_to_be_had(error: HubOffline, known: KnownFile, *, chosen: bool) -> WeightsError:
    """Why a file is not here, and the ways out."""
    ways = "where there is a network, or give a file" if chosen else f"give --vae FILE, or try --vae {NANO}"
    do = error.do or f"run seedvr2 models download {known.stem}{' ' if chosen else ', '}{ways}"
    return HubOffline(error.what, where=error.where, do=do)
