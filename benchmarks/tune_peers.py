"""Choose the peers' settings on the validation slice, each by the task that it is picked for.

    python benchmarks/tune_peers.py --data online-retail
    python benchmarks/tune_peers.py --data scientific --peers als star

Prints every combination of the grids in peer_settings.py, then what to put into CHOSEN there.
"""

import argparse
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from pprint import pformat
from time import perf_counter
from typing import Any

from goeswith.evaluation.outcome import sit
from goeswith.evaluation.protocol import Task
from peer_settings import DECIDED_BY, DECIDES, GRIDS
from peers import PeerLeftOut, fitted
from trials import TRIALS, Trial

K = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=list(TRIALS), default="online-retail")
    parser.add_argument("--peers", nargs="*", choices=list(GRIDS), help="only these; all with a grid without")
    parser.add_argument("--cache", type=Path, help="folder that keeps encoded texts")
    asked = parser.parse_args()

    trial = TRIALS[asked.data]("validation", asked.cache and asked.cache / "vectors")
    names = [name for name in asked.peers or trial.peers if name in GRIDS]
    print("| peer | settings | task | recall@10 (capped) | seconds |\n|---|---|---|---|---|")
    chosen = {}
    for name in names:
        try:
            chosen[name] = best_of(name, trial)
        except PeerLeftOut as error:
            print(f"left out: {error}")
    print(f"\n{asked.data}:\n{pformat(chosen, width=110, sort_dicts=False)}")


def best_of(name: str, trial: Trial) -> dict[str, Any]:
    """The first of the best combinations."""
    task = deciding(name, trial.exam.tasks)
    reached = []
    for settings in combinations(GRIDS[name]):
        started = perf_counter()
        outcome = sit(fitted(name, trial.material, settings), task, trial.exam, K)
        recall = float(outcome.values["capped_recall"].mean())
        shown = ", ".join(f"{key} {value}" for key, value in settings.items())
        print(f"| {name} | {shown} | {task.name} | {recall:.4f} | {perf_counter() - started:.0f} |", flush=True)
        reached.append((recall, settings))
    return max(reached, key=lambda pair: pair[0])[1]


def deciding(name: str, tasks: list[Task]) -> Task:
    """The task that chooses the settings of this peer; the first one where the data has none of those named."""
    named = {task.name: task for task in tasks}
    return next((named[each] for each in DECIDED_BY.get(name, DECIDES) if each in named), tasks[0])


def combinations(grid: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Every way to take one value of each setting.

    Examples
    --------
    >>> list(combinations({"a": [1, 2], "b": [3]}))
    [{'a': 1, 'b': 3}, {'a': 2, 'b': 3}]
    """
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


if __name__ == "__main__":
    main()
