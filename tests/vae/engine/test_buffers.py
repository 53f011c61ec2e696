"""Whole-frame buffers: used again, counted, given back before the peak would rise, and missing memory."""

import mmap

import pytest
import torch

from seedvr2_cli.base.errors import DeviceError, OutputError
from seedvr2_cli.ops.on_cpu import heap
from seedvr2_cli.vae.engine.buffers import Buffers, Form, Scratch, Tally
from seedvr2_cli.vae.engine.pages import anonymous, in_file, pinned

CPU = torch.device("cpu")


def form(rows: int, right: int = 0) -> Form:
    return Form(rows, 10, 8, torch.float32, right=right)


def test_a_spent_buffer_serves_one_of_about_its_size():
    tally = Tally()
    buffers = Buffers(CPU, tally)
    first = buffers.take(form(10))
    place = first.data_ptr()
    buffers.give(first)
    smaller = buffers.take(form(9))
    assert smaller.data_ptr() == place
    assert smaller.shape == (9, 10, 8)
    assert tally.peak == form(10).nbytes


def test_one_that_is_much_too_large_is_left_for_others():
    tally = Tally()
    buffers = Buffers(CPU, tally)
    large, other = buffers.take(form(40)), buffers.take(form(40))
    place = large.data_ptr()
    buffers.give(large)
    small = buffers.take(form(10))
    assert small.data_ptr() != place
    assert other.data_ptr() != place
    assert tally.peak == 2 * form(40).nbytes  # the spent one went


def test_spent_buffers_go_before_the_peak_rises():
    tally = Tally()
    buffers = Buffers(CPU, tally)
    held = [buffers.take(form(10)) for _ in range(4)]
    for buffer in held:
        buffers.give(buffer)
    buffers.take(form(35))
    assert tally.peak == 4 * form(10).nbytes
    assert tally.bytes <= tally.peak


def test_the_zeros_on_the_right_are_there_whoever_had_the_buffer():
    buffers = Buffers(CPU, Tally())
    buffer = buffers.take(form(10))
    buffer.fill_(7)
    buffers.give(buffer)
    again = buffers.take(Form(9, 10, 8, torch.float32, right=1))
    assert not again[:, 10:].any()


def test_scratch_is_counted():
    tally = Tally()
    scratch = Scratch(CPU, tally)
    scratch.take("a", (4, 8), torch.float32)
    scratch.take("a", (2, 8), torch.float32)
    scratch.take("b", (1,), torch.uint8)
    assert tally.peak == 4 * 8 * 4 + 1


def test_memory_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(DeviceError, match="out of memory"):
        anonymous(1 << 50)
    with pytest.raises(OutputError, match="cannot be made"):
        in_file(tmp_path / "missing", 1 << 20)
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="pinned host memory"):
            pinned(1 << 20)


def test_a_system_without_private_maps_has_others(monkeypatch):
    monkeypatch.delattr(mmap, "MAP_PRIVATE", raising=False)
    pages = anonymous(1 << 16)
    assert pages.shape == (1 << 16,)
    assert not pages.any()


def test_a_c_library_without_these_calls_is_left_alone(monkeypatch):
    def missing(_):
        raise OSError("no handle")

    monkeypatch.setattr(heap.ctypes, "CDLL", missing)
    assert not heap.give_back()
    with heap.weights_apart():
        pass
