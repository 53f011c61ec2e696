"""A device as plain facts. `ops.probe` finds them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """kind: "cpu", "cuda" or "mps"; capability: (major, minor) on CUDA, else None.

    dtypes: names of the floating types in which a probe got right values, fastest first. total_bytes,
    free_bytes: memory of the device (of the machine for a CPU), None where the system does not tell.
    """

    kind: str
    index: int
    name: str
    capability: tuple[int, int] | None
    dtypes: tuple[str, ...]
    total_bytes: int | None
    free_bytes: int | None
    rates: tuple[tuple[str, float], ...]

    @property
    def torch_name(self) -> str:
        """The name torch takes: "cpu", "mps", "cuda:0"."""
        return f"cuda:{self.index}" if self.kind == "cuda" else self.kind
