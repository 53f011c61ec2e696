"""The walk over a GGUF header: it sees what gguf sees, and believes nothing."""

import struct
import time
from pathlib import Path

import gguf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedvr2_cli.weights.gguf_header import read_header
from tests.weights.forge import (
    ARRAY,
    F32,
    I32,
    STRING,
    TYPE_F32,
    TYPE_Q8_0,
    U8,
    U32,
    complaint,
    gguf_array,
    gguf_bytes,
    gguf_key,
    gguf_tensor,
    gguf_text,
)


@pytest.mark.parametrize("name", ["gg_flat_q4_0.gguf", "gg_origshape_mixed.gguf"])
def test_the_walk_sees_what_gguf_sees(data: Path, name: str) -> None:
    path = data / "weights" / name
    theirs = gguf.GGUFReader(path).tensors
    ours = read_header(path).tensors
    assert [(s.name, s.shape, s.quant, s.nbytes, s.offset) for s in ours] == [
        (t.name, tuple(t.shape.tolist()[::-1]), t.tensor_type.name, t.n_bytes, t.data_offset) for t in theirs
    ]


def test_texts_and_short_arrays_of_numbers_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    keys = [
        gguf_key("seedvr2.vae.config", STRING, gguf_text("{}")),
        gguf_key("tokenizer.model", STRING, gguf_text(b"\xff")),  # not ours, so not even decoded
        gguf_key("orig", ARRAY, gguf_array(I32, 2, struct.pack("<2i", 3, 4))),
        gguf_key("long", ARRAY, gguf_array(U8, 9, bytes(9))),
        gguf_key("nested", ARRAY, gguf_array(ARRAY, 1, gguf_array(STRING, 1, gguf_text("x")))),
        gguf_key("scale", F32, bytes(4)),
        gguf_key("count", U32, struct.pack("<I", 7)),
    ]
    path.write_bytes(gguf_bytes(keys=keys))
    header = read_header(path)
    assert header.strings == {"seedvr2.vae.config": "{}"}
    assert header.integers == {"orig": (3, 4), "count": (7,)}


def test_an_array_of_2_to_the_63_elements_ends_at_once(tmp_path: Path) -> None:
    forged = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + gguf_key("k", ARRAY, gguf_array(U8, 1 << 63))
    assert len(forged) == 49
    (tmp_path / "a.gguf").write_bytes(forged)
    started = time.monotonic()
    assert complaint(tmp_path / "a.gguf") == (
        "key k: 9,223,372,036,854,775,808 bytes claimed, 0 left; download it again"
    )
    assert time.monotonic() - started < 1


HALF = gguf_tensor("x", [8])  # 32 bytes of float32
FORGED = {
    "half a magic": (b"GGUF\3\0", "the version: 4 bytes claimed, 2 left; download it again"),
    "big endian": (
        gguf_bytes(version=3 << 24),
        "a big-endian GGUF file; convert it on a little-endian machine",
    ),
    "version 1": (gguf_bytes(version=1), "GGUF version 1, versions 2 and 3 can be read; convert it again"),
    "a billion tensors": (
        gguf_bytes(counts=(10**9, 1)),
        "1,000,000,000 tensors and 1 keys claimed, at most 65,536 each are read; download it again",
    ),
    "a key without a name": (
        gguf_bytes(counts=(0, 1)),
        "a tensor or key has the name '' (length 0); download it again",
    ),
    "more keys than there are": (
        gguf_bytes(keys=[gguf_key("k", ARRAY, gguf_array(U8, 15, bytes(15)))], counts=(0, 2)),
        "the name of key 2: 8 bytes claimed, 0 left; download it again",
    ),
    "a name longer than the file": (
        gguf_bytes(keys=[struct.pack("<Q", 999)]),
        "the name of key 1: 999 bytes claimed, 0 left; download it again",
    ),
    "a text of a terabyte": (
        gguf_bytes(keys=[gguf_text("general.name") + struct.pack("<IQ", STRING, 1 << 40)]),
        "key general.name: a text of 1,099,511,627,776 bytes; download it again",
    ),
    "a name that is no UTF-8": (
        gguf_bytes([gguf_tensor(b"\xff", [8])], data=bytes(32)),
        "the name of tensor 1: not UTF-8; download it again",
    ),
    "a name that draws on the terminal": (
        gguf_bytes([gguf_tensor("\x1b[2J", [8])], data=bytes(32)),
        r"a tensor or key has the name '\x1b[2J' (length 4); download it again",
    ),
    "a key twice": (
        gguf_bytes(keys=[gguf_key("k", U8, b"\0")] * 2),
        "key k is there twice; download it again",
    ),
    "an unknown value type": (
        gguf_bytes(keys=[gguf_key("k", 13, b"\0")]),
        "key k: unknown value type 13; download it again",
    ),
    "an unknown element type": (
        gguf_bytes(keys=[gguf_key("k", ARRAY, gguf_array(13, 0))]),
        "key k: unknown value type 13; download it again",
    ),
    "arrays in arrays": (
        gguf_bytes(keys=[gguf_key("k", ARRAY, gguf_array(ARRAY, 1) * 9)]),
        "key k: arrays nested deeper than 4; download it again",
    ),
    "a vocabulary": (
        gguf_bytes(keys=[gguf_key("k", ARRAY, gguf_array(U8, 70_000, bytes(70_000)))]),
        "key k: 70,000 array elements so far, at most 65,536 are read; is it a language model?",
    ),
    "many empty texts": (
        gguf_bytes(keys=[gguf_key("k", ARRAY, gguf_array(STRING, 70_000, bytes(560_000)))]),
        "key k: 70,000 array elements so far, at most 65,536 are read; is it a language model?",
    ),
    "a text of 40 MB": (
        gguf_bytes(keys=[gguf_key("k", STRING, gguf_text(bytes(40_000_000)))]),
        "key k: the header is longer than 33,554,432 bytes; download it again",
    ),
    "no dimensions": (
        gguf_bytes([gguf_tensor("x", [])]),
        "tensor x: 0 dimensions, 1 to 8 can be read; download it again",
    ),
    "a million dimensions": (
        gguf_bytes([gguf_text("x") + struct.pack("<I", 1_000_000)]),
        "tensor x: 1,000,000 dimensions, 1 to 8 can be read; download it again",
    ),
    "a product that wraps to 4": (
        gguf_bytes([gguf_tensor("x", [(1 << 62) + 1, 4])], data=bytes(32)),
        "tensor x: 73,786,976,294,838,206,480 bytes claimed, 32 left; download it again",
    ),
    "a dimension of 0": (
        gguf_bytes([gguf_tensor("x", [0, 1 << 63])]),
        "tensor x: shape (9223372036854775808, 0) does not divide into F32 blocks of 1; download it again",
    ),
    "a row of half a block": (
        gguf_bytes([gguf_tensor("x", [16, 2], TYPE_Q8_0)], data=bytes(34)),
        "tensor x: shape (2, 16) does not divide into Q8_0 blocks of 32; download it again",
    ),
    "an unknown tensor type": (
        gguf_bytes([gguf_tensor("x", [8], 99)], data=bytes(32)),
        "tensor x: unknown type 99; take a float16 file",
    ),
    "a tensor twice": (
        gguf_bytes([HALF, HALF], data=bytes(64)),
        "tensor x is there twice; download it again",
    ),
    "a crooked offset": (
        gguf_bytes([gguf_tensor("x", [8], TYPE_F32, 4)], data=bytes(64)),
        "tensor x: offset 4 is no multiple of 32; download it again",
    ),
    "overlapping tensors": (
        gguf_bytes([gguf_tensor("x", [9]), gguf_tensor("y", [8], TYPE_F32, 32)], data=bytes(64)),
        "tensor y overlaps x by 4 bytes; download it again",
    ),
    "an offset behind the end": (
        gguf_bytes([gguf_tensor("x", [8], TYPE_F32, 1 << 40)], data=bytes(64)),
        "tensor x: 32 bytes claimed, 0 left; download it again",
    ),
    "an alignment of 0": (
        gguf_bytes(keys=[gguf_key("general.alignment", U32, struct.pack("<I", 0))]),
        "general.alignment is 0, no power of two from 8 to 65,536; download it again",
    ),
    "an alignment of 33": (
        gguf_bytes(keys=[gguf_key("general.alignment", U32, struct.pack("<I", 33))]),
        "general.alignment is 33, no power of two from 8 to 65,536; download it again",
    ),
    "a key that only gguf minds": (
        gguf_bytes(keys=[gguf_key("GGUF.version", U8, b"\0")]),
        "gguf cannot open it ('Duplicate GGUF.version already in list at offset 24'); download it again",
    ),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_header_is_one_line(tmp_path: Path, case: str) -> None:
    forged, expected = FORGED[case]
    (tmp_path / "a.gguf").write_bytes(forged)
    assert complaint(tmp_path / "a.gguf") == expected


def test_a_truncated_gguf_names_the_first_missing_tensor(data: Path, tmp_path: Path) -> None:
    whole = data / "weights" / "gg_origshape_mixed.gguf"
    spec = next(s for s in read_header(whole).tensors if s.name == "decoder.conv_in.weight")
    assert spec.offset is not None
    cut = tmp_path / "model.gguf"
    cut.write_bytes(whole.read_bytes()[: spec.offset + 211])
    assert complaint(cut) == (
        f"tensor decoder.conv_in.weight: {spec.nbytes:,} bytes claimed, 211 left; download it again"
    )


SMALL = gguf_bytes(
    [gguf_tensor("x", [8]), gguf_tensor("y", [4, 8], TYPE_F32, 32)],
    [gguf_key("general.name", STRING, gguf_text("n")), gguf_key("k", ARRAY, gguf_array(U8, 3, bytes(3)))],
    bytes(32 + 128),
)


@given(kept=st.integers(min_value=0, max_value=len(SMALL) - 1))
def test_no_truncated_file_is_taken_for_a_whole_one(
    tmp_path_factory: pytest.TempPathFactory, kept: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "a.gguf"
    path.write_bytes(SMALL)
    assert not complaint(path)
    path.write_bytes(SMALL[:kept])
    assert complaint(path)
