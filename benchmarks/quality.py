"""Ours beside the peers, on the same queries, with paired intervals.

Three ways to run it:

    python benchmarks/quality.py                     the validation slice, on which settings are chosen
    python benchmarks/quality.py --test              the test slice; adds a dated table to docs/lab-log.md
    python benchmarks/quality.py --peers popularity personal --without-ours
"""

import argparse
import json
import os
import platform
import subprocess
import zlib
from dataclasses import replace
from datetime import date
from pathlib import Path
from time import perf_counter

import polars as pl

from agreement import check_against_shared
from data_sets import SHARED
from goeswith.cli.progress_lines import PlainProgress
from goeswith.evaluation.guard import refuse_seen
from goeswith.evaluation.intervals import bootstrap, paired_bootstrap
from goeswith.evaluation.outcome import MAIN, Outcome, sit
from peers import PEERS, PeerLeftOut, fitted
from trials import TRIALS, Trial, shop_of

ROOT = Path(__file__).resolve().parents[1]
K = 10
OURS = "goeswith"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=list(TRIALS), default="complete-journey")
    parser.add_argument("--test", action="store_true", help="the test slice; recorded in docs/lab-log.md")
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), help="only these; all that suit the data without")
    parser.add_argument("--cache", type=Path, help="folder for the peers' values per query; a second run is quick")
    parser.add_argument("--without-ours", action="store_true", help="the peers alone")
    parser.add_argument("--shop", type=Path, help="judge the current model of this shop, as `make demo` leaves it")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()

    trial = TRIALS[asked.data]("test" if asked.test else "validation", asked.cache and asked.cache / "vectors")
    print(f"{trial.name}, {trial.part} slice: " + ", ".join(f"{t.name} {t.n_queries:,}" for t in trial.exam.tasks))
    if asked.data == "complete-journey" and (SHARED / "protocol.py").exists():
        print(check_against_shared(trial))
    outcomes = [each for name in asked.peers or trial.peers for each in peer_outcomes(name, trial, asked.cache)]
    if not asked.without_ours:
        outcomes += our_outcomes(trial, asked.seed, asked.shop)
    print(table := as_table(outcomes, trial))
    if asked.test and not asked.without_ours:
        record(table, trial, asked.seed)


def peer_outcomes(name: str, trial: Trial, cache: Path | None) -> list[Outcome]:
    """A peer's answers to every task, from the cache where it has sat these tasks before; none without its package."""
    asked = [(task.name, task.truth.height) for task in trial.exam.tasks], trial.material.settings.get(name)
    stamp = f"{zlib.crc32(repr(asked).encode()):08x}"
    file = cache / f"{trial.name}-{trial.part}-{name}-{stamp}.json" if cache else None
    if file and file.exists():
        return [Outcome.from_dict(kept) for kept in json.loads(file.read_text())]
    started = perf_counter()
    try:
        peer = fitted(name, trial.material)
    except PeerLeftOut as error:
        print(f"  left out: {error}", flush=True)
        return []
    fit_seconds = perf_counter() - started
    outcomes = [sit(peer, task, trial.exam, K) for task in trial.exam.tasks]
    answer_seconds = sum(each.seconds for each in outcomes)
    print(f"  {name}: fitted in {fit_seconds:.1f} s, answered in {answer_seconds:.1f} s", flush=True)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps([each.to_dict() for each in outcomes]))
    return outcomes


def our_outcomes(trial: Trial, seed: int, folder: Path | None = None) -> list[Outcome]:
    """goeswith through its public names: fitted here with default settings, or the model of a shop.

    Raises
    ------
    SeenSliceError : the shop's model was fitted on events of the slice
    """
    import goeswith as gw

    if folder is not None:
        model = gw.load(folder)
        refuse_seen(trial.exam, model.fitted_until)
        return [_as_ours(sit(model, task, trial.exam, K)) for task in trial.exam.tasks]
    with shop_of(trial) as shop:
        started = perf_counter()
        model = gw.fit(shop, gw.FitConfig(seed=seed), until=trial.until, progress=PlainProgress())
        print(f"  {OURS}: fitted in {perf_counter() - started:.1f} s", flush=True)
        return [_as_ours(sit(model, task, trial.exam, K)) for task in trial.exam.tasks]


def _as_ours(outcome: Outcome) -> Outcome:
    return replace(outcome, system=OURS)


def as_table(outcomes: list[Outcome], trial: Trial) -> str:
    """A row a system and task: recall@10 capped, NDCG@10 with intervals, coverage, Gini; ours against the best peer."""
    lines = ["", "| task | system | recall@10 (capped) | NDCG@10 | coverage | Gini |", "|---|---|---|---|---|---|"]
    for task in trial.exam.tasks:
        sat = [each for each in outcomes if each.task == task.name]
        for each in sorted(sat, key=lambda one: -one.values["capped_recall"].mean()):
            accuracy = " | ".join(_shown(bootstrap(each.values[metric])) for metric in MAIN)
            exposure = f"{each.exposure['coverage']:.3f} | {each.exposure['gini']:.3f}"
            lines.append(f"| {task.name} | {each.system} | {accuracy} | {exposure} |")
        ours, peers = [e for e in sat if e.system == OURS], [e for e in sat if e.system != OURS]
        if ours and peers:
            best = max(peers, key=lambda one: one.values["capped_recall"].mean())
            gain = [paired_bootstrap(ours[0].values[metric], best.values[metric]) for metric in MAIN]
            shown = " | ".join(_shown(each, signed=True) for each in gain)
            lines.append(f"| {task.name} | {OURS} less {best.system} | {shown} | | |")
    return "\n".join(lines)


def _shown(interval: tuple[float, float, float], signed: bool = False) -> str:
    form = "+.4f" if signed else ".4f"
    mean, low, high = (format(value, form) for value in interval)
    return f"{mean} [{low}, {high}]"


def record(table: str, trial: Trial, seed: int) -> None:
    """Add the test figures to the project's memory."""
    asked = ["git", "rev-parse", "--short", "HEAD"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    commit = told.stdout.strip() if told.returncode == 0 else "no commit"
    software = f"Python {platform.python_version()}, polars {pl.__version__}"
    machine = f"{platform.machine()}, {os.cpu_count()} cores, {software}"
    file = ROOT / "docs" / "lab-log.md"
    file.parent.mkdir(exist_ok=True)
    heading = f"\n## {date.today()}: quality on {trial.name}, test slice\n"
    with file.open("a", encoding="utf-8") as log:
        log.write(f"{heading}\nCommit {commit}; {machine}; seed {seed}; intervals of 1,000 redraws, seed 0.\n{table}\n")


if __name__ == "__main__":
    main()
