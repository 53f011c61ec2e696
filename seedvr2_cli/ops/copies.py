"""Copies between a device's memory and the host's, beside what the device computes."""

from typing import Protocol

import torch
from torch import Tensor


class Ticket(Protocol):
    """One copy."""

    def wait(self) -> None:
        """Whatever is asked of the device from now on comes after the copy."""
        ...


class Copies(Protocol):
    """One lane of copies, which come in the order in which they are asked for."""

    def start(self, into: Tensor, source: Tensor) -> Ticket:
        """Copy, after all that has been asked of the device so far. Both must stay as they are until somebody
        has waited for it."""
        ...


class AtOnce:
    """Copies that are done when `start` returns."""

    def start(self, into: Tensor, source: Tensor) -> "AtOnce":
        into.copy_(source)
        return self

    def wait(self) -> None:
        """It is done."""


class OnStream:
    """Copies on a stream of their own, beside the device's current one. Host memory should be pinned."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)

    def start(self, into: Tensor, source: Tensor) -> "_Event":
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            into.copy_(source, non_blocking=True)
        return _Event(self._stream.record_event(), self._device)


class _Event:
    def __init__(self, event: torch.cuda.Event, device: torch.device) -> None:
        self._event = event
        self._device = device

    def wait(self) -> None:
        torch.cuda.current_stream(self._device).wait_event(self._event)


def copies_of(device: torch.device) -> Copies:
    """How copies to and from this device's memory are made."""
    return OnStream(device) if device.type == "cuda" else AtOnce()
