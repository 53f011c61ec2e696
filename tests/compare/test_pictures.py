"""Steps on pictures: depths, sizes, differences, letters."""

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.compare.font import _ROWS, draw_label, draw_text, text_width
from seedvr2_cli.compare.pictures import amplified, enlarged, in_8_bits, same_depth
from tests.compare.conftest import noise


def test_8_bits_become_16_and_come_back():
    small = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    large, _ = same_depth(small, noise(16, 16, np.uint16))
    assert large.dtype == np.uint16
    assert (large == small.astype(int) * 257).all()
    assert np.array_equal(in_8_bits(large), small)
    near = np.array([[[128, 129, 65535]]], np.uint16)
    assert in_8_bits(near).tolist() == [[[0, 1, 255]]]


def test_a_difference_is_amplified_and_cut_off():
    a, b = np.array([[[0, 10, 255]]], np.uint8), np.array([[[3, 9, 100]]], np.uint8)
    assert amplified(a, b, 8).tolist() == [[[24, 8, 255]]]
    assert amplified(a, a.astype(np.uint16) * 257 + np.uint16(0), 8).tolist() == [[[0, 0, 0]]]
    deep = np.array([[[257, 128, 0]]], np.uint16)
    assert amplified(deep, np.zeros_like(deep), 2).tolist() == [[[2, 1, 0]]]


def test_a_picture_is_scaled_up_as_if_its_pixels_were_squares():
    row = np.array([[[0] * 3, [100] * 3]], np.uint8)
    assert enlarged(row, 4, 1)[0, :, 0].tolist() == [0, 25, 75, 100]
    assert enlarged(row, 3, 1)[0, :, 0].tolist() == [0, 50, 100]
    assert enlarged(row.swapaxes(0, 1), 1, 4)[:, 0, 0].tolist() == [0, 25, 75, 100]


@given(
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    more=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    dtype=st.sampled_from([np.uint8, np.uint16]),
)
def test_scaling_up_keeps_type_range_and_flat_pictures(height, width, more, dtype):
    picture = noise(height, width, dtype)
    large = enlarged(picture, width + more[0], height + more[1])
    assert (large.shape, large.dtype) == ((height + more[1], width + more[0], 3), picture.dtype)
    assert picture.min() <= large.min()
    assert large.max() <= picture.max()
    flat = np.full_like(picture, 77)
    assert (enlarged(flat, width + more[0], height + more[1]) == 77).all()
    assert enlarged(picture, width, height) is picture


@pytest.mark.parametrize("letter", [*string.ascii_uppercase, *string.digits, *" .,:-_?"])
def test_every_letter_is_5_by_7(letter):
    rows = _ROWS[letter].split()
    assert [len(row) for row in rows] == [5] * 7
    assert set("".join(rows)) <= {"0", "1"}


def test_letters_are_told_apart():
    assert len(set(_ROWS.values())) == len(_ROWS)


def test_text_is_drawn_in_white_and_never_outside():
    picture = np.zeros((9, 14, 3), np.uint16)
    draw_text(picture, 1, 1, "i")
    assert picture[1:8, 1:6, 0].astype(bool).astype(int).tolist() == [
        [int(pixel) for pixel in row] for row in _ROWS["I"].split()
    ]
    assert picture.max() == 65535
    assert text_width("abc", 2) == 34
    for x, y in ((10, 5), (14, 0), (0, 9), (200, 200)):
        draw_text(picture, x, y, "long text ü", 3)
        draw_label(picture, x, y, "label")
    assert picture.shape == (9, 14, 3)
