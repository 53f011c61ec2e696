"""What a clip leaves behind for its next frames: the slots of its causal convs, and where they come from."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from seedvr2_cli.vae.engine.buffers import Buffers, Form, Scratch, Tally
from seedvr2_cli.vae.engine.past import Home, InMemory, Past

Held = tuple[Tensor, ...]


@dataclass(frozen=True)
class _Entry:
    form: Form
    held: Held
    seen: int


class ClipMemory:
    """The state of one clip between two calls, owned by the caller and used up by the next call.

    A conv's slots are exchanged, never moved: the oldest becomes the buffer of the newest. folder: where
    slots live in files, which have no name and go when they are no longer held.
    """

    def __init__(self, device: torch.device, *, folder: Path | None = None) -> None:
        self.begun = False
        self.tally = Tally()
        in_files = Tally() if folder else self.tally
        self.buffers = Buffers(device, self.tally)
        self.slots = Buffers(device, in_files, folder=folder)
        self.scratch = Scratch(device, self.tally)
        self.scales: dict[int, float] = {}  # of the codes in a conv's slots, where a clip settles them
        self._entries: dict[int, _Entry] = {}
        self._pasts: dict[int, Past] = {}

    def past(self, conv: int) -> Past:
        """What a wide conv remembers; it is empty at a clip's start."""
        return self._pasts.setdefault(conv, Past(self._home))

    def _home(self, form: Form) -> Home:
        return InMemory(form, self.slots)

    def recall(self, conv: int) -> Held:
        """The slots that a conv holds, the oldest first; none at a clip's start.

        After a clip's first frame a conv that looks two frames back holds one slot, which stands for both.
        """
        entry = self._entries.get(conv)
        return entry.held if entry else ()

    def seen(self, conv: int) -> int:
        """How many frames the conv has seen."""
        entry = self._entries.get(conv)
        return entry.seen if entry else 0

    def keep(self, conv: int, form: Form, held: Held, seen: int) -> None:
        """Hold these slots; those held before and not now go back to the buffers. seen: frames in all."""
        self.forget(conv, but=held)
        self._entries[conv] = _Entry(form, held, seen)

    def forget(self, conv: int, *, but: Held = ()) -> None:
        """Give a conv's slots back."""
        entry = self._entries.pop(conv, None)
        if entry is None:
            return
        for slot in entry.held:
            if all(slot is not kept for kept in but):
                self.slots.give(slot)

    @property
    def nbytes(self) -> int:
        """Bytes that what is remembered takes."""
        slots = sum(slot.nbytes for entry in self._entries.values() for slot in entry.held)
        return slots + sum(home.nbytes for past in self._pasts.values() for home in past.frames)
