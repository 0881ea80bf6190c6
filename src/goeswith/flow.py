"""From a shop to a model: the whole road, each line one room."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from goeswith.association.causal_training import finetune_causal_model
from goeswith.association.counts import LARGEST_BASKET
from goeswith.association.describer import Describer, Reading, encode, fit_describer, meaning_of
from goeswith.association.features import FeatureLayer
from goeswith.association.finetune import FROZEN, FineTuned, finetune_encoder, ready_to_learn
from goeswith.association.loop import Course
from goeswith.association.parts import Parts, fit_parts
from goeswith.association.probability import Calibrators
from goeswith.association.train import train_features
from goeswith.config import FitConfig
from goeswith.data.cut import Split, cut_at, default_split
from goeswith.data.labels import labels_of
from goeswith.data.log import Log
from goeswith.data.shop import Shop, last_moment
from goeswith.diary import Diary, FewerTrees, examples_of_products, figures_of, shorter_training, show_vectors
from goeswith.errors import DataError
from goeswith.evaluation.baselines import strong_baselines
from goeswith.evaluation.exam import build_exam
from goeswith.evaluation.guard import refuse_seen
from goeswith.evaluation.judged import Cases, judged_probabilities
from goeswith.evaluation.protocol import Exam
from goeswith.evaluation.report import Report, judge
from goeswith.language.adapters import KeepingEncoder, Tuning
from goeswith.language.catalogue_language import choose_encoder
from goeswith.language.causal import CausalModel, load_causal
from goeswith.language.causal_folder import LICENCE, PACKAGED_GEMMA
from goeswith.language.centring import centred
from goeswith.language.choice import choose_form
from goeswith.language.encoder import Encoder, SentenceEncoder, load_encoder
from goeswith.language.fast_reader import int8_reader, is_static, student_of
from goeswith.language.item_text import item_text
from goeswith.language.vector_cache import CachedEncoder
from goeswith.language.vocabulary_cut import cut_vocabulary
from goeswith.model import Model, leave_mapped
from goeswith.progress import Progress
from goeswith.ranking.head import choose_weight
from goeswith.ranking.head_cases import held_out_baskets
from goeswith.ranking.pair_cases import PairCases, learn_pair_belief, pair_cases
from goeswith.ranking.ranker import MixRanker, Ranker
from goeswith.ranking.rules import settle
from goeswith.ranking.slices import TrainingSlice, training_slices
from goeswith.ranking.training import QUESTIONS, Examples, examples_of, train_rankers
from goeswith.tracking.memory import PeakMemory
from goeswith.tracking.opening import tracked
from goeswith.tracking.tracker import Tracking


def fit(
    shop: Shop,
    config: FitConfig | None = None,
    *,
    until: datetime | str | None = None,
    progress: Progress | None = None,
    track: Sequence[str] = (),
) -> Model:
    """Fit a model on a shop, save it as a version, and let it answer. Stable.

    Parameters
    ----------
    until : the last moment that counts; a date means the whole of that day. None: every event
    progress : told of stages, steps, losses and choices
    track : "tensorboard", "wandb"; the shop's own record in runs/ is always kept

    Raises
    ------
    ShopError : another fit holds the shop
    DataError : the shop holds no purchase
    MissingExtra : a tracker that is not installed
    """
    settings = config or FitConfig()
    with shop.lock():
        log = shop.log(until)
        if until is not None and log.purchases.is_empty():
            raise DataError(f"{shop.folder}: there is no purchase up to {until}. Give a later until (--until DATE).")
        settle(settings.rules, log.products, log.items)  # a rule about an unknown product would fail at every answer
        with tracked(shop, "fit", settings.model_dump(mode="json"), track, progress) as (tracking, outcome):
            model = learn(log, settings, shop.folder / "cache", progress, tracking)
            model.fitted_until = None if until is None else last_moment(until)
            model.labels = labels_of(shop, log.items)
            model.save_as_version(shop)
            leave_mapped(shop, model.version)
            outcome.facts |= {"version": model.version, "cost": model.facts["cost"], "figures": model.facts["figures"]}
        return model


def learn(
    log: Log, asked: FitConfig, cache: Path, progress: Progress | None = None, tracking: Tracking | None = None
) -> Model:
    """The road itself: read, encode, fine-tune, count, rank."""
    with PeakMemory() as memory:
        model = _learn(log, asked, cache, Diary(progress, tracking, memory), memory)
        memory.give_back()
    return model


def _learn(log: Log, asked: FitConfig, cache: Path, diary: Diary, memory: PeakMemory) -> Model:
    config = with_encoder(asked, log, diary)
    now = _last(log)

    diary.begin("read texts")
    raw = load_encoder(config.encoder, config.device)
    if isinstance(raw, SentenceEncoder):
        raw = centred(raw, item_text(log.products, config.text), cache / "vectors")
    form = choose_form(log.n_items, config.encode_seconds)
    if form.form != "pytorch":
        diary.note(form.why)
    if form.form == "static" and not is_static(raw):
        texts = item_text(log.products, config.text)
        raw = student_of(raw, CachedEncoder(raw, cache / "vectors", diary.steps), texts, cache)
    can_learn = form.form == "pytorch" and isinstance(raw, SentenceEncoder) and not is_static(raw)
    ready = ready_to_learn(raw, config.finetune) if can_learn else None

    def cached(encoder: Encoder) -> CachedEncoder:
        return CachedEncoder(encoder, cache / "vectors", diary.steps)

    def in_form(encoder: Any) -> Encoder:
        return int8_reader(encoder, cache) if form.form == "onnx" else encoder

    describer = fit_describer(log.products, config.text, cached(in_form(raw)), config.words, config.seed)

    diary.begin("encode")
    first = replace(describer, encoder=cached(KeepingEncoder(ready, raw))) if ready else describer
    reading = first.read(log.products)
    if isinstance(raw, SentenceEncoder) and (cut := raw.cut_short(reading.texts)):
        diary.note(
            f"warning: {cut:,} texts are longer than the {raw.model.max_seq_length} tokens that the encoder reads; "
            "their ends are not heard. Put what matters first, or set text.max_characters"
        )
    slices = training_slices(log, timedelta(days=config.horizon_days), config.seed, config.learning.slices)

    if config.finetune.learns:
        diary.begin("fine-tune the language model")
    tuned = finetune(reading, slices[0] if slices else None, log, raw, config, cache, diary, ready)
    if tuned.used:
        diary.begin("encode with the fine-tuned model")
        describer = replace(describer, encoder=cached(in_form(tuned.encoder)))
        encoded = encode(cached(tuned.reader) if tuned.reader else describer.encoder, reading.texts)
        reading, tuned = replace(reading, encoded=encoded), replace(tuned, reader=None)
    del first, ready  # what was kept of the texts takes half a gigabyte
    memory.give_back()

    rankers: dict[str, Ranker] = {question: MixRanker(0.01) for question in QUESTIONS}
    calibrators, pairs = Calibrators(), list[PairCases]()
    taught: list[dict[str, Examples]] = []
    fewer_trees = FewerTrees()
    for slice_ in slices:
        diary.begin("feature layer, on the past")
        layer = feature_layer(reading, slice_.seen, config, diary, slice_.hidden)
        diary.begin("counts and linear models, on the past")
        parts = _parts(slice_.seen, slice_.now, reading, layer, describer, config)
        diary.begin("examples for the rankers")
        taught.append(examples_of(slice_, parts, config.learning, config.seed, len(slices)))
        pairs += pair_cases(slice_, parts, config.learning, config.seed)
        del parts
        memory.give_back()
    if slices:
        diary.begin("rankers")
        rankers, curves = train_rankers(taught, config.learning, config.seed, diary.steps, fewer_trees.judged)
        calibrators = Calibrators(curves, learn_pair_belief(pairs, rankers["related"]))
    del taught
    memory.give_back()

    reader = tuned.teacher or causal_reader(reading, slices[0] if slices else None, log, config, cache, diary)
    head = None
    if reader is not None and slices:
        diary.begin("read the first answers once more")
        slice_ = slices[0]
        layer = feature_layer(reading, slice_.seen, config, diary, slice_.hidden)
        past = _parts(slice_.seen, slice_.now, reading, layer, describer, config)
        cases = held_out_baskets(slice_, past, rankers["complete"], config.reader.n_baskets, config.seed)
        head = choose_weight(reader, reading.texts, cases, diary.note)
        del past
        memory.give_back()

    diary.begin("feature layer")
    layer = feature_layer(reading, log, config, diary)
    diary.begin("counts and linear models")
    parts = _parts(log, now, reading, layer, describer, config)
    if huge := int((np.diff(parts.baskets.indptr) > LARGEST_BASKET).sum()):
        some = "1 basket holds" if huge == 1 else f"{huge:,} baskets hold"
        diary.note(f"{some} more than {LARGEST_BASKET} products; pairs are counted of {LARGEST_BASKET} drawn from each")
    diary.end()
    show_vectors(diary, log, parts)
    cost = diary.cost([*shorter_training(tuned.course, config, diary), *fewer_trees.cheaper(config, diary)])
    return Model(
        log=log,
        parts=parts,
        rankers=rankers,
        describer=describer,
        encoder=tuned.encoder,
        encoded=reading.encoded,
        layer=layer,
        config=config,
        calibrators=calibrators,
        head=head,
        facts={
            "fine_tuning": tuned.reason,
            "moved": tuned.used,
            "horizon_days": _promised_days(slices, now),
            "losses": diary.losses,
            "stages": diary.seconds,
            "cost": cost.to_dict(),
            "figures": figures_of(tuned.course),
            "cache": cache,
        },
    )


def with_encoder(config: FitConfig, log: Log, diary: Diary) -> FitConfig:
    """The settings with an encoder that understands the catalogue, and a word to whoever watches."""
    encoder, said = choose_encoder(config.encoder, item_text(log.products, config.text))
    if said:
        diary.note(said)
    return config.model_copy(update={"encoder": encoder})


def causal_reader(
    reading: Reading, slice_: TrainingSlice | None, log: Log, config: FitConfig, cache: Path, diary: Diary
) -> CausalModel | None:
    """The causal model of the settings; with the objective likelihood, tuned on what was bought after what."""
    if config.reader.causal is None:
        return None
    diary.begin("load the causal model")
    causal = load_causal(config.reader.causal, config.device)
    if config.reader.causal == PACKAGED_GEMMA:
        diary.note(LICENCE)
    if config.reader.cut_vocabulary and causal.kept is None:
        causal = cut_vocabulary(causal, reading.texts)
    if config.finetune.objective != "likelihood":
        return causal
    diary.begin("fine-tune the causal model")
    seen, validation, _ = _by_time(slice_, log)
    settings = config.finetune.model_copy(update={"seed": config.seed})
    tuned = finetune_causal_model(reading.texts, seen, validation, causal, settings, cache / "causal", diary.learning)
    diary.note(f"causal model: {tuned.reason}")
    return tuned.model


def finetune(
    reading: Reading,
    slice_: TrainingSlice | None,
    log: Log,
    encoder: Any,
    config: FitConfig,
    cache: Path,
    diary: Diary,
    ready: Tuning | None = None,
) -> FineTuned:
    """Move M on what was bought before the slice; the slice's first half decides whether it was for the better."""
    seen, validation, test = _by_time(slice_, log)
    settings = config.finetune.model_copy(update={"seed": config.seed})
    if is_static(encoder):
        settings = settings.model_copy(update={"method": FROZEN})  # a student has no layers that could move
    if config.reader.causal is not None and settings.objective == "likelihood":
        reason = "the causal model learns the likelihood of words; the encoder, which finds its candidates, stays"
        diary.note(f"fine-tuning: {reason}")
        return FineTuned(encoder, None, False, reason, Course(), 0.0)
    tuned = finetune_encoder(
        reading.texts,
        seen,
        encoder,
        settings,
        validation=validation,
        test=test,
        ready=ready,
        lexical=reading.words if config.finetune.joint else None,
        checkpoint=cache / "finetune",
        report=diary.learning,
        watch=examples_of_products(diary, reading.texts, log) if diary.shows_examples else None,
    )
    diary.note(f"fine-tuning: {tuned.reason}")
    return tuned


def _promised_days(slices: list[TrainingSlice], now: datetime) -> float | None:
    """What `recommend` promises: the days after the cut that its ranker saw; None where that is the next purchase."""
    days = (now - slices[0].now) / timedelta(days=1) if slices else 0.0
    return round(days, 1) if days >= 1 else None


def _by_time(slice_: TrainingSlice | None, log: Log) -> tuple[Log, Log | None, Log | None]:
    """What fine-tuning learns from, the same log until the middle of the slice, and until its end."""
    if slice_ is None or slice_.now >= _last(log):
        return log, None, None
    times = log.purchases.filter(pl.col("time") > slice_.now)["time"].sort()
    middle = times[len(times) // 2] if len(times) else None
    if middle is None or middle >= times[-1]:
        return slice_.seen, log, None
    return slice_.seen, log.until(middle), log


def feature_layer(
    reading: Reading, log: Log, config: FitConfig, diary: Diary, hidden: np.ndarray | None = None
) -> FeatureLayer:
    """F on the vectors of M and of the words."""
    settings = config.features.model_copy(update={"seed": config.seed})
    return train_features(reading.inputs, log, settings, hidden=hidden, group=reading.alike, report=diary.learning)


def _parts(
    log: Log, now: datetime, reading: Reading, layer: FeatureLayer, describer: Describer, config: FitConfig
) -> Parts:
    meaning = meaning_of(reading, layer, log.products, describer.attributes)
    return fit_parts(log, now, meaning, config.parts, config.seed, reading.alike)


def evaluate(
    shop: Shop,
    config: FitConfig | None = None,
    *,
    model: Model | None = None,
    progress: Progress | None = None,
    track: Sequence[str] = (),
) -> Report:
    """Judge goeswith on time it has not seen, beside what a user would pick instead. Stable.

    Parameters
    ----------
    config : of an evaluation copy, fitted up to the cut and not kept
    model : a model fitted with `until=`, judged on what follows

    Raises
    ------
    SeenSliceError : the model was fitted on events of the slice, or on all of them
    """
    log = shop.log()
    if model is None:
        split = default_split(log)
    else:
        refuse_seen(Exam(log.products, [], None, ""), model.fitted_until)
        assert model.fitted_until is not None
        split = cut_at(log, model.fitted_until)
    exam = build_exam(split)
    if model is not None:
        refuse_seen(exam, model.fitted_until)
    settings = (config or FitConfig()) if model is None else model.config
    settle(settings.rules, log.products, log.items)
    with tracked(shop, "evaluate", settings.model_dump(mode="json"), track, progress) as (tracking, outcome):
        if model is None:
            model = learn(split.before, settings, shop.folder / "cache", progress, tracking)
        report = _judge(model, split, exam, Diary(progress, tracking))
        outcome.facts |= {"figures": _figures(report), "cost": model.facts.get("cost")}
    return report


def _judge(model: Model, split: Split, exam: Exam, diary: Diary) -> Report:
    diary.begin("judge beside the baselines")
    before = _as_rows_of(model, split.before)
    baselines = strong_baselines(before, model.texts, model.plain_vectors())
    report = judge(model, baselines, exam)
    diary.end()
    return replace(
        report,
        probability=_judged(model, split.after),
        losses=model.facts.get("losses", {}),
        stages={**model.facts.get("stages", {}), **diary.seconds},
    )


def _figures(report: Report) -> dict[str, float]:
    """Capped recall of ours, by task."""
    ours = {each.task: each for each in report.outcomes if each.system == report.subject}
    return {f"recall@{report.k}, {task}": float(each.values["capped_recall"].mean()) for task, each in ours.items()}


def _judged(model: Model, after: Log) -> dict[str, Cases]:
    """Probabilities of every kind, and what came of them later."""
    log = model.log
    lines = after.purchases.select("customer", "basket", "item").drop_nulls(["basket", "item"])
    lines = lines.unique(maintain_order=True)
    ids = {
        "customer_id": after.customers.series.gather(lines["customer"]),  # also of those whom the model never met
        "product_id": after.items.series.gather(lines["item"]),
    }
    later = pl.DataFrame({"basket_id": lines["basket"], **ids})
    sold = log.items.ids(np.flatnonzero(model.parts.counts.items > 0))
    known = log.customers.ids(np.flatnonzero(model.parts.histories.n_baskets > 0))
    return judged_probabilities(model, later, sold, known)


def _as_rows_of(model: Model, before: Log) -> Log:
    """The log that baselines learn from; the model's own where it is the same slice, so that nothing is held twice."""
    return model.log if model.log.events.height == before.events.height else before


def _last(log: Log) -> datetime:
    last = log.purchases["time"].max()
    if not isinstance(last, datetime):
        raise DataError("This shop holds no purchase yet, so there is nothing to learn from. Add events: goeswith add")
    newest = log.events["time"].max()
    assert isinstance(newest, datetime)
    return newest
