"""Reading ahead and writing behind keep order, stop when left, and pass errors on."""

import threading

import pytest

from seedvr2_cli.pipeline.lanes import DEPTH, Ahead, Behind


def running(name):
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_items_come_in_their_order():
    with Ahead(range(100)) as ahead:
        assert list(ahead) == list(range(100))


def test_no_more_is_made_than_may_wait():
    made = []
    with Ahead(made.append(n) or n for n in range(100)) as ahead:
        next(iter(ahead))
        assert len(made) <= DEPTH + 3


def test_an_error_comes_where_its_item_would():
    def broken():
        yield 1
        raise OSError("disk")

    with Ahead(broken()) as ahead:
        items = iter(ahead)
        assert next(items) == 1
        with pytest.raises(OSError, match="disk"):
            next(items)


def test_work_is_done_in_its_order():
    done = []
    with Behind(done.append) as lane:
        for n in range(100):
            lane.put((n,))
        lane.finish()
    assert done == list(range(100))


def test_an_error_behind_reaches_the_one_who_puts():
    def work(n):
        raise OSError("disk")

    with Behind(work) as lane, pytest.raises(OSError, match="disk"):
        for n in range(100):
            lane.put((n,))
        lane.finish()


def test_threads_end_when_they_are_left():
    with Ahead(range(100)) as ahead, Behind(lambda n: None):
        next(iter(ahead))
        threads = running("read ahead") + running("write behind")
    for thread in threads:
        thread.join(2)
        assert not thread.is_alive()
