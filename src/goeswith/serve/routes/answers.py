"""What goes with what, for whom, and why."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import Response

from goeswith.serve.access import Reader, TheAnswering, TheService
from goeswith.serve.answering import Answering, model_rows
from goeswith.serve.schemas import (
    Chance,
    Chances,
    CompleteBatch,
    CompleteQuery,
    Count,
    Id,
    Kind,
    ProbabilityBatch,
    ProbabilityQuery,
    Ranking,
    Rankings,
    RecommendBatch,
    RecommendQuery,
    RelatedBatch,
    RelatedQuery,
    Text,
    Why,
)
from goeswith.serve.service import Service

router = APIRouter(tags=["answers"])
Given = Annotated[Id | None, Query()]
Filter = Annotated[Text | None, Query(description="Only products that meet it.", examples=["price <= 10"])]


@router.get("/related", response_model=Ranking)
async def related(
    _: Reader,
    answering: TheAnswering,
    product: Given = None,
    text: Annotated[Text | None, Query()] = None,
    n: Annotated[Count, Query()] = 10,
    kind: Kind = "any",
    filter: Filter = None,
    customer: Given = None,
    why: bool = False,
) -> Response:
    """What goes with a product of the catalogue (product), or with one of which only a text is known (text)."""
    query = _built(RelatedQuery, product=product, text=text, n=n, kind=kind, filter=filter, customer=customer, why=why)
    return _sent(await answering.body("related", query))


@router.post("/related", response_model=Ranking)
async def related_to(_: Reader, answering: TheAnswering, query: RelatedQuery) -> Response:
    """The same, asked with a body."""
    return _sent(await answering.body("related", query))


@router.post("/related/batch", response_model=Rankings)
async def related_batch(_: Reader, answering: TheAnswering, batch: RelatedBatch) -> Response:
    """Up to 100 questions at once."""
    return await _many(answering, "related", batch.queries)


@router.post("/complete", response_model=Ranking)
async def complete(_: Reader, answering: TheAnswering, query: CompleteQuery) -> Response:
    """What is still to come in a basket."""
    return _sent(await answering.body("complete", query))


@router.post("/complete/batch", response_model=Rankings)
async def complete_batch(_: Reader, answering: TheAnswering, batch: CompleteBatch) -> Response:
    """Up to 100 baskets at once."""
    return await _many(answering, "complete", batch.queries)


@router.get("/recommend", response_model=Ranking)
async def recommend(
    _: Reader,
    answering: TheAnswering,
    customer: Annotated[Id, Query(examples=["ana"])],
    n: Annotated[Count, Query()] = 10,
    novel: bool = False,
    across: bool = False,
    filter: Filter = None,
    why: bool = False,
) -> Response:
    """What to offer a customer; what they did a moment ago counts already."""
    query = _built(RecommendQuery, customer=customer, n=n, novel=novel, across=across, filter=filter, why=why)
    return _sent(await answering.body("recommend", query))


@router.post("/recommend", response_model=Ranking)
async def recommend_to(_: Reader, answering: TheAnswering, query: RecommendQuery) -> Response:
    """The same with a body; with `history` for somebody nobody has seen."""
    return _sent(await answering.body("recommend", query))


@router.post("/recommend/batch", response_model=Rankings)
async def recommend_batch(_: Reader, answering: TheAnswering, batch: RecommendBatch) -> Response:
    """Up to 100 customers at once."""
    return await _many(answering, "recommend", batch.queries)


@router.get("/probability", response_model=Chance)
async def probability(
    _: Reader,
    service: TheService,
    a: Annotated[Id, Query(examples=["pasta"])],
    b: Annotated[Id, Query(examples=["basil"])],
) -> Any:
    """Of baskets with a, the share that holds b, with an interval that widens as evidence thins."""
    return (await service.run(_chances, service, [ProbabilityQuery(a=a, b=b)]))[0]


@router.post("/probability/batch", response_model=Chances)
async def probability_batch(_: Reader, service: TheService, batch: ProbabilityBatch) -> Any:
    """Up to 1,000 pairs at once."""
    return {"probabilities": await service.run(_chances, service, batch.pairs)}


@router.get("/why", response_model=Why)
async def why(
    _: Reader,
    service: TheService,
    a: Annotated[Id, Query(examples=["pasta"])],
    b: Annotated[Id, Query(examples=["basil"])],
) -> Any:
    """Why b goes with a: counted evidence, and one sentence that says no more than it."""
    work = service.work()
    left, right = model_rows(work, [a, b])
    ids = work.catalogue.ids
    explained = await service.run(work.model.explain, ids[left], ids[right])
    told = explained.to_dict()
    return {"sentence": told["sentence"], "evidence": told.get("evidence", []), "model": work.version}


def _chances(service: Service, pairs: list[ProbabilityQuery]) -> list[dict[str, Any]]:
    work = service.work()
    left, right = model_rows(work, [pair.a for pair in pairs]), model_rows(work, [pair.b for pair in pairs])
    ids = work.catalogue.ids
    frame = work.model.probability_many([(ids[a], ids[b]) for a, b in zip(left, right, strict=True)])
    baskets = work.model.parts.counts.items[left]
    return [
        {"a": a, "b": b, "value": value, "low": low, "high": high, "baskets": int(n), "model": work.version}
        for (a, b, value, low, high), n in zip(frame.iter_rows(), baskets, strict=True)
    ]


async def _many(answering: Answering, verb: str, queries: list[Any]) -> Response:
    bodies = [await answering.body(verb, query) for query in queries]
    return _sent(b'{"answers":[' + b",".join(bodies) + b"]}")


def _sent(body: bytes) -> Response:
    return Response(body, media_type="application/json")


def _built(form: type[Any], **given: Any) -> Any:
    try:
        return form(**given)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from error
