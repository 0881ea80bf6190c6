"""Vectors in PostgreSQL: a filter and the nearest vectors in one query."""

import json
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, bindparam, cast, column, select, table, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType

from goeswith.errors import ShopError
from goeswith.serve.at_work import AtWork
from goeswith.serve.filters import clause, parsed
from goeswith.serve.store.database import Database, DatabaseAway, said_clearly


class Vector(UserDefinedType):
    """pgvector's type, written as it reads it: [0.1,0.2]"""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "vector"

    def bind_processor(self, dialect: object) -> None:
        return None


class PgVectors:
    """One table for each model version and catalogue, filled when it is first asked; see `ProductVectors`.

    `row` numbers the model's items; attributes are the catalogue's columns as JSONB.
    """

    def __init__(self, database: Database, graph: bool = True) -> None:
        self._database, self._graph, self._lock = database, graph, Lock()
        self._filled: dict[str, int] = {}

    def nearest(self, work: AtWork, vector: NDArray[np.float32], k: int, filter: str | None) -> list[int]:
        name = self.table_of(work)
        self.fill(work)
        told = "[" + ",".join(f"{value:.7g}" for value in vector) + "]"
        stored = table(name, column("row"), column("attributes", JSONB), column("embedding", Vector()))
        query = select(stored.c.row)
        if filter is not None:
            query = query.where(clause(parsed(filter), stored.c.attributes, work.catalogue.frame.schema))
        query = query.order_by(stored.c.embedding.op("<=>")(cast(bindparam("asked"), Vector()))).limit(k)
        with self._database.writing() as connection:
            connection.execute(text(f"SET LOCAL hnsw.ef_search = {min(max(k, 40), 1000)}"))
            connection.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
            if filter is not None:  # the graph gives up before it has k that pass; what passes is compared one by one
                connection.execute(text("SET LOCAL enable_indexscan = off"))
            return [int(row) for row in connection.execute(query, {"asked": told}).scalars()]

    def table_of(self, work: AtWork) -> str:
        return "product_vectors_" + "".join(c if c.isalnum() else "_" for c in work.version.lower())[:40]

    def fill(self, work: AtWork) -> None:
        """Make the table of a version, or bring its attributes to today's catalogue."""
        name = self.table_of(work)
        with self._lock:
            if self._filled.get(name) == work.epoch:
                return
            with self._database.writing() as connection:
                connection.execute(text("SELECT pg_advisory_xact_lock(7230418)"))
                try:
                    connection.execute(text("CREATE EXTENSION IF NOT EXISTS vector"))
                except DatabaseAway:
                    raise
                except Exception as error:
                    raise ShopError(
                        'vectors = "pgvector": this PostgreSQL has no pgvector. Install it, or set vectors = "memory".'
                    ) from error
                there = connection.execute(text("SELECT to_regclass(:name)"), {"name": name}).scalar() is not None
                if not there:
                    self._make(connection, name, work)
                else:
                    self._bring_up_to_date(connection, name, work)
            self._filled[name] = work.epoch

    def _make(self, connection: Connection, name: str, work: AtWork) -> None:
        width = work.model.encoded.shape[1]
        connection.execute(
            text(f"CREATE TABLE {name} (row integer PRIMARY KEY, attributes jsonb NOT NULL, embedding vector({width}))")
        )
        rows = work.catalogue.frame[: work.catalogue.n_items].to_dicts()
        with said_clearly():
            raw = connection.connection.cursor()  # psycopg's COPY
            with raw.copy(f"COPY {name} (row, attributes, embedding) FROM STDIN") as copy:
                for row, (attributes, vector) in enumerate(zip(rows, work.model.encoded, strict=True)):
                    copy.write_row((row, _json(attributes), "[" + ",".join(f"{v:.7g}" for v in vector) + "]"))
        if self._graph:
            connection.execute(text(f"CREATE INDEX ON {name} USING hnsw (embedding vector_cosine_ops)"))
        connection.execute(text(f"ANALYZE {name}"))

    def _bring_up_to_date(self, connection: Connection, name: str, work: AtWork) -> None:
        changed = [row for row in work.catalogue.changed_rows if row < work.catalogue.n_items]
        for row in changed:
            connection.execute(
                text(f"UPDATE {name} SET attributes = CAST(:attributes AS jsonb) WHERE row = :row"),
                {"attributes": _json(work.catalogue.frame.row(row, named=True)), "row": row},
            )


def _json(attributes: dict[str, object]) -> str:
    kept = {key: value for key, value in attributes.items() if value is not None}
    return json.dumps(kept, default=str, ensure_ascii=False, allow_nan=False).replace("\\u0000", "")
