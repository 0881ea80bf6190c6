"""The language model in practice: python benchmarks/practice.py PART

tune          look for settings on Online Retail; run it again until the budget is spent (--sitting bounds one call)
tune-test     fit with the settings as they are, or as found (--with start|tuned), and ask the last four weeks
tune-gain     the difference of the two, question by question
export        write the encoder as ONNX and a student of it (once; the parts below read them)
inference     texts a second and likeness: PyTorch, ONNX float, ONNX int8, the static student; in one process
reading       what the vectors of each are worth on Online Retail's last four weeks: baskets, by likeness alone
vectors       fewer dimensions and fewer bits for F's vectors, on a fitted shop (--shop) and what came after its cut
few-labels    labels of benchmarks/kinds.csv, learnt from the half "develop", judged on "judge" (--shop fitted on the
              same data; --encoder also tunes the encoder, --causal MODEL asks one in words)

Times are seconds of the processor, one thread: what a neighbour does is not counted.
"""

import argparse
import json
from pathlib import Path
from time import process_time

import numpy as np
import polars as pl
import torch
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import goeswith as gw
import online_retail
from goeswith.association.few_labels import Learner, accuracy_by_size
from goeswith.association.kinds import ALIKE, Kinds
from goeswith.cli.progress_lines import PlainProgress
from goeswith.data.atomic import folder_replaced
from goeswith.data.cut import Split, cut_at, default_split
from goeswith.data.labels import LABELS
from goeswith.evaluation.exam import build_exam
from goeswith.evaluation.intervals import mean_gain, paired_bootstrap
from goeswith.evaluation.outcome import sit
from goeswith.flow import learn
from goeswith.labelling import PROMPTED, learners_of
from goeswith.language.causal import load_causal
from goeswith.language.encoder import Encoder, load_encoder
from goeswith.language.onnx_encoder import export_onnx, load_onnx_encoder
from goeswith.language.prompted import INTRODUCTION, QUESTION
from goeswith.language.static_student import StaticStudent, distil
from goeswith.language.vector_cache import CachedEncoder
from goeswith.language.vocabulary_cut import cut_vocabulary
from goeswith.ranking.compact import Compact, principal_axes
from goeswith.tuning.tune import tune

KINDS = Path(__file__).with_name("kinds.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=sorted(PARTS))
    parser.add_argument("--work", type=Path, default=Path(".cache/practice"), help="folder for shops and results")
    parser.add_argument("--budget", type=float, default=30.0, help="minutes of the study")
    parser.add_argument("--sitting", type=float, default=6.0, help="minutes of this call")
    parser.add_argument("--shop", type=Path, help="a fitted shop of The Complete Journey")
    parser.add_argument("--encoder", action="store_true")
    parser.add_argument("--causal")
    parser.add_argument("--sizes", type=int, nargs="*", default=[0, 8, 16, 64])
    parser.add_argument("--draws", type=int, default=5)
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
    print(f"whole fits {found.whole}, as it began {found.whole_base}, difference {found.whole_gain}")
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


def names_of_online_retail() -> tuple[list[str], list[str]]:
    """Distinct names, shuffled: four fifths to teach a student on, the others to judge by."""
    texts = sorted({name.lower() for name in online_retail.read()[0]["name"] if name})
    order = np.random.default_rng(0).permutation(len(texts))
    shuffled = [texts[at] for at in order]
    return shuffled[: len(texts) * 4 // 5], shuffled[len(texts) * 4 // 5 :]


def exporting(asked: argparse.Namespace) -> None:
    encoder = load_encoder()
    with folder_replaced(asked.work / "onnx") as aside:
        export_onnx(encoder, aside)
    teacher = CachedEncoder(encoder, asked.work / "vectors")
    distil(teacher, names_of_online_retail()[0]).save(asked.work / "static")
    teacher.flush()


def forms_of(asked: argparse.Namespace) -> dict[str, Encoder]:
    folder = asked.work / "onnx"
    encoder = load_encoder()
    return {
        "PyTorch": encoder,
        "ONNX float": load_onnx_encoder(folder, encoder.fingerprint, "float", threads=1),
        "ONNX int8": load_onnx_encoder(folder, encoder.fingerprint, "int8", threads=1),
        "static student": StaticStudent.load(asked.work / "static"),
    }


def inference(asked: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    taught, held = names_of_online_retail()
    forms, texts = forms_of(asked), held[:600]
    batch: dict[str, list[float]] = {name: [] for name in forms}
    single: dict[str, list[float]] = {name: [] for name in forms}
    vectors = {name: form.encode(texts) for name, form in forms.items()}  # and warms them up
    for _ in range(3):  # in turn, so that a neighbour disturbs all alike
        for name, form in forms.items():
            times = 40 if name == "static student" else 1
            began = process_time()
            for _ in range(times):
                form.encode(texts)
            batch[name].append(times * len(texts) / (process_time() - began))
            began = process_time()
            for text in texts[:40]:
                form.encode([text])
            single[name].append(40 / (process_time() - began))
    plain = forms["PyTorch"]
    own = np.concatenate([CachedEncoder(plain, asked.work / "vectors").encode(taught), vectors["PyTorch"]])
    truth = nearest(own, len(taught))
    for name, form in forms.items():
        cosine = (vectors[name] * vectors["PyTorch"]).sum(axis=1)
        shared = "1.000"
        if name != "PyTorch":
            found = nearest(
                np.concatenate([CachedEncoder(form, asked.work / "vectors").encode(taught), vectors[name]]), len(taught)
            )
            shared = f"{np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, truth, strict=True)]):.3f}"
        fast, quick = np.median(batch[name]), np.median(single[name])
        print(
            f"{name:15} batch {fast:9,.0f} texts/s ({fast / np.median(batch['PyTorch']):6.2f} x)  "
            f"single {quick:8,.0f}/s ({quick / np.median(single['PyTorch']):6.2f} x)  "
            f"cosine {cosine.mean():.4f} (least {cosine.min():.3f})  same ten nearest {shared}"
        )


def nearest(vectors: np.ndarray, start: int) -> np.ndarray:
    """The ten nearest of each row from `start` on."""
    likeness = vectors[start:] @ vectors.T
    likeness[np.arange(len(likeness)), np.arange(start, len(vectors))] = -2
    return np.argsort(-likeness, axis=1)[:, :10]


def reading(asked: argparse.Namespace) -> None:
    """Recall@10 of one hidden product of each basket by the mean cosine to the others."""
    shop = online_retail_shop(asked.work)
    split = default_split(shop.log())
    names = [(name or "").lower() for name in split.before.products["name"]]
    cases = hidden_products(split)
    values = {}
    for name, form in forms_of(asked).items():
        vectors = CachedEncoder(form, asked.work / "vectors").encode(names)
        values[name] = hits(vectors, vectors, cases)
        if name == "PyTorch":
            sold = np.bincount(split.before.purchases["item"].to_numpy(), minlength=len(names)) + 1.0
            alike = vectors @ principal_axes(vectors)[:, : vectors.shape[1] // 2]
            halved = vectors @ principal_axes(vectors, weight=sold)[:, : vectors.shape[1] // 2]
            first = vectors[:, : vectors.shape[1] // 2]
            values["half the dimensions"] = hits(halved, halved, cases)
            values["half, all products alike"] = hits(alike, alike, cases)
            values["the first half as it is"] = hits(first, first, cases)
            whole = Compact.of(vectors, "int8").vectors
            values["int8 vectors"] = hits(whole, whole, cases)
            both = Compact.of(halved, "int8").vectors
            values["half of them, int8"] = hits(both, both, cases)
    report(values, "PyTorch")


def vectors(asked: argparse.Namespace) -> None:
    """The same for F: the mean source vector of a basket against every target vector."""
    model = gw.load(asked.shop)
    assert model.fitted_until is not None, "fit the shop with --until, so that something is left to ask"
    split = cut_at(gw.Shop.open(asked.shop).log(), model.fitted_until)
    source, target = model.parts.meaning.source, model.parts.meaning.target
    cases = hidden_products(split)
    values = {"as they are": hits(source, target, cases)}
    axes = principal_axes(source, target, weight=model.parts.counts.items + 1.0)
    for kept in (source.shape[1] // 2, source.shape[1] // 4):
        values[f"{kept} of {source.shape[1]} dimensions"] = hits(
            source @ axes[:, :kept], target @ axes[:, :kept], cases
        )
    values["int8"] = hits(source, Compact.of(target, "int8").vectors, cases)
    half = axes[:, : source.shape[1] // 2]
    values["half the dimensions, int8"] = hits(source @ half, Compact.of(target @ half, "int8").vectors, cases)
    report(values, "as they are")


def hidden_products(split: Split, most: int = 8_000, each: int = 5) -> list[tuple[np.ndarray, int]]:
    """(rows that are known, the row that is hidden) of later baskets of 3 to 40 products; up to `each` a basket."""
    after = split.after.purchases.drop_nulls("basket")
    lines = after.group_by("basket", maintain_order=True).agg(pl.col("item").unique())
    rng, cases = np.random.default_rng(0), []
    for items in lines["item"].to_list():
        if 3 <= len(items) <= 40:
            drawn = rng.permutation(sorted(items))
            cases += [(np.delete(drawn, at), int(drawn[at])) for at in range(min(each, len(drawn)))]
    return [cases[at] for at in np.sort(rng.choice(len(cases), min(most, len(cases)), replace=False))]


def hits(source: np.ndarray, target: np.ndarray, cases: list[tuple[np.ndarray, int]]) -> np.ndarray:
    """(cases,), whether the hidden product is among the ten nearest that are not known; what is level shares places."""
    found = np.zeros(len(cases))
    for start in range(0, len(cases), 100):
        part = cases[start : start + 100]
        scores = np.stack([source[known].mean(axis=0) for known, _ in part]) @ target.T
        for row, (known, hidden) in enumerate(part):
            scores[row, known] = -np.inf
            above, level = (scores[row] > scores[row, hidden]).sum(), (scores[row] == scores[row, hidden]).sum()
            found[start + row] = np.clip((10 - above) / level, 0.0, 1.0)
    return found


def report(values: dict[str, np.ndarray], whole: str) -> None:
    base = values[whole].mean()
    print(f"recall@10 of one hidden product, {len(values[whole])} times")
    for name, each in values.items():
        mean, low, high = paired_bootstrap(each, values[whole])
        print(
            f"{name:26} {each.mean():.4f}  {mean:+.4f} [{low:+.4f}, {high:+.4f}]  "
            f"kept {each.mean() / base:.1%} [{1 + low / base:.1%}, {1 + high / base:.1%}]"
        )


def few_labels(asked: argparse.Namespace) -> None:
    model = gw.load(asked.shop)
    pairs = pl.read_csv(KINDS)
    a, b = (model.log.items.rows(pairs[name]) for name in ("product_id_a", "product_id_b"))
    number = {"complement": 0, "both": 0, "substitute": 1, "neither": 2}  # both go together; LABELS has this order
    kinds = np.array([number[label] for label in pairs["label"]])
    encoder = model.encoder if asked.encoder else None
    causal = None if asked.causal is None else load_causal(asked.causal)
    learners = {} if causal is not None and not asked.encoder else learners_of(model, a, b, encoder, None)
    learners |= {"text alone, no label": text_alone(model, a, b), "TF-IDF + logistic regression": by_words(model, a, b)}
    if causal is not None:
        if causal.kept is None:
            causal = cut_vocabulary(causal, [*model.texts, INTRODUCTION, *LABELS, QUESTION])
        learners = {PROMPTED: learners_of(model, a, b, None, causal)[PROMPTED]}
    pool, judge = (np.flatnonzero((pairs["part"] == part).to_numpy()) for part in ("develop", "judge"))
    for one in accuracy_by_size(learners, kinds, pool=pool, judge=judge, sizes=asked.sizes, draws=asked.draws):
        print(
            f"{one.labels:3} labels  {one.method:30} {one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]  {one.pairs} pairs"
        )


def text_alone(model: gw.Model, a: np.ndarray, b: np.ndarray) -> Learner:
    """Zero-shot by the encoder: what reads alike is a substitute, all else unrelated."""
    alike = Kinds(model.parts).evidence(a, b).alike

    def learner(learnt: np.ndarray, kinds: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
        return np.where(alike[asked] >= ALIKE, 1, 2)

    return learner


def by_words(model: gw.Model, a: np.ndarray, b: np.ndarray) -> Learner:
    """TF-IDF of what two texts share and of what one alone has; scikit-learn's logistic regression."""
    words = TfidfVectorizer(sublinear_tf=True).fit(model.texts)
    first, second = (words.transform([model.texts[row] for row in rows]) for rows in (a, b))
    table = hstack([abs(first - second), first.multiply(second)]).tocsr()

    def learner(learnt: np.ndarray, kinds: np.ndarray, asked: np.ndarray, seed: int) -> np.ndarray:
        if len(learnt) == 0:
            return np.full(len(asked), 2)  # nothing is known: the commonest answer
        return LogisticRegression(max_iter=2_000).fit(table[learnt], kinds).predict(table[asked])

    return learner


PARTS = {
    "tune": tuning, "tune-test": tuning_test, "tune-gain": tuning_gain, "export": exporting, "inference": inference,
    "reading": reading, "vectors": vectors, "few-labels": few_labels,
}  # fmt: skip


if __name__ == "__main__":
    main()
