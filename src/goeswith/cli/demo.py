"""goeswith demo"""

import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goeswith.cli.arguments import AsJson
from goeswith.cli.printing import next_command, percent, show, show_json, show_ranking, show_table
from goeswith.cli.progress_lines import progress_for
from goeswith.progress import Stage

if TYPE_CHECKING:
    from goeswith import Model, Report
    from goeswith.data.log import Log
    from goeswith.demo import Examples

SHOWN = 5


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the demo's shop is made.")] = Path(
        "goeswith-demo"
    ),
    quick: Annotated[
        bool, typer.Option("--quick", help="A slice of the data: 300 households, 26 weeks, under 3 minutes.")
    ] = False,
    json: AsJson = False,
) -> None:
    """The whole road on a year of groceries: fit, examples, evaluation beside baselines."""
    import goeswith as gw
    from goeswith.demo import QUICK, SOURCE, StageClock, demo_shop, examples, last_four_weeks

    clock = StageClock(progress_for())
    clock(Stage(f"read {SOURCE}"))
    shop = demo_shop(folder, quick)
    log = shop.log()
    until = last_four_weeks(log)
    if not json:
        show(f"{SOURCE}, as the shop {folder}: {log.n_items:,} products, {log.n_customers:,} households, ")
        show(
            f"{log.purchases.height:,} purchases. The model sees them until {until:%d %B %Y}, not the four weeks after."
        )
    model = gw.fit(shop, gw.FitConfig.model_validate(QUICK if quick else {}), until=until, progress=clock)
    clock(Stage("examples"))
    answers = asked(model, examples(log, until))
    if not json:
        show_answers(answers, log)
    clock(Stage("evaluate"))
    report = gw.evaluate(shop, model=model, progress=clock)
    clock.stop()
    page = folder / "report.html"
    report.to_html(page)
    peak = peak_mebibytes()
    if json:
        spent = {"seconds": clock.seconds, "peak_mebibytes": peak}
        show_json({**as_plain(answers), "evaluation": report.to_dict(), "report": page, **spent})
        return
    show_end(report, page, clock.seconds, peak)
    next_command("related", folder, answers["known"][0][0], "--why")


def asked(model: "Model", chosen: "Examples") -> dict[str, Any]:
    """Every question of the demo with its answer."""
    first = chosen.known[0]
    related = [(product, model.related(product, n=SHOWN, why=True)) for product in (*chosen.known, chosen.unsold)]
    partner = model.related(first, n=1, kind="complement").ids or related[0][1].ids
    return {
        "known": related,
        "basket": (chosen.basket, model.complete(chosen.basket, n=SHOWN, why=True)),
        "household": (chosen.household, model.recommend(chosen.household, n=SHOWN, why=True)),
        "newcomer": (chosen.newcomer, model.recommend(history=chosen.newcomer, n=SHOWN, why=True)),
        "why": (first, partner[0], model.explain(first, partner[0]), model.probability(first, partner[0])),
        "audience": (chosen.unsold, model.audience(chosen.unsold, n=SHOWN)),
    }


def show_answers(answers: dict[str, Any], log: "Log") -> None:
    *known, unsold = answers["known"]
    for product, ranking in known:
        _part(f"What goes with {named(product, log)}?", ranking)
    _part(f"And with {named(unsold[0], log)}, which has never been sold?", unsold[1])
    basket, ranking = answers["basket"]
    _part("A basket holds " + ", ".join(named(each, log) for each in basket) + ". What is still to come?", ranking)
    _part(f"What to offer to household {answers['household'][0]}?", answers["household"][1])
    history, ranking = answers["newcomer"]
    bought = ", ".join(named(each, log) for each in history)
    _part(f"And to a customer nobody has seen, who bought {bought}?", ranking)
    a, b, explanation, chance = answers["why"]
    show(f"\nWhy does {named(b, log)} go with {named(a, log)}?\n")
    show(explanation)
    show(f"The model's estimate: {percent(chance.value)} (between {percent(chance.low)} and {percent(chance.high)})")
    product, households = answers["audience"]
    show(f"\nTo which households should {named(product, log)} be offered?\n")
    rows = [row | {"probability": percent(row["probability"])} for row in households.to_dicts()]
    show_table(households.columns, [list(row.values()) for row in rows])


def _part(question: str, ranking: Any) -> None:
    show(f"\n{question}\n")
    show_ranking(ranking, with_reasons=True)


def show_end(report: "Report", page: Path, seconds: dict[str, float], peak: int) -> None:
    show("\nHow good is it? The four weeks that the model has not seen, beside baselines:\n")
    show(report)
    show("\nWhere the time went:\n")
    total = sum(seconds.values())
    show_table(["stage", "seconds"], [*((name, f"{s:.1f}") for name, s in seconds.items()), ("all", f"{total:.1f}")])
    show(f"\nPeak memory: {peak:,} MiB")
    show(f"The report with its plots: {page}")


def named(product: Any, log: "Log") -> str:
    """A product's name with its id: HAMBURGER BUNS (826249)."""
    row = int(log.items.rows([product])[0])
    return f"{log.products['name'][row]} ({product})"


def as_plain(answers: dict[str, Any]) -> dict[str, Any]:
    """The answers for JSON."""
    a, b, explanation, chance = answers["why"]
    estimate = {"value": chance.value, "low": chance.low, "high": chance.high, "baskets": chance.baskets}
    return {
        "related": [{"product_id": product, **ranking.to_dict()} for product, ranking in answers["known"]],
        "complete": {"basket": answers["basket"][0], **answers["basket"][1].to_dict()},
        "recommend": {"customer_id": answers["household"][0], **answers["household"][1].to_dict()},
        "recommend_history": {"history": answers["newcomer"][0], **answers["newcomer"][1].to_dict()},
        "explain": {"a": a, "b": b, **explanation.to_dict(), "probability": estimate},
        "audience": {"product_id": answers["audience"][0], "customers": answers["audience"][1].to_dicts()},
    }


def peak_mebibytes() -> int:
    """The most memory that this process has held; Linux counts in KiB, macOS in bytes."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
