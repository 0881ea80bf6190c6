"""Rules: edited, tried on real questions, published, undone."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from goeswith.errors import GoesWithError
from goeswith.serve.answering import Answering
from goeswith.serve.at_work import AtWork, rules_of_the_fit
from goeswith.serve.business_rules import BusinessRules
from goeswith.serve.console import finding
from goeswith.serve.console.access import Merchandiser, TheAnswering, TheConsole, Viewer, Work
from goeswith.serve.console.holding import Console
from goeswith.serve.console.pages import link, page
from goeswith.serve.console.ruling import Conflict, as_form, changes, from_form, publish
from goeswith.serve.schemas import RelatedQuery
from goeswith.serve.store.rule_versions import back_to, rule_versions, set_rules

router = APIRouter()
Ids = Annotated[list[str], Query(max_length=20)]
TRIED, SHOWN, DEPTH = 6, 8, 20
UNDONE = "back to the fit"


@router.get("/rules")
async def rules(
    request: Request,
    console: TheConsole,
    session: Viewer,
    work: Work,
    ban: Ids = [],  # noqa: B006
    apart: Ids = [],  # noqa: B006
    pin: Ids = [],  # noqa: B006
) -> Response:
    """The rules that hold, in a form; a link from another page may bring a product along."""
    form = as_form(work.rules.rules)
    for name, ids in (("ban", ban), ("pin", pin)):
        form[name] = "\n".join(dict.fromkeys([*form[name].splitlines(), *ids]))
    if len(apart) == 2:
        form["apart"] = "\n".join(dict.fromkeys([*form["apart"].splitlines(), " | ".join(apart)]))
    return await _page(request, console, work, form, work.rules.version, fresh=bool(ban or apart or pin))


@router.post("/rules/preview")
async def preview(request: Request, console: TheConsole, answering: TheAnswering, _: Viewer, work: Work) -> Response:
    """What real questions are answered under rules that do not hold yet."""
    form = await request.form()
    new = from_form(form)
    tried = await console.run(_tried, console, work, new)
    asked = [line.strip() for line in str(form.get("try", "")).split("\n") if line.strip()][:TRIED]
    asked = asked or _worth_asking(work, work.rules.rules, new)
    first = [await _compared(answering, work, tried, product) for product in asked[:1]]
    return page(
        request,
        "parts/preview.html",
        compared=first,
        others=[finding.brief(work, work.catalogue.row(product)) for product in asked[1:]],
        changes=changes(work.rules.rules, new),
        hidden={name: int(mask.sum()) for name, mask in tried.rules.hidden.items()},
    )


@router.post("/rules/preview/{product:path}")
async def preview_of(
    request: Request, console: TheConsole, answering: TheAnswering, _: Viewer, work: Work, product: str
) -> Response:
    """One question of a preview; the page asks for all but the first by itself, so that the first is there at once."""
    tried = await console.run(_tried, console, work, from_form(await request.form()))
    return page(request, "parts/compared.html", one=await _compared(answering, work, tried, product))


@router.post("/rules")
async def put(
    request: Request, console: TheConsole, session: Merchandiser, work: Work, base: Annotated[int, Form(ge=0)]
) -> Response:
    """Publish. Where somebody else published meanwhile, both are shown and nothing is lost."""
    form = await request.form()
    try:
        new = from_form(form)
        await console.run(console.service.tried, work, new)
        await console.store(publish, new, str(form.get("note", "")), session.actor, base)
    except Conflict as error:
        await console.run(console.service.look_at_once)
        work = console.work or work
        return await _page(
            request, console, work, dict(form), work.rules.version, 409, wrong=str(error),
            theirs=changes(await _of(console, base, work), work.rules.rules),
        )  # fmt: skip
    except GoesWithError as error:
        return await _page(request, console, work, dict(form), base, 422, wrong=str(error))
    await console.run(console.service.look_at_once)
    return RedirectResponse(link("rules", done="published"), 303)


@router.post("/rules/undo")
async def undo(console: TheConsole, session: Merchandiser, work: Work, base: Annotated[int, Form(ge=1)]) -> Response:
    """Back to the rules before these; before the first there are those of the fit."""
    if base != work.rules.version:
        raise Conflict("Somebody else published rules since this page was made. Load it again.")
    earlier = await console.store(rule_versions, base, 1)
    if earlier:
        await console.store(back_to, int(earlier[0]["version"]), session.actor)
    else:
        await console.store(set_rules, rules_of_the_fit(work.model), UNDONE, session.actor)
    await console.run(console.service.look_at_once)
    return RedirectResponse(link("rules", done="undone"), 303)


@router.post("/rules/restore")
async def restore(console: TheConsole, session: Merchandiser, version: Annotated[int, Form(ge=1)]) -> Response:
    await console.store(back_to, version, session.actor)
    await console.run(console.service.look_at_once)
    return RedirectResponse(link("rules", done="restored"), 303)


def _tried(console: Console, work: AtWork, new: BusinessRules) -> AtWork:
    """The version in service under rules that do not hold yet."""
    tried = console.service.tried(work, new)
    if not (tried.rules.shown & ~work.rules.shown).any():
        return replace(tried, lists=work.lists)  # what was answered before holds all that may be shown now
    return tried


async def _page(
    request: Request, console: Console, work: AtWork, form: dict[str, Any], base: int, code: int = 200, **more: Any
) -> Response:
    known = await console.store(rule_versions, None, 30)
    models = [BusinessRules.model_validate(row["rules"]) for row in known] + [rules_of_the_fit(work.model)]
    versions = [
        {
            **row,
            "changes": changes(models[at + 1], models[at]),
            "active": bool(row["active"]),
            "undone": row["note"] == UNDONE,
        }
        for at, row in enumerate(known)
    ]
    told = {"wrong": "", "theirs": None, "fresh": code != 200, **more}
    names = {str(one): work.catalogue.names[row] for one, row in _named(work, form)}
    return page(
        request, "rules.html", code, form=_whole(form), base=base, versions=versions, names=names,
        columns=work.catalogue.frame.columns, done=request.query_params.get("done", ""), **told,
    )  # fmt: skip


def _whole(form: dict[str, Any]) -> dict[str, Any]:
    """Every field, also of a form as a browser sends it, where an empty box is left out."""
    plain = as_form(BusinessRules())
    kept = {
        name: form.get(name, "" if name not in ("hide_unavailable", "hide_out_of_stock") else False) for name in plain
    }
    return {**kept, "note": form.get("note", ""), "try": form.get("try", "")}


def _named(work: AtWork, form: dict[str, Any]) -> list[tuple[str, int]]:
    ids = [part.strip() for name in ("ban", "pin", "apart") for line in str(form.get(name, "")).splitlines()
           for part in line.split(" | ")]  # fmt: skip
    found = [(one, work.catalogue.find(one)) for one in dict.fromkeys(ids) if one]
    return [(one, row) for one, row in found if row is not None]


def _worth_asking(work: AtWork, old: BusinessRules, new: BusinessRules) -> list[str]:
    """Products whose answers the change touches, then those that sell most."""
    pairs = [pair for pair in new.apart if pair not in old.apart] + [
        pair for pair in old.apart if pair not in new.apart
    ]
    touched = [one for pair in pairs for one in pair]
    for product in {*new.ban, *new.pin} ^ {*old.ban, *old.pin}:
        row = work.catalogue.find(product)
        if row is not None and row < work.catalogue.n_items:
            counts = work.model.parts.counts.pairs[[row]].tocoo()
            best = sorted(zip(counts.data.tolist(), counts.col.tolist(), strict=True), reverse=True)[:2]
            touched += [str(work.catalogue.ids[other]) for _, other in best]
    sellers = [str(work.catalogue.ids[row]) for row in finding.best_sellers(work, 4)]
    return [one for one in dict.fromkeys([*touched, *sellers]) if work.catalogue.find(one) is not None][:TRIED]


async def _compared(answering: Answering, work: AtWork, tried: AtWork, product: str) -> dict[str, Any]:
    query = RelatedQuery(product=product, n=DEPTH)
    before, after = await answering.under("related", query, work), await answering.under("related", query, tried)
    old = [str(one["product_id"]) for one in before["products"]]
    new = [str(one["product_id"]) for one in after["products"]]
    return {
        "product": finding.brief(work, work.catalogue.row(product)),
        "before": _first([{**one, "changed": str(one["product_id"]) not in new} for one in before["products"]]),
        "after": _first([{**one, "changed": str(one["product_id"]) not in old} for one in after["products"]]),
        "hidden": after["hidden"],
        "same": old == new,
    }


def _first(products: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first ones, and of the others what comes or goes."""
    return [one for place, one in enumerate(products) if place < SHOWN or one["changed"]]


async def _of(console: Console, version: int, work: AtWork) -> BusinessRules:
    if version:
        found = await console.store(rule_versions, version + 1, 1)
        if found and found[0]["version"] == version:
            return BusinessRules.model_validate(found[0]["rules"])
    return rules_of_the_fit(work.model)
