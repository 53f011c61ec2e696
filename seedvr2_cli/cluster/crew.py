"""The workers of a film: a thread that lets the scheduler lead them, and brings their frames into the work
folder, which no other thread writes to meanwhile."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from seedvr2_cli.base.errors import DeviceError, MediaError, SeedVR2Error
from seedvr2_cli.base.events import Level, Line, Progress, Reporter
from seedvr2_cli.cluster.calls import Calls, Hand
from seedvr2_cli.cluster.fetch import Fetch
from seedvr2_cli.cluster.session import Session
from seedvr2_cli.cluster.worker import PIECE, About, Assignment, Made, Setup, Worker
from seedvr2_cli.ledger.manifest import first_difference
from seedvr2_cli.pipeline.keeping.frames import SUFFIX
from seedvr2_cli.pipeline.upscaling.kept import KeptFilm
from seedvr2_cli.pipeline.upscaling.keys import SOURCE, frames_key, latents_key
from seedvr2_cli.plan.scheduler import Decision, Dismiss, Give, GiveUp, Piece, Rules, Scheduler
from seedvr2_cli.plan.segments import segments_of
from seedvr2_cli.plan.shots import Shot

LOOK_S = 0.5  # how long the thread waits for news at most
PULSE_S = 5.0  # how often workers are asked whether they get on, and the cluster whether it has grown
BESIDE = 2  # calls that a worker answers while it makes a shot
LEAVE_S = 5.0  # what workers have at the end to clean up in
EXACT = ".exact"  # of a unit whose source is to be read from its beginning


class Crew:
    """See the first line. Use it with `with`: what it started ends with the block.

    kind: the workers' class, for tests of workers that go wrong.
    """

    def __init__(
        self,
        session: Session,
        setup: Setup,
        reporter: Reporter,
        rules: Rules | None = None,
        kind: type[Worker] = Worker,
    ) -> None:
        self._session, self._setup, self._reporter = session, setup, reporter
        self._rules = rules or Rules()
        self._scheduler = Scheduler(self._rules)
        needs = {"num_gpus": 1} if session.gpus else {"num_cpus": session.threads}
        limits = {"max_concurrency": BESIDE + 1, "max_restarts": 0}
        self._type = session.ray.remote(**limits, **needs)(kind)
        self._calls = Calls(session.ray, self._gone, self._failed)
        self._hands: dict[str, Hand] = {}
        self._film: KeptFilm | None = None
        self._names = self._refused = 0
        self._lost = ""  # why the last worker is not there any more
        self._felt = 0.0
        self._shots: dict[str, Shot] = {}
        self._again: deque[Shot] = deque()
        self._events: deque[Line | Progress] = deque()
        self._news = threading.Condition()
        self._kept: set[str] = set()
        self._failure: BaseException | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="crew", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self._calls.close([*self._hands.values()], LEAVE_S)

    def first(self) -> tuple[About, Callable[..., Any]]:
        """The first worker, once it is ready, and how it is asked. Where it chooses for the others, none of
        them begins before. Raises what it could not begin for."""
        while True:
            self._grow(1 if self._setup.chooses else None)
            self._calls.hear(LOOK_S)
            self._say()
            if self._failure:
                raise self._failure
            for hand in self._hands.values():
                if hand.about is not None:
                    return hand.about, partial(self._calls.wait_for, hand)

    def begin(self, assignment: Assignment, film: KeptFilm, shots: Sequence[Shot]) -> None:
        """Make shots of a film. From here on the thread leads."""
        self._assignment, self._film, self._reporter = assignment, film, film.film.reporter
        self._setup = assignment.setup
        self._shots = {frames_key(shot): shot for shot in film.film.shots}
        missing = [frames_key(shot) for shot in shots]
        self._kept = self._shots.keys() - set(missing)
        self._add(missing)
        for hand in [*self._hands.values()]:
            if hand.about is not None:
                self._assign(hand)
        self._thread.start()

    def await_shot(self, shot: Shot, seen: list[int]) -> None:
        """See `Others`. Raises what ended the work."""
        key = frames_key(shot)
        for _ in range(2):
            self._await(key)
            if self._was_made_of(shot, seen):
                return
            with self._news:
                self._kept.discard(key)
                self._again.append(shot)
        what = f"frames {shot.first} to {shot.stop} are others in every reading"
        raise MediaError(what, where=self._leader.source.info.path, do="leave --workers out")

    def _was_made_of(self, shot: Shot, seen: list[int]) -> bool:
        """Whether the kept frames of a shot are of these pictures, as far as that was noted."""
        for part in segments_of(shot, self._leader.length):
            first = part.frames.first - shot.first
            own = seen[first : first + part.frames.frames]
            if self._leader.work.note(frames_key(part.frames)).get(SOURCE, own) != own:
                return False
        return True

    def _await(self, key: str) -> None:
        with self._news:
            kept = len(self._kept)
            while key not in self._kept and self._failure is None:
                self._news.wait(LOOK_S)
                self._say()
                if len(self._kept) > kept:
                    kept = len(self._kept)
                    self._leader.stop.unit_ends()
            if key not in self._kept:
                assert self._failure is not None
                raise self._failure
        self._say()

    def _say(self) -> None:
        """Tell what the thread has to tell, on the thread of the one who listens."""
        while self._events:
            self._reporter.emit(self._events.popleft())

    # what follows is the thread's, once it runs

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and self._failure is None:
                self._send_again()
                self._feel()
                self._calls.hear(LOOK_S)
                self._take(self._scheduler.look(time.monotonic()))
                self._judge()
        except BaseException as error:  # noqa: BLE001 - carried over to the other thread
            self._fail(error)

    def _judge(self) -> None:
        """Whether a unit was given up, and all else that was begun is done."""
        given_up = self._scheduler.given_up
        if given_up is not None and not self._scheduler.at_work:
            what = f"{given_up.key} failed {self._rules.tries} times, at last: {given_up.reason}"
            self._fail(DeviceError(what, do="what is finished is kept: the same command goes on"))

    def _fail(self, error: BaseException) -> None:
        with self._news:
            self._failure = self._failure or error
            self._news.notify_all()

    def _grow(self, most: int | None = None) -> None:
        """As many workers as there is room for, `most` at most."""
        room = self._session.room() if most is None else most
        while len(self._hands) < room and self._refused < self._rules.tries:
            self._names += 1
            try:
                actor = self._type.remote(self._setup)
            except ImportError as error:  # told through ray://; else by the worker's death
                what = f"its machines lack this program ({error})"
                do = "pip install 'seedvr2[cluster]' on each"
                raise DeviceError(what, where="the cluster", do=do) from error
            hand = Hand(f"worker {self._names}", actor)
            self._hands[hand.name] = hand
            self._calls.ask(hand, self._introduced, "introduce")
        if not self._hands and self._failure is None and self._refused:
            self._fail(DeviceError(f"no worker is left, the last one {self._lost}", where="--workers"))

    def _introduced(self, hand: Hand, about: About) -> None:
        known = next((other.about for other in self._hands.values() if other.about is not None), None)
        difference = first_difference(known.kind, about.kind) if known is not None else None
        if difference is not None:
            self._refuse(hand, DeviceError(f"gives other frames than the first: {difference}"))
            return
        hand.about = about
        if self._film is not None:
            self._assign(hand)

    def _refuse(self, hand: Hand, error: SeedVR2Error) -> None:
        """A worker that cannot begin."""
        self._refused += 1
        self._hands.pop(hand.name, None)
        self._calls.drop(hand)
        if not self._hands and self._refused >= (1 if self._film is None else self._rules.tries):
            self._fail(error)
        else:
            self._lost = f"cannot begin: {error}"
            self._warn(f"{hand.name} {self._lost}")

    def _assign(self, hand: Hand) -> None:
        """Give a worker the film: by its path where the same file is there, else by its bytes."""
        path = self._leader.source.info.path.absolute()

        def seen(hand: Hand, sees: bool) -> None:
            if sees:
                self._calls.ask(hand, self._ready, "begin", self._assignment, path)
            elif self._leader.source.info.pictures:
                self._refuse(hand, DeviceError(f"does not see the pictures of {path}"))
            else:
                self._send_source(hand, path, 0)

        self._calls.ask(hand, seen, "sees", path, self._assignment.source)

    def _send_source(self, hand: Hand, path: Path, offset: int) -> None:
        try:
            with path.open("rb") as file:
                file.seek(offset)
                piece = file.read(PIECE)
        except OSError as error:
            raise MediaError(f"cannot be read any more ({error.strerror})", where=path) from error

        def sent(hand: Hand, there: Path) -> None:
            if len(piece) == PIECE:
                self._send_source(hand, path, offset + PIECE)
            else:
                self._calls.ask(hand, self._ready, "begin", self._assignment, there)

        self._calls.ask(hand, sent, "take_source", path.name, offset, piece)

    def _ready(self, hand: Hand, _: None) -> None:
        self._refused = 0
        self._events.append(Line("Workers", f"{hand.name}: {hand.about.device.name}", level=Level.DETAIL))
        self._take(self._scheduler.join(hand.name, time.monotonic()))

    def _add(self, keys: Sequence[str], suffix: str = "") -> None:
        width, height = self._leader.film.padding.padded
        pieces = [Piece(f"{key}{suffix}", float(self._shots[key].latents * width * height)) for key in keys]
        self._take(self._scheduler.add(pieces, time.monotonic()))

    def _send_again(self) -> None:
        """Shots that were made of other pictures than the source's."""
        while self._again:
            shot = self._again.popleft()
            key = frames_key(shot)
            self._warn(f"{key}: the source was sought in vain, and is read from its beginning")
            for part in segments_of(shot, self._leader.length):
                self._leader.work.forget(frames_key(part.frames))
            self._add([key], EXACT)

    def _take(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            if isinstance(decision, Give):
                hand = self._hands[decision.worker]
                hand.key, hand.count = decision.piece.key, -1
                shot = self._shots[hand.key.removesuffix(EXACT)]
                exact = hand.key.endswith(EXACT)
                self._calls.ask(hand, self._fetch, "make", shot.first, shot.stop, exact)
            elif isinstance(decision, Dismiss):
                self._warn(f"{decision.worker} is dismissed: {decision.reason}")
                self._calls.drop(self._hands.pop(decision.worker))
                self._felt = 0.0  # another in its place
            elif isinstance(decision, GiveUp):
                self._warn(f"{decision.key} is given up: {decision.reason}")

    def _fetch(self, hand: Hand, made: tuple[Made, ...]) -> None:
        """Bring a shot's segments here, one after the other."""
        if not made:
            self._finish(hand)
            return

        def keep(hand: Hand, first: Made, path: Path) -> None:
            with self._leader.work.unit(first.key, SUFFIX, first.note) as final:
                path.replace(final)
            self._calls.ask(hand, lambda *_: None, "forget", first.key)
            self._fetch(hand, made[1:])

        Fetch(self._calls, made[0], self._leader.work.folder, keep, self._wrong).begin(hand)

    def _finish(self, hand: Hand) -> None:
        """All frames of a worker's shot are here."""
        film, shot = self._leader, self._shots[hand.key.removesuffix(EXACT)]
        made_of = [latents_key(part.frames) for part in segments_of(shot, film.length)]
        for key in (*made_of, *(unit.key for unit in film.restoration.times.units_of(shot))):
            film.work.forget(key)  # of a run in one process
        with self._news:
            self._kept.add(frames_key(shot))
            self._news.notify_all()
        done = sum(self._shots[key].frames for key in self._kept)
        total = sum(shot.frames for shot in self._shots.values())
        self._events.append(Progress("Workers", done, total))
        key, hand.key = hand.key, ""
        self._take(self._scheduler.finish(hand.name, key, time.monotonic()))

    def _wrong(self, hand: Hand, reason: str) -> None:
        """A worker's unit has failed; the worker is there."""
        key, hand.key = hand.key, ""
        self._warn(f"{hand.name}: {key.removesuffix(EXACT)}: {reason}")
        self._take(self._scheduler.fail(hand.name, key, reason, time.monotonic()))

    def _failed(self, hand: Hand, error: SeedVR2Error) -> None:
        if hand.key:
            self._wrong(hand, str(error))
        elif hand.name in self._hands:
            self._refuse(hand, error)

    def _gone(self, hand: Hand, reason: str) -> None:
        if self._hands.pop(hand.name, None) is None:
            return
        self._lost = f"is gone: {reason}"
        self._warn(f"{hand.name} {self._lost}")
        self._refused += not hand.key
        self._take(self._scheduler.leave(hand.name, reason, time.monotonic()))
        self._felt = 0.0

    def _feel(self) -> None:
        """Ask who is at work whether it gets on, and fill up the crew."""
        now = time.monotonic()
        if now - self._felt < PULSE_S:
            return
        self._felt = now
        self._grow()
        for hand in self._hands.values():
            if hand.key and not hand.asked:
                hand.asked = True
                self._calls.ask(hand, self._beaten, "pulse")

    def _beaten(self, hand: Hand, count: int) -> None:
        hand.asked = False
        if count != hand.count:
            hand.count = count
            self._scheduler.hear(hand.name, time.monotonic())

    def _warn(self, text: str) -> None:
        self._events.append(Line("Workers", text, level=Level.WARNING))

    @property
    def _leader(self) -> KeptFilm:
        assert self._film is not None
        return self._film
