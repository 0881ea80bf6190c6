"""Products that were added, changed or withdrawn over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, select, update

from goeswith.serve.catalogue import Change
from goeswith.serve.store.database import Database, now, raise_count, write_down
from goeswith.serve.store.tables import products


def all_changes(database: Database) -> list[Change]:
    """In the order of the ids, so that every worker numbers newcomers alike."""
    with database.reading() as connection:
        rows = connection.execute(select(products).order_by(products.c.product_id))
        return [Change(row.product_id, row.data, row.withdrawn) for row in rows]


def change_products(
    database: Database, given: Sequence[tuple[str, Mapping[str, Any]]], actor: str, withdrawn: bool = False
) -> None:
    """Merge these columns into what is known; all of them or, on an error, none."""
    with database.writing() as connection:
        for product_id, data in given:
            old = connection.execute(select(products).where(products.c.product_id == product_id)).first()
            values = {"data": {**(old.data if old else {}), **data}, "withdrawn": withdrawn, "changed": now()}
            if old is None:
                connection.execute(insert(products).values(product_id=product_id, **values))
            else:
                connection.execute(update(products).where(products.c.product_id == product_id).values(values))
        act = "products withdrawn" if withdrawn else "products changed"
        write_down(
            connection, actor, act, ", ".join(product_id for product_id, _ in given[:10]), {"products": len(given)}
        )
        raise_count(connection, "products")
