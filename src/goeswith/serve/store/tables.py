"""What a service writes down: its events, changes to the catalogue, rules, keys, and what it did."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()
Json = JSON().with_variant(JSONB(), "postgresql")
Number = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite counts up only in a plain INTEGER."""


def _numbered(name: str = "seq") -> Column[int]:
    return Column(name, Number, primary_key=True, autoincrement=True)


events = Table(
    "events",
    metadata,
    _numbered(),
    Column("event_id", String(200), nullable=False, unique=True),
    Column("customer_id", String(200)),
    Column("product_id", String(200), nullable=False),
    Column("time", DateTime, nullable=False),  # in the shop's time zone
    Column("kind", String(20), nullable=False),
    Column("quantity", Float, nullable=False),
    Column("price", Float),
    Column("basket_id", String(200)),
    Column("session_id", String(200)),
    Column("answer_id", String(64)),  # the answer that it followed, where the caller says so
    Column("digest", String(32), nullable=False),  # of the content: the same id with another content is a mistake
    Column("received", DateTime, nullable=False),
    Column("handed_over", DateTime),  # when it went into the shop's own log, which the next fit reads
    Index("events_by_customer", "customer_id"),
    Index("events_by_answer", "answer_id"),
)
products = Table(
    "products",
    metadata,
    Column("product_id", String(200), primary_key=True),
    Column("data", Json, nullable=False),  # the columns that differ from the shop's catalogue; all of a new product
    Column("withdrawn", Boolean, nullable=False, default=False),
    Column("changed", DateTime, nullable=False),
)
rules = Table(
    "rules",
    metadata,
    _numbered("version"),
    Column("rules", Json, nullable=False),
    Column("note", Text, nullable=False, default=""),
    Column("created", DateTime, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("active", Boolean, nullable=False, default=False),
)
api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("scope", String(10), nullable=False),
    Column("created", DateTime, nullable=False),
    Column("expires", DateTime),
    Column("revoked", DateTime),
)
audit = Table(
    "audit",
    metadata,
    _numbered(),
    Column("at", DateTime, nullable=False),
    Column("actor", String(64), nullable=False),  # a key's id, or "command line"
    Column("act", String(60), nullable=False),
    Column("subject", String(300), nullable=False, default=""),
    Column("detail", Json),
)
experiments = Table(
    "experiments",
    metadata,
    _numbered("experiment_id"),
    Column("name", String(200), nullable=False),
    Column("version_a", String(60), nullable=False),
    Column("version_b", String(60), nullable=False),
    Column("share_b", Float, nullable=False),
    Column("started", DateTime, nullable=False),
    Column("ended", DateTime),
)
exploration = Table(
    "exploration",
    metadata,
    _numbered("exploration_id"),
    Column("settings", Json, nullable=False),
    Column("started", DateTime, nullable=False),
    Column("ended", DateTime),
)
exposures = Table(
    "exposures",
    metadata,
    _numbered(),
    Column("answer_id", String(64), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("customer_id", String(200)),
    Column("product_id", String(200), nullable=False),
    Column("place", Integer, nullable=False),
    Column("model", String(60), nullable=False),
    Column("experiment_id", Integer),
    Column("arm", String(1)),
    Column("propensity", Float),  # of an explored place: how likely this product was to get it; else null
    Column("pool", Json),  # the products that could have got it, each with how likely it was
    Index("exposures_by_answer", "answer_id", "product_id"),
    Index("exposures_by_customer", "customer_id"),
    Index("exposures_by_experiment", "experiment_id"),
)
offers = Table(
    "offers",
    metadata,
    _numbered(),
    Column("campaign", String(200), nullable=False),
    Column("customer_id", String(200), nullable=False),
    Column("at", DateTime, nullable=False),
    Index("offers_by_customer", "customer_id"),
)
jobs = Table(
    "jobs",
    metadata,
    Column("job_id", String(32), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("state", String(20), nullable=False),  # waiting, running, done, failed
    Column("asked_by", String(64), nullable=False),
    Column("created", DateTime, nullable=False),
    Column("started", DateTime),
    Column("ended", DateTime),
    Column("message", Text, nullable=False, default=""),
    Column("result", Json),
)
forgotten = Table(
    "forgotten",
    metadata,
    Column("digest", String(64), primary_key=True),  # of the customer's id: the id itself is forgotten
    Column("at", DateTime, nullable=False),
)
state = Table(
    "state",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("value", Text, nullable=False),  # a count that each change raises, or a secret made once
)
