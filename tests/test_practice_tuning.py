"""A study goes on where it ended, never touches the slice that judges, and refuses what cannot be compared."""

import json
import re
import tomllib

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import goeswith as gw
from goeswith.cli.app import app
from goeswith.cli.tune import seconds_of
from goeswith.config import FitConfig
from goeswith.data.cut import default_split
from goeswith.errors import DataError, ShopError, UsageError
from goeswith.evaluation.intervals import mean_gain
from goeswith.testing import corner_shop
from goeswith.tuning import tune as tuning
from goeswith.tuning.confirm import START as AS_IT_BEGAN
from goeswith.tuning.confirm import Whole, borne_out, whole_fit, whole_seconds
from goeswith.tuning.parallel import parallel_coordinates
from goeswith.tuning.space import merged, nearest_to, settings_of, templates_of
from goeswith.tuning.study import Identity, open_study, spent
from goeswith.tuning.toml import to_toml

optuna = pytest.importorskip("optuna")
run = CliRunner().invoke
TINY = {
    "finetune": {"batch": 8, "history": 1, "steps": 2, "seconds": 0.01},
    "features": {"steps": 4},
    "learning": {"n_customers": 20, "n_baskets": 20, "n_related": 20, "slices": 1},
}
START = gw.FitConfig.model_validate({"finetune": {"method": "frozen"}})


def small_shop(folder):
    big = corner_shop.big_corner_shop(n_customers=30, n_weeks=8)
    return gw.Shop.create(folder, products=big.products, events=big.events)


def tuned(shop, budget=1_000.0, confirm=False, **how):
    return tuning.tune(shop, budget, config=START, small=TINY, questions=20, confirm=confirm, **how)


@pytest.fixture(scope="module")
def studied(tmp_path_factory):
    """A shop whose study has three trials, in two sittings.

    Half of what the start hits is taken off. On twenty questions chance and the clock would decide which trial is best.
    """
    shop, recalls = small_shop(tmp_path_factory.mktemp("tune") / "shop"), tuning._recalls

    def with_a_weak_start(shop, past, config, *rest):
        share = 0.5 if config.features.rate == START.features.rate else 1.0
        return {task: share * values for task, values in recalls(shop, past, config, *rest).items()}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "_recalls", with_a_weak_start)
        tuned(shop, trials=2)
        return shop, tuned(shop, trials=3)


def test_a_second_call_goes_on_where_the_first_ended(studied):
    found = studied[1]

    assert sum(found.trials.values()) == 3 and found.trials["fail"] == 0
    assert found.base is not None and found.value >= found.base
    assert found.gain is not None and found.gain[1] <= found.gain[0] <= found.gain[2]
    assert abs(found.gain[0] - (found.value - found.base)) < 1e-3


def test_what_is_found_is_a_fit_toml_that_can_be_fitted(studied):
    found = studied[1]

    config = FitConfig.from_toml(found.file)

    for room, values in found.settings.items():
        told = getattr(config, room).model_dump(mode="json")
        assert merged(told, values) == told  # every value stands in the file
    assert found.file.read_text().startswith("# Found by goeswith tune")


def whole(recall):
    return Whole({"next": np.full(10, recall)}, 3.0)


def best_of(found):
    """The number of the best trial, as fit.toml says it."""
    return re.search(r"trial (\d+) of", found.file.read_text())[1]


def forget_whole_fits(trials):
    for file in trials.glob("whole-*"):
        file.unlink()


@pytest.mark.parametrize("found, kept", [(0.3, True), (0.2, False), (0.1, False)])
def test_settings_that_whole_fits_do_not_bear_out_are_not_written(studied, found, kept):
    shop, before = studied
    folder, best = shop.folder / "tuning" / "default", best_of(before)
    forget_whole_fits(folder / "trials")
    whole_fit(folder, best, lambda: whole(found))
    whole_fit(folder, AS_IT_BEGAN, lambda: whole(0.2))

    again = tuned(shop, trials=3)

    assert again.whole_gain is not None and again.whole_gain.mean == pytest.approx(found - 0.2)
    assert bool(again.settings) == (kept and best != "0") and again.seconds > 6.0
    written = again.file.read_text()
    assert ("So the settings stay as they were" in written) == (not kept)
    FitConfig.from_toml(again.file)


def test_a_whole_fit_is_kept_and_not_made_twice(tmp_path):
    (tmp_path / "trials").mkdir()
    first = whole_fit(tmp_path, "4", lambda: whole(0.25))

    again = whole_fit(tmp_path, "4", lambda: pytest.fail("made again"))

    assert again.mean == first.mean == 0.25
    assert whole_seconds(tmp_path) == 3.0 and borne_out(tmp_path, 4) is None


def test_the_settings_as_they_were_and_as_found_are_fitted_whole(studied, monkeypatch):
    shop, before = studied
    trials, best, learn = shop.folder / "tuning" / "default" / "trials", best_of(before), tuning.learn
    forget_whole_fits(trials)

    def quickly(log, config, *rest):
        assert config.learning.n_customers == START.learning.n_customers  # whole, if it were not for this test
        return learn(log, FitConfig.model_validate(TINY | {"finetune": START.finetune}), *rest)

    monkeypatch.setattr(tuning, "learn", quickly)
    found = tuned(shop, trials=3, confirm=True)

    kept = sorted(file.stem for file in trials.glob("whole-*"))
    assert kept == ([] if best == "0" else sorted([f"whole-{best}", "whole-start"]))
    assert (found.whole_gain is None) == (best == "0")


def test_without_time_for_it_nothing_is_confirmed(studied):
    shop, found = studied
    forget_whole_fits(shop.folder / "tuning" / "default" / "trials")

    again = tuned(shop, budget=found.seconds, confirm=True, study="default", trials=3)

    assert again.trials == found.trials and again.whole_gain is None


def test_the_report_shows_progress_and_what_was_tried_together(studied):
    html = studied[1].report.read_text(encoding="utf-8")

    assert html.count("<polyline") >= 3 and "settings tried together" in html and "<script" not in html


def test_a_budget_that_is_spent_begins_no_trial(studied):
    shop, found = studied

    again = tuned(shop, budget=found.seconds * 0.9)

    assert again.trials == found.trials


def test_nothing_after_the_cut_is_ever_seen(studied, monkeypatch):
    shop, _ = studied
    cut = default_split(shop.log()).before.events["time"].max()
    seen = []

    def watched(log, config, cache, progress):
        seen.append(log.events["time"].max())
        raise DataError("enough")

    monkeypatch.setattr(tuning, "learn", watched)
    with pytest.raises(DataError, match="trials in a row failed"):
        tuned(shop, study="watched")

    assert len(seen) == tuning.MOST_FAILURES and max(seen) < cut  # and its own slice lies between the two


def test_a_trial_of_a_process_that_is_no_more_is_over(studied):
    shop, _ = studied
    inner = default_split(default_split(shop.log()).before).before
    study = open_study(shop, "killed", Identity.of(inner, START, {}), 0)
    trial = study.ask()
    trial.set_user_attr("process", 2**22 + 1)
    trial.set_user_attr("born", 0.0)
    trial.set_user_attr("seconds", 12.5)

    again = open_study(shop, "killed", Identity.of(inner, START, {}), 0)

    assert [each.state.name for each in again.trials] == ["FAIL"] and spent(again) == 12.5


def test_two_processes_share_one_study(studied):
    shop, _ = studied
    inner = default_split(default_split(shop.log()).before).before
    one, two = (open_study(shop, "shared", Identity.of(inner, START, {}), 0) for _ in range(2))

    first, second = one.ask(), two.ask()
    one.tell(first, 0.1)
    two.tell(second, 0.2)

    assert {first.number, second.number} == {0, 1} and one.best_value == two.best_value == 0.2


@pytest.mark.parametrize(
    "changed, said",
    [
        ({"format": 99}, "another version"),
        ({"data": "x"}, "other products or events"),
        ({"base": "x"}, "other settings"),
    ],
)
def test_a_study_that_cannot_be_compared_is_refused_with_the_way_out(studied, changed, said):
    shop, _ = studied
    inner = default_split(default_split(shop.log()).before).before
    known = Identity.of(inner, START, {})
    name = f"other-{next(iter(changed))}"
    open_study(shop, name, known, 0)

    with pytest.raises(ShopError, match=f"{said}.*--study NAME"):
        open_study(shop, name, Identity(**{**known.__dict__, **changed}), 0)


def test_a_file_that_is_no_study_is_refused(studied):
    shop, _ = studied
    folder = shop.folder / "tuning" / "broken"
    folder.mkdir(parents=True)
    (folder / "study.db").write_bytes(b"not a database, but long enough to look at" * 40)

    with pytest.raises(ShopError, match="cannot be read as a study"):
        tuned(shop, study="broken")


@pytest.mark.parametrize(
    "words, said",
    [
        (["--budget", "soon"], "as 90s, 30m or 2h"),
        (["--budget", "0m"], "above 0"),
        (["--study", "../elsewhere"], "letters, digits"),
    ],
)
def test_wrong_use_is_refused_before_any_work(studied, words, said):
    told = run(app, ["tune", str(studied[0].folder), *words])

    assert told.exit_code == 2 and said in told.stderr


def test_a_shop_too_small_to_be_cut_twice_says_so(tmp_path):
    events = pl.DataFrame({"user": ["a"], "item": ["tea"], "date": ["2024-05-01"]})
    shop = gw.Shop.create(tmp_path / "shop", events=events)

    with pytest.raises(DataError):
        tuned(shop)


def test_the_command_prints_what_was_found(studied, monkeypatch):
    shop, found = studied
    monkeypatch.setattr("goeswith.tuning.tune.tune", lambda *_, **__: found)

    plain, asked = (run(app, ["tune", str(shop.folder), *more]) for more in ([], ["--json"]))

    assert "recall@10" in plain.stdout and "goeswith evaluate" in plain.stderr
    assert json.loads(asked.stdout)["trials"] == found.trials


# --- the space, the file, the picture


def test_a_point_says_in_fit_toml_what_was_asked():
    point = {
        "method": "lora", "learning rate": 1e-4, "epochs": 3, "weight decay": 0.01, "temperature": 0.1, "negatives": 64,
        "LoRA rank": 8, "F learning rate": 5e-4, "F temperature": 0.05, "F negatives": 128, "ranker leaves": 12,
        "text": "name alone",
    }  # fmt: skip

    settings = settings_of(point, {"name alone": {"fields": ["name"]}})

    config = FitConfig.model_validate(settings)
    assert (config.finetune.lora_rank, config.finetune.steps, config.finetune.scale) == (8, 90, 10.0)
    assert (config.features.scale, config.learning.ranker.leaves, config.text.fields) == (20.0, 12, ("name",))


def test_the_first_trial_stands_inside_the_space():
    templates = templates_of(corner_shop.products(), START)

    point = nearest_to(FitConfig(), templates)

    assert list(templates) == ["as chosen", "name alone", "every field labelled"]
    FitConfig.model_validate(settings_of(point, templates))


@pytest.mark.parametrize(
    "settings",
    [
        {"seed": 1, "encoder": 'a "quoted" \\ name', "text": {"fields": ["name", "商品"], "lower": True}},
        {"learning": {"ranker": {"leaves": 12, "learning_rate": 1e-05}}},
        FitConfig().model_dump(mode="json", exclude_none=True),
    ],
)
def test_toml_is_read_back_as_it_was(settings):
    assert tomllib.loads(to_toml(settings, ("a remark",))) == settings


def test_the_gain_weighs_tasks_alike():
    ours, theirs = [np.ones(10), np.zeros(1_000)], [np.zeros(10), np.zeros(1_000)]

    mean, low, high = mean_gain(ours, theirs)

    assert (mean, low, high) == (0.5, 0.5, 0.5)


def test_a_trial_without_a_setting_passes_below_its_axis():
    drawn = parallel_coordinates([({"method": "frozen"}, 0.1), ({"method": "lora", "rank": 8}, 0.2)])

    assert drawn.count("<polyline") == 2 and ",313.0" in drawn  # 40 + 260 * 1.05


def test_a_time_is_read():
    assert seconds_of("budget", "2h") == 7_200
    with pytest.raises(UsageError):
        seconds_of("budget", "-3m")
