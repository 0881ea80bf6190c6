"""What was shown waits to be written; whoever asks for it to be written finds it in the database."""

import threading
from contextlib import contextmanager

import pytest

from goeswith.serve.exposure_log import ExposureLog
from goeswith.serve.store.database import DatabaseAway

ANA, BEN = {"customer_id": "ana", "product_id": "jam"}, {"customer_id": "ben", "product_id": "tea"}


class SlowDatabase:
    """Takes its time with every write, until it is let go on."""

    def __init__(self):
        self.asked, self.go_on, self.away = threading.Event(), threading.Event(), False
        self.rows = []

    @contextmanager
    def writing(self):
        self.asked.set()
        assert self.go_on.wait(10)
        if self.away:
            raise DatabaseAway("away")
        yield self

    def execute(self, _, rows):
        self.rows += rows


@pytest.fixture
def writing():
    """A log, its database, and a thread that is in the middle of writing what Ana saw."""
    database = SlowDatabase()
    log = ExposureLog(database)
    log.add([ANA])
    thread = threading.Thread(target=log.flush)
    thread.start()
    assert database.asked.wait(10)
    yield log, database, thread
    database.go_on.set()
    thread.join(10)


@pytest.mark.parametrize("ask", [ExposureLog.flush, lambda log: log.forget("ana")], ids=["flush", "forget"])
def test_it_waits_for_what_another_thread_is_writing(writing, ask):
    log, database, _ = writing
    returned = threading.Event()
    asking = threading.Thread(target=lambda: (ask(log), returned.set()))
    asking.start()

    assert not returned.wait(0.2)
    database.go_on.set()
    asking.join(10)

    assert returned.is_set()
    assert [row["customer_id"] for row in database.rows] == ["ana"]


def test_rows_are_taken_while_others_are_written_and_the_forgotten_are_dropped(writing):
    log, database, thread = writing
    log.add([ANA])
    log.add([BEN])
    database.go_on.set()
    thread.join(10)

    log.forget("ana")
    log.flush()

    assert [row["customer_id"] for row in database.rows] == ["ana", "ben"]


def test_what_a_database_that_is_away_did_not_take_waits_on():
    database = SlowDatabase()
    database.away = True
    database.go_on.set()
    log = ExposureLog(database)
    log.add([ANA])
    with pytest.raises(DatabaseAway):
        log.flush()

    database.away = False
    log.flush()

    assert [row["customer_id"] for row in database.rows] == ["ana"]
