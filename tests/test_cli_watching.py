"""What a person sees while work goes on, and what doctor and help say."""

import io
import json
import subprocess
import sys
import time

from typer.testing import CliRunner

from goeswith.cli.app import app
from goeswith.cli.checks import Check, wanted_by_extras
from goeswith.cli.progress_lines import PlainProgress, ProgressBar
from goeswith.progress import Epoch, Note, Stage, Step

run = CliRunner().invoke


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_plain_progress_writes_steps_now_and_then_and_all_else_at_once():
    stream, clock = io.StringIO(), Clock()
    progress = PlainProgress(stream, clock)

    progress(Stage("fine-tune", seconds_left=130))
    for done in range(1, 41):
        clock.now += 1  # 40 seconds, so a line at 15 and at 30
        progress(Step("fine-tune", done, 40, loss=2.0, seconds_left=40 - done))
    progress(Epoch("fine-tune", 1, train=2.0, validation=2.5))
    progress(Note("resumed from a checkpoint"))

    assert stream.getvalue().splitlines() == [
        "fine-tune (about 2 min 10 s)",
        "  fine-tune 15/40, loss 2.000, 25 s left",
        "  fine-tune 30/40, loss 2.000, 10 s left",
        "  fine-tune, epoch 1: train loss 2.000, validation loss 2.500",
        "  resumed from a checkpoint",
    ]


def test_the_bar_is_drawn_over_itself_and_ends_full():
    stream, clock = io.StringIO(), Clock()
    bar = ProgressBar(stream, clock)

    for done in range(1, 5):
        clock.now += 1
        bar(Step("encode", done, 4))
    bar(Stage("rank"))

    assert stream.getvalue().count("\r") == 4
    assert "━" * 24 + " encode 4/4\nrank\n" in stream.getvalue()


def test_doctor_names_every_extra_and_the_way_to_get_it(monkeypatch, tmp_path):
    from goeswith.cli import checks

    monkeypatch.setattr(checks, "satisfied", lambda need: need.name != "optuna")

    found = json.loads(run(app, ["doctor", "--folder", str(tmp_path), "--json"]).stdout)["checks"]

    said = {check["what"]: check for check in found}
    assert {f"extra {extra}" for extra in wanted_by_extras()} <= set(said)
    assert said["extra tune"]["way_out"].endswith("'goeswith[tune]'")
    assert said["extra demo"]["state"] == "good"


def test_doctor_exits_1_when_something_must_be_mended(monkeypatch):
    from goeswith.cli import checks

    monkeypatch.setattr(checks, "all_checks", lambda folder: [Check("Python", "3.9", "broken", "get a newer one")])

    done = run(app, ["doctor"])

    assert done.exit_code == 1
    assert "get a newer one" in done.stdout
    assert "1 to mend: Python" in done.stderr


def test_help_is_there_before_anybody_is_bored():
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "goeswith", "--help"], capture_output=True, text=True, check=True)

    assert "recommend" in done.stdout
    assert time.perf_counter() - start < 5  # half a second on an idle machine; a loaded one runs tests too


def test_help_loads_neither_torch_nor_frames():
    code = (
        "import sys; from goeswith.cli.app import app; print(sorted({'torch', 'polars', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
