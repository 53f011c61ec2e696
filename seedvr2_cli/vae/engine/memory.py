"""What a clip leaves behind for its next frames: the slots of its causal convs, and where they come from."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from seedvr2_cli.ops.copies import Copies, copies_of
from seedvr2_cli.vae.engine.buffers import Buffers, Form, Scratch, Tally
from seedvr2_cli.vae.engine.parked import Coded, Parked
from seedvr2_cli.vae.engine.past import Home, InMemory, Past
from seedvr2_cli.vae.engine.way import Way

Held = tuple[Tensor, ...]


class Room:
    """Where maps, slots and pieces come from; clips that take turns share one.

    tally, host: of the device's memory and of that beside it. A device with memory of its own has pinned
    host memory beside it; what lies in files is counted by neither. apart: that it has, and copies: to and
    from there; None: found out.
    """

    def __init__(
        self,
        device: torch.device,
        way: Way | None = None,
        *,
        apart: bool | None = None,
        copies: Copies | None = None,
    ) -> None:
        self.way = way = way or Way()
        self.tally, self.host = Tally(), Tally()
        apart = device.type != "cpu" if apart is None else apart
        self.buffers = Buffers(device, self.tally)
        self.scratch = Scratch(device, self.tally)
        in_files = way.cache_folder is not None
        self.slots = self.buffers
        if in_files and not apart:
            self.slots = Buffers(device, Tally(), folder=way.cache_folder)
        beside = device if device.type == "meta" else torch.device("cpu")
        counted = Tally() if in_files else self.host
        self.parked = Buffers(beside, counted, folder=way.cache_folder, pinned=device.type == "cuda")
        self.copies = copies or copies_of(device)

    def home(self, form: Form, number: int) -> Home:
        """A place for a frame that a wide conv remembers. number: as in Parked."""
        if self._coded(form):
            return Coded(form, partial(self._place, number=number), self.scratch, number)
        return self._place(form, number)

    def apart(self, form: Form) -> bool:
        """Whether a home of this form gives copies."""
        return self._coded(form) or self._parked(form)

    def _coded(self, form: Form) -> bool:
        return self.way.codes_memory and form.dtype.itemsize > 1

    def _parked(self, form: Form) -> bool:
        return self.way.parks is not None and form.nbytes >= self.way.parks

    def _place(self, form: Form, number: int) -> Home:
        if self._parked(form):
            return Parked(form, self.parked, self.scratch, self.copies, number)
        return InMemory(form, self.slots)


@dataclass(frozen=True)
class _Entry:
    form: Form
    held: Held
    seen: int


class ClipMemory:
    """The state of one clip between two calls, owned by the caller and used up by the next call.

    A conv's slots are exchanged or written over, never moved.
    """

    def __init__(self, room: Room) -> None:
        self.begun = False
        self.buffers, self.slots, self.scratch = room.buffers, room.slots, room.scratch
        self.scales: dict[int, float] = {}  # of the codes in a conv's slots, where a clip settles them
        self._room = room
        self._entries: dict[int, _Entry] = {}
        self._pasts: dict[int, Past] = {}

    def past(self, conv: int) -> Past:
        """What a wide conv remembers; it is empty at a clip's start."""
        return self._pasts.setdefault(conv, Past(self._room.home))

    def apart(self, form: Form) -> bool:
        """Whether wide convs remember frames of this form as copies, not as the slots that they read."""
        return self._room.apart(form)

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
