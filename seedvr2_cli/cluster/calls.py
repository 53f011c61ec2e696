"""What workers were asked and have not answered yet."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from seedvr2_cli.base.errors import DeviceError, SeedVR2Error, one_line


@dataclass(eq=False)
class Hand:
    """A worker as its leader knows it. about: what it said of itself. key: the unit it is at, "" for none.

    count: its last pulse, -1 before the first; asked: whether one is on its way.
    """

    name: str
    actor: Any
    about: Any = None
    key: str = ""
    count: int = -1
    asked: bool = False


Answer = Callable[[Hand, Any], None]


class Calls:
    """Calls to actors of Ray, and what is to be done with the answers.

    gone: a worker has died; failed: a call ended with an error. ray: the module.
    """

    def __init__(
        self, ray: Any, gone: Callable[[Hand, str], None], failed: Callable[[Hand, SeedVR2Error], None]
    ) -> None:
        self._ray, self._gone, self._failed = ray, gone, failed
        self._waiting: dict[Any, tuple[Hand, Answer]] = {}

    def ask(self, hand: Hand, answer: Answer, name: str, *given: Any) -> None:
        """Call a worker; its answer goes to `answer` while `hear` runs."""
        self._waiting[getattr(hand.actor, name).remote(*given)] = (hand, answer)

    def wait_for(self, hand: Hand, name: str, *given: Any) -> Any:
        """Call a worker and wait. Raises its own error, or DeviceError where it is gone."""
        try:
            return self._ray.get(getattr(hand.actor, name).remote(*given))
        except self._ray.exceptions.RayError as error:
            raise cause_of(error) from error

    def drop(self, hand: Hand) -> None:
        """Hear no more of a worker, and end it."""
        self._waiting = {call: entry for call, entry in self._waiting.items() if entry[0] is not hand}
        self._ray.kill(hand.actor)

    def hear(self, seconds: float) -> None:
        """Take the answers that are there; if there are none, those that come in time."""
        calls = list(self._waiting)
        if not calls:
            time.sleep(seconds)
            return
        ready, _ = self._ray.wait(calls, num_returns=len(calls), timeout=0)
        if not ready:
            ready, _ = self._ray.wait(calls, num_returns=1, timeout=seconds)
        for call in ready:
            entry = self._waiting.pop(call, None)
            if entry is None:  # its worker was dropped by an answer before this one
                continue
            hand, answer = entry
            try:
                value = self._ray.get(call)
            except self._ray.exceptions.RayActorError as error:
                self.drop(hand)
                self._gone(hand, one_line(str(error).partition("\n")[0]))
            except self._ray.exceptions.RayError as error:
                self._failed(hand, cause_of(error))
            else:
                answer(hand, value)

    def close(self, hands: list[Hand], seconds: float) -> None:
        """Let workers clean up in so many seconds, then end them."""
        calls = [hand.actor.close.remote() for hand in hands if hand.about is not None]
        if calls:
            self._ray.wait(calls, num_returns=len(calls), timeout=seconds)
        for hand in hands:
            self.drop(hand)


def cause_of(error: Any) -> SeedVR2Error:
    """What a worker raised, in our words."""
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, SeedVR2Error):
        return cause
    return DeviceError(f"{type(cause).__name__}: {str(cause).strip().rpartition(chr(10))[2]}")
