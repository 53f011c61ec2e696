"""A clip whose finished frames, or latents, are kept by segments: a run that was ended goes on there."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from torch import Tensor

from seedvr2_cli.base.events import Reporter
from seedvr2_cli.base.stop import Stop
from seedvr2_cli.ledger.work_folder import WorkFolder
from seedvr2_cli.media.reader import Pixels
from seedvr2_cli.pipeline.keeping.folder import say_found
from seedvr2_cli.pipeline.keeping.frames import FrameStore
from seedvr2_cli.pipeline.keeping.latents import LatentStore
from seedvr2_cli.pipeline.pieces import Pieces
from seedvr2_cli.pipeline.sources import Kept
from seedvr2_cli.plan.segments import segment_latents
from seedvr2_cli.vae.engine.plan import Plan
from seedvr2_cli.vae.engine.way import Way
from seedvr2_cli.vae.reach import Reach

PLAN, END = "plan", "end"  # of the notes that hold the decisions, and that all is kept
KEPT_FROM = 2  # segments of a run that keeps what is finished unasked
_AT_ONCE = 8  # latents that are read back


@dataclass(frozen=True)
class Decisions:
    """What a run that goes on takes over. length: of a segment, in latents; way: the VAE's."""

    length: int
    way: Way | None

    @classmethod
    def noted(cls, work: WorkFolder | None, reach: Reach, folder: Path | None) -> "Decisions":
        """Those of a run that kept something, or those of a new one. folder: for causal memory in files."""
        note = work.note(PLAN) if work else {}
        if not note:
            return cls(segment_latents(max(reach.encode, reach.decode)), None)
        way = note["way"]
        return cls(note["segment"], None if way is None else Way(**way | {"cache_folder": folder}))

    def note(self, work: WorkFolder, plan: Plan | None, total: int | None) -> None:
        """Keep them, if that has not been done. total: frames, where they are known."""
        if not work.note(PLAN):
            way = asdict(plan.way) | {"cache_folder": None} if plan else None
            work.add_note(PLAN, {"segment": self.length, "way": way, "total": total})


@dataclass(frozen=True)
class KeptFrames:
    """starts: the frames at which segments begin, the first 0, perhaps without end."""

    store: FrameStore
    starts: Iterator[int]
    stop: Stop
    reporter: Reporter

    def pictures(self, made: Callable[[Kept], Iterator[Pixels]]) -> Iterator[Pixels]:
        """All pictures, (n, H, W, 3). made: gives them, those that are kept first; what comes behind those is
        kept as it passes."""
        work = self.store.work
        spans, keys, count = pairwise(_with_end(self.starts)), list[str](), 0
        span = next(spans, None)
        while span is not None and self.store.has(_key(span[0])):
            keys.append(_key(span[0]))
            count += self.store.count(keys[-1])
            span = next(spans, None)
        say_found(work, f"{count} frames are there" if count else "", self.reporter)
        whole = work.note(END).get("frames") == count > 0
        kept = Kept(count, (pixels for key in keys for pixels in self.store.read(key)), whole)
        pieces = Pieces(made(kept))
        yield from pieces.take(count)
        while span is not None and not pieces.ended:
            key = _key(span[0])
            yield from self.store.keep(key, pieces.take(span[1] - span[0]))
            count += self.store.count(key)
            self.stop.unit_ends()
            span = next(spans, None)
        if not whole:
            work.add_note(END, {"frames": count})


@dataclass(frozen=True)
class KeptLatents:
    """starts: the latents at which segments begin, the first 0, perhaps without end."""

    work: WorkFolder
    starts: Iterator[int]
    stop: Stop
    reporter: Reporter

    def means(self, made: Callable[[int, bool], Iterator[Tensor]]) -> Iterator[Tensor]:
        """All latents, (1, C, t, h, w). made: gives those from a place on, for which it is told how many are
        kept, and whether these are all."""
        store, keys, count = LatentStore(self.work), list[str](), 0
        spans = pairwise(_with_end(self.starts))
        span = next(spans, None)
        while span is not None and store.has(_key(span[0])):
            keys.append(_key(span[0]))
            count += store.count(keys[-1])
            span = next(spans, None)
        say_found(self.work, f"{count} latents are there" if count else "", self.reporter)
        whole = self.work.note(END).get("latents") == count > 0
        for key in keys:
            yield from _read(store, key)
        pieces = Pieces(mean[0].transpose(0, 1) for mean in made(count, whole))
        while span is not None and not pieces.ended:
            key = _key(span[0])
            store.keep(key, pieces.take(span[1] - span[0]))
            count += store.count(key)
            self.stop.unit_ends()
            yield from _read(store, key)
            span = next(spans, None)
        if not whole:
            self.work.add_note(END, {"latents": count})


def worth_keeping(total: int | None, length: int) -> bool:
    """Whether a clip of so many latents is long enough; one of unknown length is."""
    return total is None or total > KEPT_FROM * length


def _key(start: int) -> str:
    return f"u{start}"


def _with_end(starts: Iterator[int]) -> Iterator[int]:
    yield from starts
    yield 1 << 62  # the last segment is as long as what is left


def _read(store: LatentStore, key: str) -> Iterator[Tensor]:
    for start in range(0, store.count(key), _AT_ONCE):
        yield store.read(key, start, start + _AT_ONCE).transpose(0, 1)[None]
