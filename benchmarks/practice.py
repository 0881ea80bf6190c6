"""The language model in practice: python benchmarks/practice.py PART

tune          look for settings on Online Retail; run it again until the budget is spent (--sitting bounds one call)
tune-test     fit with the settings as they are, or as found (--with start|tuned), and ask the last four weeks
tune-gain     the difference of the two, question by question
"""

import argparse
import json
from pathlib import Path

import numpy as np

import goeswith as gw
import online_retail
from goeswith.cli.progress_lines import PlainProgress
from goeswith.data.cut import default_split
from goeswith.evaluation.exam import build_exam
from goeswith.evaluation.intervals import paired_bootstrap
from goeswith.evaluation.outcome import sit
from goeswith.flow import learn
from goeswith.tuning.tune import mean_gain, tune


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=sorted(PARTS))
    parser.add_argument("--work", type=Path, default=Path(".cache/practice"), help="folder for shops and results")
    parser.add_argument("--budget", type=float, default=30.0, help="minutes of the study")
    parser.add_argument("--sitting", type=float, default=6.0, help="minutes of this call")
    parser.add_argument("--with", dest="which", choices=("start", "tuned"), default="start")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    PARTS[asked.part](asked)


def online_retail_shop(work: Path) -> gw.Shop:
    """Online Retail as a shop; its last four weeks are the test slice, as for goeswith evaluate."""
    folder = work / "online-retail"
    if (folder / "shop.toml").exists():
        return gw.Shop.open(folder)
    products, sales = online_retail.read()
    return gw.Shop.create(folder, products=products, events=sales)


def tuning(asked: argparse.Namespace) -> None:
    shop = online_retail_shop(asked.work)
    found = tune(shop, 60 * asked.budget, sitting=60 * asked.sitting, progress=PlainProgress())
    print(f"trials {found.trials}, {found.seconds:.0f} s of {60 * asked.budget:.0f}")
    print(f"validation recall@10 {found.value:.4f}, as it began {found.base}, difference {found.gain}")
    print(json.dumps(found.settings))


def tuning_test(asked: argparse.Namespace) -> None:
    shop = online_retail_shop(asked.work)
    config = gw.FitConfig()
    if asked.which == "tuned":
        config = gw.FitConfig.from_toml(shop.folder / "tuning" / "default" / "fit.toml")
    split = default_split(shop.log())
    exam = build_exam(split)
    model = learn(split.before, config, asked.work / f"cache-{asked.which}", PlainProgress())
    values = {task.name: sit(model, task, exam).values["capped_recall"].tolist() for task in exam.tasks}
    (asked.work / f"tune-{asked.which}.json").write_text(json.dumps(values))
    print({task: round(float(np.mean(each)), 4) for task, each in values.items()}, exam.cut)


def tuning_gain(asked: argparse.Namespace) -> None:
    start, tuned = (json.loads((asked.work / f"tune-{name}.json").read_text()) for name in ("start", "tuned"))
    for task in start:
        mean, low, high = paired_bootstrap(np.array(tuned[task]), np.array(start[task]))
        means = f"{np.mean(start[task]):.4f} -> {np.mean(tuned[task]):.4f}"
        print(f"{task:16} {means}  {mean:+.4f} [{low:+.4f}, {high:+.4f}]  {len(start[task])} questions")
    mean, low, high = mean_gain(
        [np.array(each) for each in tuned.values()], [np.array(each) for each in start.values()]
    )
    print(f"{'all tasks':16} {mean:+.4f} [{low:+.4f}, {high:+.4f}]")


PARTS = {"tune": tuning, "tune-test": tuning_test, "tune-gain": tuning_gain}


if __name__ == "__main__":
    main()
