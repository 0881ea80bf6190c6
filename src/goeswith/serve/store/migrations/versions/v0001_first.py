"""The first tables of a service."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision, down_revision = "0001", None
JSON = sa.JSON().with_variant(JSONB(), "postgresql")
COUNTED = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _numbered(name: str = "seq") -> sa.Column:
    return sa.Column(name, COUNTED, primary_key=True, autoincrement=True)


def _text(name: str, length: int, null: bool = False, **more: Any) -> sa.Column:
    return sa.Column(name, sa.String(length), nullable=null, **more)


def _time(name: str, null: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime, nullable=null)


def upgrade() -> None:
    op.create_table(
        "events", _numbered(), _text("event_id", 200, unique=True), _text("customer_id", 200, null=True),
        _text("product_id", 200), _time("time"), _text("kind", 20), sa.Column("quantity", sa.Float, nullable=False),
        sa.Column("price", sa.Float), _text("basket_id", 200, null=True), _text("session_id", 200, null=True),
        _text("answer_id", 64, null=True), _text("digest", 32), _time("received"), _time("handed_over", null=True),
    )  # fmt: skip
    op.create_index("events_by_customer", "events", ["customer_id"])
    op.create_index("events_by_answer", "events", ["answer_id"])
    op.create_table(
        "products", _text("product_id", 200, primary_key=True), sa.Column("data", JSON, nullable=False),
        sa.Column("withdrawn", sa.Boolean, nullable=False), _time("changed"),
    )  # fmt: skip
    op.create_table(
        "rules", _numbered("version"), sa.Column("rules", JSON, nullable=False),
        sa.Column("note", sa.Text, nullable=False), _time("created"), _text("created_by", 64),
        sa.Column("active", sa.Boolean, nullable=False),
    )  # fmt: skip
    op.create_table(
        "api_keys", _text("key_id", 32, primary_key=True), _text("name", 200), _text("hash", 64), _text("scope", 10),
        _time("created"), _time("expires", null=True), _time("revoked", null=True),
    )  # fmt: skip
    op.create_table(
        "audit", _numbered(), _time("at"), _text("actor", 64), _text("act", 60), _text("subject", 300),
        sa.Column("detail", JSON),
    )  # fmt: skip
    op.create_table(
        "experiments", _numbered("experiment_id"), _text("name", 200), _text("version_a", 60), _text("version_b", 60),
        sa.Column("share_b", sa.Float, nullable=False), _time("started"), _time("ended", null=True),
    )  # fmt: skip
    op.create_table(
        "exploration", _numbered("exploration_id"), sa.Column("settings", JSON, nullable=False), _time("started"),
        _time("ended", null=True),
    )  # fmt: skip
    op.create_table(
        "exposures", _numbered(), _text("answer_id", 64), _time("at"), _text("customer_id", 200, null=True),
        _text("product_id", 200), sa.Column("place", sa.Integer, nullable=False), _text("model", 60),
        sa.Column("experiment_id", sa.Integer), _text("arm", 1, null=True), sa.Column("propensity", sa.Float),
        sa.Column("pool", JSON),
    )  # fmt: skip
    op.create_index("exposures_by_answer", "exposures", ["answer_id", "product_id"])
    op.create_index("exposures_by_customer", "exposures", ["customer_id"])
    op.create_index("exposures_by_experiment", "exposures", ["experiment_id"])
    op.create_table("offers", _numbered(), _text("campaign", 200), _text("customer_id", 200), _time("at"))
    op.create_index("offers_by_customer", "offers", ["customer_id"])
    op.create_table(
        "jobs", _text("job_id", 32, primary_key=True), _text("kind", 20), _text("state", 20), _text("asked_by", 64),
        _time("created"), _time("started", null=True), _time("ended", null=True),
        sa.Column("message", sa.Text, nullable=False), sa.Column("result", JSON),
    )  # fmt: skip
    op.create_table("forgotten", _text("digest", 64, primary_key=True), _time("at"))
    op.create_table("state", _text("name", 60, primary_key=True), sa.Column("value", sa.Text, nullable=False))


def downgrade() -> None:
    for table in ("state", "forgotten", "jobs", "offers", "exposures", "exploration", "experiments", "audit"):
        op.drop_table(table)
    for table in ("api_keys", "rules", "products", "events"):
        op.drop_table(table)
