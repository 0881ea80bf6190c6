"""Labels of pairs beside a reader's: python benchmarks/kinds.py

benchmarks/kinds.csv holds 200 pairs of The Complete Journey as benchmarks/kinds_sample.py drew them, labelled by one
reader from the two descriptions alone. Settings were chosen on the half "develop"; the half "judge" judges. No ranker
is needed: the counts and vectors are those of the validation cut.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from data_sets import complete_journey
from goeswith.association.describer import fit_describer, meaning_of
from goeswith.association.kinds import ALIKE, BOTH, COMPLEMENT, SUBSTITUTE, Kinds
from goeswith.association.parts import Parts, fit_parts
from goeswith.config import FitConfig
from goeswith.data.log import Log
from goeswith.diary import Diary
from goeswith.flow import feature_layer
from goeswith.language.encoder import load_encoder
from goeswith.language.vector_cache import CachedEncoder
from plain_log import plain_log

PAIRS = Path(__file__).with_name("kinds.csv")
LABELS = [COMPLEMENT, SUBSTITUTE, BOTH]
Labels = NDArray[np.str_]
Rows = NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(".cache/vectors"), help="folder for the encoder's vectors")
    asked = parser.parse_args()

    parts, log = fitted(asked.cache)
    kinds = Kinds(parts)
    for half in ("develop", "judge"):
        pairs = pl.read_csv(PAIRS).filter(pl.col("part") == half)
        a, b = log.items.rows(pairs["product_id_a"]), log.items.rows(pairs["product_id_b"])
        read = pairs["label"].to_numpy().astype(str)
        evidence = kinds.evidence(a, b)
        none = np.zeros(len(a), np.float32)
        no_turns = replace(evidence, together=none, one_way=none, in_turn=none, looked=none)
        others = {
            "the rule before": rule_before(parts, a, b),
            "text alone": np.where(evidence.alike >= ALIKE, SUBSTITUTE, COMPLEMENT),
            "goeswith without interchange": no_turns.labels,
        }
        show(f"{half}: goeswith", read, evidence.labels)
        for name, given in others.items():
            show(f"{half}: {name}", read, given)
            print("goeswith less this, related pairs:     " + difference(read, evidence.labels, given))


def fitted(cache: Path) -> tuple[Parts, Log]:
    """What one moment of the shop knows, as `fit` makes it, without rankers."""
    cut, config = complete_journey("validation"), FitConfig()
    log = plain_log(cut.products, cut.fit, cut.fit["customer_id"].unique().sort())
    encoder = CachedEncoder(load_encoder(config.encoder), cache)
    describer = fit_describer(log.products, config.text, encoder, config.words, config.seed)
    reading = describer.read(log.products)
    layer = feature_layer(reading, log, config, Diary())
    meaning = meaning_of(reading, layer, log.products, describer.attributes)
    now = log.events["time"].max()
    return fit_parts(log, now, meaning, config.parts, config.seed, reading.alike), log  # type: ignore[arg-type]


def rule_before(parts: Parts, a: Rows, b: Rows) -> Labels:
    """Substitute: words and F's targets alike, and a damped lift below 3; else complement. Until 2026-11-25."""

    def cosine(x: NDArray[np.float32]) -> NDArray[np.float32]:
        unit = x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
        likeness: NDArray[np.float32] = (unit[a] * unit[b]).sum(axis=1)
        return likeness

    counts = parts.counts
    chance = (counts.items[a] + 5.0) * (counts.items[b] + 5.0) / counts.n_baskets
    alike = (cosine(parts.meaning.words) + cosine(parts.meaning.target)) / 2 >= 0.6
    apart = np.asarray(counts.pairs[a, b]).ravel() / chance < 3.0
    return np.where(alike & apart, SUBSTITUTE, COMPLEMENT)


def show(name: str, read: Labels, given: Labels) -> None:
    """The confusion table, and how far the labels agree."""
    print(f"\n{name}\n{'as read':12}" + "".join(f"{label:>12}" for label in LABELS))
    for row in (*LABELS, "neither"):
        print(f"{row:12}" + "".join(f"{((read == row) & (given == label)).sum():12}" for label in LABELS))
    related = read != "neither"
    print("three labels, pairs read as related:   " + agreement(read[related], given[related]))
    print("three labels, all pairs:               " + agreement(read, given))
    told = [np.isin(labels, [SUBSTITUTE, BOTH]) for labels in (read, given)]
    print("a substitute (or both), all pairs:     " + agreement(*told))
    told = [np.isin(labels[related], [COMPLEMENT, BOTH]) for labels in (read, given)]
    print("a complement (or both), related pairs: " + agreement(*told))


def agreement(read: NDArray, given: NDArray) -> str:
    share = [float((read[at] == given[at]).mean()) for at in redraws(len(read))]
    agreed = [kappa(read[at], given[at]) for at in redraws(len(read))]
    return (
        f"agree {(read == given).mean():.2f} {interval(share)}, kappa {kappa(read, given):.2f} {interval(agreed)}, "
        f"n {len(read)}"
    )


def difference(read: Labels, ours: Labels, other: Labels) -> str:
    """How much further ours agree, over the pairs read as related; the same pairs are drawn for both."""
    related = read != "neither"
    read, ours, other = read[related], ours[related], other[related]
    share = (ours == read).astype(float) - (other == read)
    agreed = kappa(read, ours) - kappa(read, other)
    shares = [float(share[at].mean()) for at in redraws(len(read))]
    kappas = [kappa(read[at], ours[at]) - kappa(read[at], other[at]) for at in redraws(len(read))]
    return f"agree {share.mean():+.2f} {interval(shares)}, kappa {agreed:+.2f} {interval(kappas)}"


def redraws(n: int) -> Rows:
    return np.random.default_rng(0).integers(0, n, (1000, n))


def kappa(left: NDArray, right: NDArray) -> float:
    """Agreement beyond chance (Cohen 1960): 0 for chance, 1 for the same labels."""
    chance = sum(float((left == label).mean() * (right == label).mean()) for label in np.unique(left))
    return 1.0 if chance == 1 else float(((left == right).mean() - chance) / (1 - chance))


def interval(values: list[float]) -> str:
    low, high = np.quantile(values, [0.025, 0.975])
    return f"[{low:.2f}, {high:.2f}]"


if __name__ == "__main__":
    main()
