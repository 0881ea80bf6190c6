"""Runs are written down, followed and compared; nothing that only watches can stop a fit."""

import json
import os
import time

import numpy as np
import pytest
from typer.testing import CliRunner

import goeswith as gw
from goeswith.cli.app import app
from goeswith.errors import MissingExtra, UsageError
from goeswith.model import load
from goeswith.progress import Epoch, Note, Stage, Step
from goeswith.testing import corner_shop
from goeswith.tracking.cost import Cheaper, Cost, cost_of
from goeswith.tracking.opening import open_trackers, tracked
from goeswith.tracking.runs import different_settings, list_runs, named_runs, sparkline
from goeswith.tracking.tensorboard import TensorBoardTracker
from goeswith.tracking.tracker import Outcome, RunStart, Tracking

run = CliRunner().invoke
QUICK = gw.FitConfig.model_validate(
    {
        "finetune": {"steps": 4, "epochs": 2, "batch": 8, "drawn": 8},
        "features": {"steps": 20},
        "learning": {"n_customers": 30, "n_baskets": 40, "n_related": 30, "slices": 1},
    }
)


@pytest.fixture
def shop(tmp_path):
    return gw.Shop.create(tmp_path / "shop", products=corner_shop.products(), events=corner_shop.events())


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A shop with two runs, which differ in one setting; the second one followed by TensorBoard."""
    big = corner_shop.big_corner_shop(n_customers=40, n_weeks=8)
    shop = gw.Shop.create(tmp_path_factory.mktemp("runs") / "shop", products=big.products, events=big.events)
    gw.fit(shop, QUICK)
    other = QUICK.model_copy(update={"features": QUICK.features.model_copy(update={"steps": 30})})
    gw.fit(shop, other, track=["tensorboard"])
    return shop


# --- the shop's own record


def test_what_happens_is_read_back_as_curves(shop):
    with tracked(shop, "fit", {"seed": 0}) as (tracking, outcome):
        tracking.tell(Stage("learn"))
        for step, loss in enumerate((3.0, 2.0, 1.0), start=1):
            tracking.tell(Step("learn", step, 3, loss=loss, rate=0.1 / step, gradient=0.5))
        tracking.tell(Epoch("learn", 1, train=1.0, validation=1.5, metric=0.25))
        outcome.facts |= {"figures": {"held out": 0.25}, "version": "v1"}

    (told,) = list_runs(shop)

    assert (told.status, told.version, told.figures) == ("finished", "v1", {"held out": 0.25})
    assert told.curves == {
        "learn: loss": [3.0, 2.0, 1.0],
        "learn: learning rate": [0.1, 0.05, 0.1 / 3],
        "learn: gradient norm": [0.5, 0.5, 0.5],
        "learn: train loss by epoch": [1.0],
        "learn: validation loss by epoch": [1.5],
        "learn: held out by epoch": [0.25],
    }


def test_of_many_steps_about_two_hundred_are_kept_and_the_last_one_always(shop):
    with tracked(shop, "fit", {}) as (tracking, _):
        for step in range(1, 1_004):
            tracking.tell(Step("learn", step, 1_003, loss=float(step)))

    losses = list_runs(shop)[0].curves["learn: loss"]

    assert 200 <= len(losses) <= 202 and losses[-1] == 1_003


def test_a_run_that_fails_says_why(shop):
    with pytest.raises(ValueError, match="no luck"), tracked(shop, "fit", {}):
        raise ValueError("no luck")

    (told,) = list_runs(shop)

    assert told.status == "failed"
    assert json.loads((told.folder / "run.json").read_text())["reason"] == "no luck"


def test_a_run_whose_process_is_no_more_was_interrupted_and_its_last_half_line_is_left_out(shop):
    with tracked(shop, "fit", {}) as (tracking, _):
        tracking.tell(Step("learn", 1, 2, loss=1.0))
    (told,) = list_runs(shop)
    about = json.loads((told.folder / "run.json").read_text())
    (told.folder / "run.json").write_text(json.dumps({**about, "status": "running", "process": 2**22 + 1}))
    with (told.folder / "events.jsonl").open("a") as file:
        file.write('{"seconds": 1.0, "event": "st')

    (again,) = list_runs(shop)

    assert again.status == "interrupted" and again.curves == {"learn: loss": [1.0]}


def test_a_damaged_record_hides_no_other(shop):
    with tracked(shop, "fit", {}):
        pass
    (shop.runs / "broken").mkdir()
    (shop.runs / "broken" / "run.json").write_text("{")

    assert len(list_runs(shop)) == 1


def test_settings_that_differ_are_found_by_their_dotted_name(shop):
    for rate in (0.1, 0.2):
        with tracked(shop, "fit", {"seed": 0, "finetune": {"rate": rate}}):
            pass

    assert different_settings(named_runs(shop, [])) == {"finetune.rate": [0.1, 0.2]}


def test_a_curve_is_one_line():
    assert sparkline([0.0, 7.0]) == "▁█"
    assert sparkline([1.0, float("nan"), 1.0]) == "▁▁"
    assert len(sparkline(range(1_000))) == 32


# --- trackers


class Broken:
    name = "Broken"

    def begin(self, run):
        return ""

    def tell(self, event):
        raise ConnectionError("the server is gone")

    def __getattr__(self, name):
        raise AssertionError("called after it failed")


def test_a_tracker_that_fails_is_left_out_and_the_rest_goes_on(shop):
    heard = []
    tracking = Tracking([Broken()], heard.append)

    tracking.begin(RunStart(shop.runs / "r", "r", "fit", {}))
    tracking.tell(Stage("one"))
    tracking.tell(Stage("two"))
    tracking.end(Outcome())

    assert heard == [
        Note("Broken is left out from here on (the server is gone); the fit itself goes on"),
    ]


def test_a_folder_that_cannot_be_written_stops_no_fit(shop):
    heard = []
    shop.runs.write_text("a file where the folder should be")

    with tracked(shop, "fit", {}, progress=heard.append) as (tracking, _):
        tracking.tell(Stage("one"))

    assert len(heard) == 1 and "left out" in heard[0].text


def test_a_tracker_that_is_not_there_is_named_with_those_that_are(shop):
    with pytest.raises(UsageError, match=r"there is no such tracker\. There is: tensorboard, wandb"):
        open_trackers(["mlflow"])

    assert run(app, ["fit", str(shop.folder), "--track", "mlflow"]).exit_code == 2
    assert not shop.runs.exists()


def test_a_tracker_that_is_not_installed_names_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)

    with pytest.raises(MissingExtra, match=r"goeswith\[track\]"):
        TensorBoardTracker()


def test_tensorboard_gets_losses_rate_gradient_lists_and_vectors(fitted):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    followed = list_runs(fitted)[0]
    folder = followed.folder / "tensorboard"

    read = accumulators.EventAccumulator(str(folder)).Reload()

    tags = read.Tags()
    learning = "fine-tune the language model"
    assert {f"{learning}/{name}" for name in ("loss", "learning rate", "gradient norm")} <= set(tags["scalars"])
    assert {f"{learning}, by epoch/{name}" for name in ("train loss", "validation loss")} <= set(tags["scalars"])
    assert f"{learning}: nearest products/text_summary" in tags["tensors"]
    assert len(read.Tensors(f"{learning}: nearest products/text_summary")) == QUICK.finetune.epochs
    vectors = next(folder.glob("*/products/tensors.tsv"))
    names = next(folder.glob("*/products/metadata.tsv")).read_text().splitlines()
    n_products = len(fitted.products())
    assert len(vectors.read_text().splitlines()) == len(names) == n_products
    assert [e["lists"] for e in followed.events() if e["event"] == "lists"]


def test_weights_and_biases_keeps_a_run_offline(shop, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    heard = []

    with tracked(shop, "fit", {"seed": 0}, ["wandb"], heard.append) as (tracking, outcome):
        tracking.tell(Step("learn", 1, 1, loss=1.0, rate=0.1, gradient=0.5))
        tracking.lists("learn", 1, {"tea": ["coffee"]})
        tracking.vectors("products", ["tea", "coffee"], np.eye(2, dtype=np.float32))
        outcome.facts["figures"] = {"held out": 0.5}

    assert ["wandb sync" in note.text for note in heard] == [True]  # and nothing was left out
    (kept,) = shop.runs.glob("*/wandb/offline-run-*/run-*.wandb")
    for _ in range(50):  # a process of its own writes the file out
        if b"held out" in (written := kept.read_bytes()):
            break
        time.sleep(0.2)
    assert b"learn/loss" in written and b"held out" in written


def test_a_server_that_does_not_answer_leaves_the_run_offline(shop, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr("goeswith.tracking.weights_and_biases.PATIENCE", 2.0)
    heard = []

    with tracked(shop, "fit", {}, ["wandb"], heard.append) as (tracking, outcome):
        tracking.tell(Step("learn", 1, 1, loss=1.0))
        outcome.facts["version"] = "v1"

    assert list_runs(shop)[0].version == "v1"
    assert "the server did not answer" in heard[0].text
    assert list(shop.runs.glob("*/wandb/offline-run-*/run-*.wandb"))


# --- cost


def test_a_cost_adds_up_and_knows_what_less_would_have_cost():
    half = Cheaper("steps = 5", 10.0, "loss", 2.5, 2.0, better="lower")
    none = Cheaper('method = "frozen"', 20.0, "held out", 0.5, 0.4)

    assert (half.loss, round(none.loss, 6)) == (0.5, -0.1)
    assert str(half) == "steps = 5: 10 s less; loss 2.5000, not 2.0000 (worse by 0.5000)"
    assert str(none).endswith("(no worse)")


def test_every_fit_ends_with_its_cost_and_a_loaded_model_remembers_it(fitted):
    model = load(fitted)
    cost = cost_of(model.facts)

    assert isinstance(cost, Cost)
    assert cost.seconds == model.facts["stages"] and set(cost.memory) == set(cost.seconds)
    assert min(cost.memory.values()) > 50  # MB: the process holds PyTorch
    settings = [each.setting for each in cost.cheaper]
    assert settings[0] == 'finetune.method = "frozen"' and "features.steps = 15" in settings
    assert "30.00" not in str(cost) and str(cost).startswith("Where ")


def test_the_command_prints_the_cost(shop, tmp_path):
    config = tmp_path / "fit.toml"
    config.write_text('[finetune]\nmethod = "frozen"\n[features]\nsteps = 0\n')

    plain, asked = (run(app, ["fit", str(shop.folder), "--config", str(config), *more]) for more in ([], ["--json"]))

    assert "Where " in plain.stderr and "s went" in plain.stderr
    assert set(json.loads(asked.stdout)["cost"]) == {"seconds", "memory", "cheaper"}


# --- commands


def test_runs_are_listed_newest_first(fitted):
    listed = json.loads(run(app, ["runs", "list", str(fitted.folder), "--json"]).stdout)

    assert [told["status"] for told in listed] == ["finished", "finished"]
    assert listed[0]["started"] >= listed[1]["started"]
    assert run(app, ["runs", "list", str(fitted.folder)]).stdout.count("-fit") == 2


def test_runs_are_compared_in_the_terminal_and_as_a_page(fitted, tmp_path):
    page = tmp_path / "runs.html"

    shown = run(app, ["runs", "compare", str(fitted.folder), "--html", str(page)])

    assert shown.exit_code == 0
    assert any(line.split()[:3] == ["features.steps", "20", "30"] for line in shown.stdout.splitlines())
    assert "fine-tune the language model: loss" in shown.stdout and "█" in shown.stdout
    html = page.read_text(encoding="utf-8")
    assert html.count("<polyline") >= 4 and "<script" not in html


def test_a_run_that_is_not_there_is_named(fitted):
    told = run(app, ["runs", "compare", str(fitted.folder), "19990101"])

    assert told.exit_code == 2 and "19990101 names no run" in told.stderr


def test_a_shop_without_runs_says_so(shop):
    assert "Nothing has been fitted" in run(app, ["runs", "list", str(shop.folder)]).stdout
    assert "No run has ended" in run(app, ["runs", "compare", str(shop.folder)]).stdout


def test_the_process_of_a_run_is_this_one_while_it_runs(shop):
    with tracked(shop, "fit", {}):
        (told,) = list_runs(shop)
        assert told.status == "running"
        assert json.loads((told.folder / "run.json").read_text())["process"] == os.getpid()
