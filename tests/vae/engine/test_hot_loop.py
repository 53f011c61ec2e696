"""The layers that a latent goes through hold no cat, pad or stack: frames are never moved together."""

import pytest
from torch.utils._python_dispatch import TorchDispatchMode

from seedvr2_cli.vae.engine.way import Way


class Operators(TorchDispatchMode):
    """Keeps the names of what torch runs."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("way", [Way(), Way(strip_rows=3), Way(parks=0, strip_rows=5)])
@pytest.mark.parametrize("half", ["encoder", "decoder"])
def test_no_frames_are_joined_or_padded(tiny_vae, noise, half, way):
    engine = tiny_vae.engine
    engine.prepare(way, encoder=True, decoder=True)  # where taps are stacked
    (memory,) = engine.start(way, 1)
    with Operators() as seen:
        for k in range(3):
            now = engine.begin(memory, way, keep=True)
            if half == "encoder":
                engine.encoder(way).latent(now, noise(4 if k else 1, 24, 16, 3))
            else:
                list(engine.decoder(way).latent(now, noise(3, 2, 4)))
    assert seen.names
    assert not {name for name in seen.names if name in ("cat", "stack", "roll") or "pad" in name}
