"""Whom to offer a product."""

from datetime import timedelta
from typing import Any

import numpy as np
from fastapi import APIRouter
from sqlalchemy import func, insert, select

from goeswith.serve.access import TheService, Writer
from goeswith.serve.answering import model_rows
from goeswith.serve.campaigns import prospects
from goeswith.serve.problems import Refused
from goeswith.serve.schemas import Audience, AudienceQuery
from goeswith.serve.service import Service
from goeswith.serve.store.database import now
from goeswith.serve.store.tables import offers

router = APIRouter(tags=["campaigns"])


@router.post("/audience", response_model=Audience)
async def audience(_: Writer, service: TheService, query: AudienceQuery) -> Any:
    """The customers who are likeliest to buy, and how many are expected to.

    With `campaign` the offers are remembered, and `most_offers` leaves out who had so many lately.
    """
    return await service.run(_audience, service, query)


def _audience(service: Service, query: AudienceQuery) -> dict[str, Any]:
    work = service.work()
    if len(set(query.products)) < len(query.products):
        raise Refused(422, "One product stands in this bundle twice.")
    rows = model_rows(work, query.products)
    known = work.model.log.customers
    excluded = np.zeros(len(known), bool)
    for customer in query.exclude:
        row = known._find(customer)
        if row is not None:
            excluded[row] = True
    if service.known.forgotten:
        excluded |= np.array([service.is_forgotten(str(c), work) for c in known.series.to_list()])
    for customer in service.live.customers() if query.bought_within_days else ():
        row = known._find(customer)
        told = service.live.of(customer)
        if row is not None and any(t.kind == "purchase" and t.product_id in query.products for t in told):
            excluded[row] = True
    capped = _capped(service, query, len(known))
    found = prospects(work, rows, query.n, query.least, query.bought_within_days, excluded, capped)
    ids = known.ids(found.customer).to_list()
    if query.campaign is not None and ids:
        with service.database.writing() as connection:
            at = now()
            connection.execute(
                insert(offers), [{"campaign": query.campaign, "customer_id": str(c), "at": at} for c in ids]
            )
    mean = found.probability.mean(axis=1) if len(ids) else np.zeros(0)
    return {
        "customers": [
            {"customer_id": c, "probability": float(p), "bought": int(b)}
            for c, p, b in zip(ids, mean, found.bought, strict=True)
        ],
        "expected": {
            str(work.catalogue.ids[row]): float(found.probability[:, at].sum()) for at, row in enumerate(rows)
        },
        "left_out": found.left_out,
        "model": work.version,
    }


def _capped(service: Service, query: AudienceQuery, n: int) -> Any:
    capped = np.zeros(n, bool)
    if query.most_offers is None:
        return capped
    since = now() - timedelta(days=query.offers_within_days)
    counted = (
        select(offers.c.customer_id).where(offers.c.at >= since).group_by(offers.c.customer_id)
        .having(func.count() >= query.most_offers)
    )  # fmt: skip
    with service.database.reading() as connection:
        for customer in connection.execute(counted).scalars():
            row = service.work().model.log.customers._find(customer)
            if row is not None:
                capped[row] = True
    return capped
