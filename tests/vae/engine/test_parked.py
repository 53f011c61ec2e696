"""Remembered frames beside the device: the same bits for any course of the copies; in 8 bits, near them."""

import random
from collections import deque

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seedvr2_cli.vae.engine.buffers import Form
from seedvr2_cli.vae.engine.memory import ClipMemory, Room
from seedvr2_cli.vae.engine.parked import LEVELS, Coded
from seedvr2_cli.vae.engine.way import Way
from tests.vae.conftest import recipe_vae, snr
from tests.vae.engine.test_ways import MINI

CPU = torch.device("cpu")


class Unsteady:
    """A lane of copies that are made at once, or as late as they may be: in their order, when one is waited
    for. What reads or writes too early or too late then finds other values."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._open = deque()

    def start(self, into, source):
        ticket = _Ticket(self)
        self._open.append((ticket, into, source))
        if self._draw.random() < 0.4:
            self.until(ticket)
        return ticket

    def until(self, ticket):
        while any(ticket is other for other, _, _ in self._open):
            _, into, source = self._open.popleft()
            into.copy_(source)


class _Ticket:
    def __init__(self, lane):
        self._lane = lane

    def wait(self):
        self._lane.until(self)


parking = st.builds(
    Way,
    in_pairs=st.booleans(),
    strip_rows=st.none() | st.integers(1, 12),
    stores_last=st.booleans(),
    parks=st.integers(0, 20_000),
    codes_memory=st.booleans(),
)


@given(parking, st.integers(0, 1000), st.booleans())
@settings(max_examples=20, deadline=None)
def test_copies_may_come_at_any_time(tiny_vae, noise, way, seed, encoding):
    half = tiny_vae.encode_slice if encoding else tiny_vae.decode_slice
    x = noise(1, 3, 13, 24, 16) if encoding else noise(1, 4, 4, 3, 2)
    steady, unsteady = (
        half(x, (ClipMemory(Room(CPU, way, copies=copies)),), way=way)[0] for copies in (None, Unsteady(seed))
    )
    assert torch.equal(steady, unsteady)


def test_parked_frames_lie_beside_the_device(tiny_vae, noise):
    z = noise(1, 4, 3, 6, 6)
    rooms = []
    for parks in (None, 0):
        room = Room(CPU, Way(parks=parks, strip_rows=4))
        tiny_vae.decode_slice(z, (ClipMemory(room),), way=room.way)
        rooms.append(room)
    here, beside = rooms
    assert here.host.peak == 0
    assert beside.tally.peak + beside.host.peak < 1.3 * here.tally.peak
    assert beside.host.peak > 0.5 * here.tally.peak


def test_a_pixel_in_8_bits_is_off_by_half_a_step_at_most(noise):
    form = Form(5, 7, 24, torch.float32, top=1, bottom=1)
    room = Room(CPU, Way(codes_memory=True))
    home = room.home(form, 0)
    assert isinstance(home, Coded)
    rows = noise(*form.shape) * torch.logspace(-4, 4, 7)[None, :, None]
    rows[0] = 0
    home.put(0, rows[:3])
    home.put(3, rows[3:])
    back = home.get(0, 7)
    spread = rows.amax(2) - rows.amin(2)
    assert bool(((back - rows).abs().amax(2) <= spread * (0.5 / LEVELS + 1e-6)).all())
    assert torch.equal(back[0], rows[0])  # the border stays zero
    assert home.nbytes < 0.4 * rows.nbytes


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_memory_in_8_bits_takes_less_and_stays_near(noise, dtype):
    vae = recipe_vae(MINI, 1, dtype=dtype)
    z = noise(1, 16, 4, 4, 4)
    whole, state = vae.decode_slice(z, None)
    coded, small = vae.decode_slice(z, None, way=Way(codes_memory=True))
    assert small[0].nbytes < (0.6 if dtype is torch.float32 else 0.9) * state[0].nbytes
    assert snr(coded, whole) > 30
    assert not torch.equal(coded, whole)
