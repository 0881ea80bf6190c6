"""A process gives back what it no longer needs, once it has grown by so much that looking for it pays."""

import gc
import weakref

import pytest

from goeswith.tracking import memory


class Ring:
    """Refers to itself, so that only the collector can let go of it."""

    def __init__(self):
        self.itself = self


@pytest.fixture(autouse=True)
def no_collector_of_its_own():
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize(("much", "is_let_go"), [(-(10**12), True), (10**12, False)])
def test_what_nobody_refers_to_is_let_go_once_the_process_has_grown(monkeypatch, much, is_let_go):
    monkeypatch.setattr(memory, "MUCH", much)
    with memory.PeakMemory() as watched:
        ring = weakref.ref(Ring())

        watched.give_back()

    assert (ring() is None) == is_let_go
