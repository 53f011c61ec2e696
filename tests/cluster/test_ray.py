"""Real Ray: whatever befalls workers, nodes or the driver, the output is that of one process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seedvr2_cli.base.errors import DeviceError, WeightsError
from seedvr2_cli.base.events import Progress
from seedvr2_cli.cluster.upscale import Ways, upscale_on_workers
from seedvr2_cli.cluster.workers import Workers
from seedvr2_cli.ledger.journal import read_entries
from seedvr2_cli.plan.scheduler import Rules
from tests.cluster import faulty
from tests.pipeline.conftest import Lines

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Ray leaves sockets and logs to be collected
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
# a worker that says nothing for so long hangs; the tiny shots take a second or two
IMPATIENT = Rules(silence_s=20, least_s=60)


@pytest.fixture(scope="module")
def three_nodes():
    """The address of a cluster of three nodes of one processor each, beside a head without any."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(3)]
    yield cluster, nodes
    cluster.shutdown()


class When(Lines):
    """Calls `act` when so many frames are there."""

    def __init__(self, frames, act):
        super().__init__()
        self._frames, self._act = frames, act

    def emit(self, event):
        super().emit(event)
        made = event.done if isinstance(event, Progress) and event.stage == "Workers" else 0
        if self._act and made >= self._frames:
            act, self._act = self._act, None
            act()  # on the main thread, which alone may start nodes


def test_two_workers_write_the_file_of_one_process(job, plain, tmp_path):
    lines = Lines()
    report = upscale_on_workers(job(tmp_path / "out.mp4"), lines, Workers(count=2))
    assert (tmp_path / "out.mp4").read_bytes() == plain
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
    assert "[Workers] 2 workers on the CPU, 1 thread each" in lines.said
    assert report.settings["workers"] == {"count": 2, "address": None, "threads": 1}
    assert [said for said in lines.said if said.startswith("[Workers] worker")] != []
    assert [text for text in report.warnings if "worker" in text] == []


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 3])
def test_any_number_of_workers_writes_the_same_file(count, job, plain, tmp_path):
    upscale_on_workers(job(tmp_path / "out.mp4"), Lines(), Workers(count=count))
    assert (tmp_path / "out.mp4").read_bytes() == plain


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (faulty.Hangs, "is dismissed: no progress in"),
        (faulty.Dies, "is gone: "),
        (faulty.Corrupts, "its frames arrived with a wrong checksum"),
        (faulty.ReadsOthers, "the source was sought in vain, and is read from its beginning"),
    ],
)
def test_a_worker_that_goes_wrong_spoils_nothing(kind, words, job, plain, tmp_path, monkeypatch):
    (tmp_path / "fault").mkdir()
    monkeypatch.setenv(faulty.PLACE, str(tmp_path / "fault"))
    lines = Lines()
    ways = Ways(kind=kind, rules=IMPATIENT)
    upscale_on_workers(job(tmp_path / "out.mp4"), lines, Workers(count=2), ways)
    assert (tmp_path / "out.mp4").read_bytes() == plain
    assert (tmp_path / "fault/happened").exists()
    assert any(words in said for said in lines.said), lines.said


@pytest.mark.slow
def test_a_unit_that_always_fails_ends_the_run_and_the_rest_is_kept(job, plain, tmp_path):
    output = tmp_path / "out.mp4"
    with pytest.raises(DeviceError) as caught:
        upscale_on_workers(job(output), Lines(), Workers(count=2), Ways(kind=faulty.FailsOne))
    assert str(caught.value) == (
        "f10-36.frames failed 3 times, at last: ValueError: no such luck; "
        "what is finished is kept: the same command goes on"
    )
    assert not output.exists()
    entries = read_entries(output.with_name("out.mp4.work") / "journal")
    assert "file" in entries["f36-60.frames"]
    lines = Lines()
    upscale_on_workers(job(output), lines, Workers(count=2))
    assert output.read_bytes() == plain
    assert any("[Resume]" in said for said in lines.said)


@pytest.mark.slow
def test_workers_that_cannot_load_end_the_run_with_their_own_line(job, tmp_path):
    with pytest.raises(WeightsError) as caught:
        upscale_on_workers(job(tmp_path / "out.mp4"), Lines(), Workers(count=1), Ways(kind=faulty.BadWeights))
    assert str(caught.value) == "dit.gguf: is none; get it again"


@pytest.mark.slow
def test_three_nodes_write_the_file_of_one_process(three_nodes, job, plain, tmp_path):
    cluster, _ = three_nodes
    lines = Lines()
    upscale_on_workers(job(tmp_path / "out.mp4"), lines, Workers.parse(cluster.address))
    assert (tmp_path / "out.mp4").read_bytes() == plain
    assert "[Workers] 3 workers on the CPU, 1 thread each" in lines.said


@pytest.mark.slow
def test_a_node_that_is_killed_loses_its_shot_to_another(three_nodes, job, plain, tmp_path):
    cluster, nodes = three_nodes
    killed = nodes.pop()
    lines = When(1, lambda: cluster.remove_node(killed, allow_graceful=False))
    upscale_on_workers(
        job(tmp_path / "out.mp4"), lines, Workers.parse(cluster.address), Ways(rules=IMPATIENT)
    )
    assert (tmp_path / "out.mp4").read_bytes() == plain


@pytest.mark.slow
def test_a_node_that_joins_gets_work(three_nodes, job, plain, tmp_path):
    cluster, nodes = three_nodes
    while len(nodes) > 1:
        cluster.remove_node(nodes.pop())
    joined = []
    lines = When(1, lambda: joined.append(cluster.add_node(num_cpus=1)))
    upscale_on_workers(job(tmp_path / "out.mp4"), lines, Workers.parse(cluster.address))
    assert (tmp_path / "out.mp4").read_bytes() == plain
    cluster.remove_node(joined.pop())


COMMAND = """
import sys
from pathlib import Path
from seedvr2_cli.cli.app import main
sys.exit(main(sys.argv[1:]))
"""


def command(film, weights, output, *more):
    cuts = film.with_name("cuts.txt")
    words = [
        "upscale",
        film,
        "-o",
        output,
        "--vae",
        weights / "vae.gguf",
        "--dit",
        weights / "dit.safetensors",
    ]
    words += ["--resolution", "32", "--allow-downscale", "--cuts", cuts, "--window", "21", "--overlap", "1"]
    words += ["--device", "cpu", "--workers", "2", *more]
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_a_shot(process, work: Path) -> None:
    while process.poll() is None:
        if any(
            "file" in entry and key.endswith("frames")
            for key, entry in read_entries(work / "journal").items()
        ):
            return
        time.sleep(0.05)
    raise AssertionError(process.communicate())


@pytest.mark.slow
def test_a_driver_that_is_killed_is_taken_up(film, weights, plain, tmp_path):
    output = tmp_path / "out.mp4"
    process = command(film, weights, output)
    wait_for_a_shot(process, tmp_path / "out.mp4.work")
    process.kill()
    process.communicate()
    again = command(film, weights, output)
    _, errors = again.communicate(timeout=200)
    assert again.returncode == 0, errors
    assert output.read_bytes() == plain
    assert "[Resume]" in errors


@pytest.mark.slow
def test_an_interrupt_ends_the_workers_too_and_says_one_line(film, weights, plain, tmp_path):
    output = tmp_path / "out.mp4"
    process = command(film, weights, output, "-q")
    wait_for_a_shot(process, tmp_path / "out.mp4.work")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all that it started
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "seedvr2: interrupted\n")
    assert not output.exists()
