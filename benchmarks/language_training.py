"""The ways to fine-tune side by side, and what makes training cheap, each in one run.

Seconds are those of the processor (one thread), so that a neighbour on the machine does not change them.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import psutil
import torch

from goeswith.association.features import ProductInputs
from goeswith.association.finetune import FinetuneConfig, finetune_encoder, split_threads
from goeswith.association.held_out import held_out_rank
from goeswith.association.lessons import Drawn, Sets, Shape
from goeswith.association.pretraining import pretrain_encoder
from goeswith.association.towers import Towers, sampled
from goeswith.association.train import FeatureConfig, train_features
from goeswith.language.adapters import METHODS, Reach, prepare
from goeswith.language.encoder import load_encoder
from language_slices import cold_slice, recall_and_ndcg, sharpened

LOOKS = 6
LOSS_BATCHES = 6
SMALL = Shape(batch=48, history=2, window=50, drawn=64)


def methods(data: str, seed: int, steps: int, only: list[str] | None = None) -> None:
    """One process a method, so that its memory is its own."""
    print("| method | parameters | share | seconds | peak memory, MB | held-out rank | cold NDCG@10 | of full |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    full = None
    for method in only or ("frozen", *METHODS):
        call = [sys.executable, __file__, data, method, str(seed), str(steps)]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"| {method} | failed: {done.stderr.strip().splitlines()[-1]} |", flush=True)
            continue
        got = json.loads(done.stdout.strip().splitlines()[-1])
        full = got["rank"] if method == "full" else full
        share = "" if full is None else f"{got['rank'] / full:.1%}"
        print(
            f"| {method} | {got['n']:,} | {got['n'] / got['all']:.2%} | {got['seconds']:.0f} | {got['memory']:.0f} | "
            f"{got['rank']:.4f} | {got['ndcg']:.4f} | {share} |",
            flush=True,
        )


def steps(texts_a_step: int = 64, n_steps: int = 4) -> None:
    """What one training step of each method costs on MiniLM, with texts of the catalogue; one process a method."""
    print(f"one step of {texts_a_step} texts of Online Retail, MiniLM, mean of {n_steps}")
    print("| method | parameters | share | adapter, MB | CPU seconds a step | peak memory, MB |")
    print("|---|---|---|---|---|---|", flush=True)
    for method in METHODS:
        call = [sys.executable, __file__, "step", method, str(texts_a_step), str(n_steps)]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        got = json.loads(done.stdout.strip().splitlines()[-1]) if not done.returncode else None
        shown = (
            f"{got['n']:,} | {got['n'] / got['all']:.2%} | {got['size']:.1f} | {got['seconds']:.2f} | "
            f"{got['memory']:.0f}"
            if got
            else f"failed: {done.stderr.strip().splitlines()[-1]}"
        )
        print(f"| {method} | {shown} |", flush=True)


def one_step(method: str, texts_a_step: int, n_steps: int) -> None:
    import resource
    import tempfile
    from pathlib import Path

    texts = list(dict.fromkeys(cold_slice("online-retail", "validation").texts))
    encoder = load_encoder()
    n_all = sum(weight.numel() for weight in encoder.model.parameters())
    tuning = prepare(method, encoder, Reach(steps=n_steps))
    del encoder
    optimizer = torch.optim.AdamW(tuning.parameters, lr=1e-5)
    spent: list[float] = []
    for step in range(n_steps + 1):
        began = time.process_time()
        optimizer.zero_grad(set_to_none=True)
        # The same texts again: what the frozen layers made of them is kept after the first step.
        vectors = tuning.embed(texts[:texts_a_step])
        (vectors @ vectors.T).square().mean().backward()
        tuning.after_backward(step)
        optimizer.step()
        spent.append(time.process_time() - began)
    with tempfile.TemporaryDirectory() as place:
        tuning.save_adapter(Path(place))
        size = sum(file.stat().st_size for file in Path(place).iterdir()) / 1e6
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "n": tuning.n_parameters,
                "all": n_all,
                "size": size,
                "seconds": float(np.mean(spent[1:])),
                "memory": memory,
            }
        )
    )


def one_method(data: str, method: str, seed: int, steps: int) -> None:
    """Trained for so many steps, every one of them used, gate or not."""
    cold, encoder = cold_slice(data, "validation"), load_encoder()
    n_all = sum(weight.numel() for weight in encoder.model.parameters())
    config = FinetuneConfig(
        method=method, steps=steps, seconds=None, epochs=1, seed=seed, batch=SMALL.batch, history=SMALL.history,
        drawn=SMALL.drawn,
    )  # fmt: skip
    calls = iter(range(100))
    began, before = time.process_time(), psutil.Process().memory_info().rss
    tuned = finetune_encoder(
        cold.texts, cold.log, encoder, config, validation=cold.later, judge=lambda _: float(next(calls))
    )
    seconds = time.process_time() - began
    import resource

    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 2**20
    distinct, _, held = split_threads(cold.texts, cold.log, cold.later, config)
    towers = Towers(_as_tuning(tuned.encoder), distinct)
    rank = held_out_rank(towers.vectors, held, 10.0, seed)
    vectors = tuned.encoder.encode(cold.texts)
    ndcg = recall_and_ndcg(sharpened(vectors, vectors, cold, 10.0), cold)[1].mean()
    print(
        json.dumps(
            {
                "n": tuned.n_parameters, "all": n_all, "seconds": seconds, "memory": memory, "rank": rank,
                "ndcg": float(ndcg),
            }
        )
    )  # fmt: skip


def _as_tuning(encoder):
    from goeswith.language.adapters import Tuning

    return Tuning(encoder, [])


def speed(data: str, seed: int, seconds: float) -> None:
    """The plain pair loop, and what is added to it one by one; each for the same seconds of training.

    Two qualities of what is held out: the rank of purchases, and the loss, which moves long before ranks do.
    """
    cold, encoder = cold_slice(data, "validation"), load_encoder()
    config = FinetuneConfig(seed=seed)
    distinct, train, held = split_threads(cold.texts, cold.log, cold.later, config)
    shape = Shape(80, 3, 50, 128)
    lesson = Drawn(shape, 10.0)
    batches = [lesson.batch(held, np.random.default_rng([seed, 11, at])) for at in range(LOSS_BATCHES)]

    def quality(towers: Towers) -> tuple[float, float]:
        loss = float(np.mean([towers.loss(batch, lesson.objective) for batch in batches]))
        return held_out_rank(towers.vectors, held, 10.0, seed), loss

    rank, loss = quality(Towers(_as_tuning(encoder), distinct))
    print(f"{data}: held out, rank {rank:.4f} and loss {loss:.4f} as it came; {seconds:.0f} s of training each")
    print("| loop | pairs a second | times the plain loop | held out, best rank | best loss | seconds to the plain |")
    print("|---|---|---|---|---|---|", flush=True)
    plain: tuple[float, float] | None = None
    loops: dict[str, tuple[str, Callable[..., tuple[float, int]]]] = {
        "plain text pairs, all weights": ("full", _pairs),
        "distinct products once, in length buckets": ("full", _drawn(shape, "plain")),
        "the same, two passes (half the memory)": ("full", _drawn(shape, "two-pass")),
        "the same, lower layers kept": ("last-k", _drawn(shape, "plain")),
        "sets with every co-purchase, lower layers kept": ("last-k", _sets(256)),
    }
    for name, (method, step_of) in loops.items():
        tuning = prepare(method, encoder, Reach())
        towers = Towers(tuning, distinct)
        optimizer = torch.optim.AdamW(tuning.parameters, lr=6e-5 if method == "last-k" else 4e-5)
        spent, n_pairs, step, curve, next_look = 0.0, 0, 0, [(0.0, rank, loss)], seconds / LOOKS
        while spent < seconds:
            began = time.process_time()
            optimizer.zero_grad(set_to_none=True)
            _, n = step_of(towers, train, np.random.default_rng([seed, step]))
            torch.nn.utils.clip_grad_norm_(tuning.parameters, 1.0)
            optimizer.step()
            spent, n_pairs, step = spent + time.process_time() - began, n_pairs + n, step + 1
            if spent >= next_look:
                curve.append((spent, *quality(towers)))
                next_look += seconds / LOOKS
        best_rank, best_loss = max(at[1] for at in curve), min(at[2] for at in curve)
        pace = n_pairs / spent
        plain = plain or (pace, best_loss)
        reached = next((f"{at:.0f}" for at, _, own in curve if own <= plain[1]), "not reached")
        shown = f"{best_rank:.4f} | {best_loss:.4f} | {reached}"
        print(f"| {name} | {pace:,.0f} | {pace / plain[0]:.1f} | {shown} |", flush=True)


def _pairs(towers, train, rng, size=32):
    """What tutorials do: a batch of text pairs, both sides encoded anew, the others as negatives."""
    at = train.draw(size, rng)
    back = 1 + (rng.random(size) * np.minimum(at - train.start[at], 5)).astype(np.int64)
    first, second = train.group[train.item[at - back]], train.group[train.item[at]]
    a = towers.tuning.embed([towers.texts[group] for group in first])
    b = towers.tuning.embed([towers.texts[group] for group in second])
    loss = torch.nn.functional.cross_entropy(20.0 * (a @ b.T), torch.arange(size))
    loss.backward()
    return float(loss.detach()), size


def _drawn(shape: Shape, memory):
    lesson = Drawn(shape, 10.0)

    def step(towers, train, rng):
        batch = lesson.batch(train, rng)
        return towers.backward(batch, sampled(10.0), memory), batch.n_pairs

    return step


def _sets(size: int):
    lesson = Sets(size, 10.0)

    def step(towers, train, rng):
        batch = lesson.batch(train, rng)
        return towers.backward(batch, lesson.objective), batch.n_pairs

    return step


def pretraining(data: str, seed: int, seconds: float) -> None:
    """What reading the catalogue first adds, when F then learns from 0, 1 and 10 % of the events."""
    cold, encoder = cold_slice(data, "validation"), load_encoder()
    encoders = {"none": encoder}
    for way in ("mlm", "simcse", "tsdae"):
        began = time.process_time()
        encoders[way], course = pretrain_encoder(cold.texts, encoder, way, seconds=seconds, seed=seed)
        print(f"{way}: {course.step} steps, {time.process_time() - began:.0f} s", flush=True)
    n = cold.later.events.height
    order = np.random.default_rng(seed).permutation(n)
    print("| pre-training | 0 % of the events | 1 % | 10 % |\n|---|---|---|---|", flush=True)
    for way, one in encoders.items():
        vectors, cells = one.encode(cold.texts), []
        for share in (0.0, 0.01, 0.1):
            source = target = vectors
            if share:
                from dataclasses import replace

                some = replace(cold.later, events=cold.later.events[np.sort(order[: int(share * n)])])
                inputs = ProductInputs(vectors)
                layer = train_features(inputs, some, FeatureConfig(seed=seed, steps=200, scale=10.0))
                source, target = layer.vectors(inputs)
            recall, ndcg = recall_and_ndcg(sharpened(source, target, cold, 10.0), cold)
            cells.append(f"{recall.mean():.4f} / {ndcg.mean():.4f}")
        print(f"| {way} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__" and sys.argv[1] == "step":
    one_step(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
elif __name__ == "__main__":
    one_method(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
