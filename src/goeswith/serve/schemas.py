"""What is asked and answered, with examples; the OpenAPI page is made of these."""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from goeswith.serve.business_rules import BusinessRules

NO_NUL = r"^[^\x00]*$"
Id = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Text = Annotated[str, StringConstraints(max_length=2_000, pattern=NO_NUL)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
Count = Annotated[int, Field(ge=1, le=100)]
Small = Annotated[int, Field(ge=1, le=2**31 - 1)]
Finite = Annotated[float, Field(allow_inf_nan=False, ge=-1e15, le=1e15)]
Value = (
    Annotated[bool, Field(strict=True)]
    | Annotated[int, Field(strict=True, ge=-(2**53), le=2**53)]
    | Finite
    | Text
    | None
)
Moment = Annotated[datetime, AfterValidator(lambda moment: moment if moment.tzinfo else moment.replace(tzinfo=UTC))]
"""What is stored without a zone is UTC."""
Verb = Literal["related", "complete", "recommend"]
Kind = Literal["any", "complement", "substitute"]
EventKind = Literal["purchase", "view", "cart", "wish", "return"]
Scope = Literal["read", "write", "admin"]
T = TypeVar("T")
FILTER = 'price <= 10 and category in ("milk", "herbs")'


class Body(BaseModel):
    """What a caller sends; a name that is not known is a mistake, and is said."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Problem(BaseModel):
    """application/problem+json (RFC 9457)."""

    type: str = Field(examples=["/problems/unknown-id"])
    title: str = Field(examples=["Unknown id"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["1 product is not in this shop (bred). Near matches: bread."])
    request_id: str = ""
    near: list[str] = Field(default=[], description="Ids that are spelt like the unknown one.", examples=[["bread"]])
    errors: list[dict[str, str]] = Field(default=[], description="Each value that cannot be used, and why.")


# --- answers


class Common(Body):
    n: Count = Field(default=10, description="How many products.")
    filter: Text | None = Field(default=None, description="Only products that meet it.", examples=[FILTER])
    exclude: list[Id] = Field(default=[], max_length=1_000, description="Never these products.")
    why: bool = Field(default=False, description="With reasons; slower.")


class RelatedQuery(Common):
    """What goes with a product, or with one of which only a text is known."""

    product: Id | None = Field(default=None, examples=["pasta"])
    text: Text | None = Field(default=None, examples=["oat milk barista 1 l"])
    kind: Kind = "any"
    customer: Id | None = Field(default=None, description="Who looks at it: for rules, tests and exploration.")

    @model_validator(mode="after")
    def _one_of_two(self) -> "RelatedQuery":
        if (self.product is None) == (self.text is None):
            raise ValueError("name one product, or pass text; not both and not neither")
        if self.text is not None and not self.text.strip():
            raise ValueError("text is empty; describe the product in a few words")
        return self


class CompleteQuery(Common):
    """What is still to come in a basket."""

    basket: list[Id] = Field(min_length=1, max_length=500, examples=[["pasta", "basil"]])
    customer: Id | None = Field(default=None, examples=["ben"])


class RecommendQuery(Common):
    """What to offer a customer, or somebody of whom only a history is known."""

    customer: Id | None = Field(default=None, examples=["ana"])
    history: list[Id] | None = Field(default=None, max_length=1_000, description="Oldest first; may be empty.")
    novel: bool = Field(default=False, description="Only what they never bought.")
    across: bool = Field(default=False, description="Only categories that are new to them.")

    @model_validator(mode="after")
    def _one_of_two(self) -> "RecommendQuery":
        if (self.customer is None) == (self.history is None):
            raise ValueError("name one customer, or pass history; not both and not neither")
        return self


class Answer(BaseModel):
    rank: int
    product_id: str | int
    name: str
    probability: float | None = Field(description="Of being in the basket, still to come, or bought; null if pinned.")
    kind: str = Field(examples=["complement"])
    source: str = Field(examples=["model"], description="prepared, model, newcomer, exploration or rule")
    reasons: list[str] = []
    rules: list[str] = Field(default=[], description="What business rules did to it.", examples=[["pinned"]])


class Ranking(BaseModel):
    products: list[Answer]
    model: str = Field(description="The version that answered.")
    rules: int = Field(description="The version of the business rules.")
    hidden: dict[str, int] = Field(default={}, description="Products that rules took out, by rule.")
    answer_id: str | None = Field(
        default=None, description="To be sent with events that follow; null if nothing is tested."
    )
    arm: str | None = Field(default=None, description="a or b, where two versions share the customers.")


class Rankings(BaseModel):
    answers: list[Ranking]


class RelatedBatch(Body):
    queries: list[RelatedQuery] = Field(min_length=1, max_length=100)


class CompleteBatch(Body):
    queries: list[CompleteQuery] = Field(min_length=1, max_length=100)


class RecommendBatch(Body):
    queries: list[RecommendQuery] = Field(min_length=1, max_length=100)


class ProbabilityQuery(Body):
    """Of baskets with a, the share that holds b."""

    a: Id = Field(examples=["pasta"])
    b: Id = Field(examples=["basil"])


class ProbabilityBatch(Body):
    pairs: list[ProbabilityQuery] = Field(min_length=1, max_length=1_000)


class Chance(BaseModel):
    a: str | int
    b: str | int
    value: float
    low: float
    high: float
    baskets: int = Field(description="With a, that were counted.")
    model: str


class Chances(BaseModel):
    probabilities: list[Chance]


class Why(BaseModel):
    sentence: str
    evidence: list[dict[str, Any]]
    model: str


# --- products


class ProductBody(Body):
    """A product. Its columns are those of the catalogue; a new column may come with it."""

    product_id: Id = Field(examples=["rice-milk"])
    name: Text | None = Field(default=None, examples=["Rice Milk 1 l"])
    attributes: dict[Name, Value] = Field(
        default={}, max_length=100, examples=[{"category": "milk", "brand": "Haver", "price": 2.1}]
    )


class ProductsBody(Body):
    products: list[ProductBody] = Field(min_length=1, max_length=1_000)


class ProductPatch(Body):
    """What changes; a value of null empties a column."""

    name: Text | None = None
    attributes: dict[Name, Value] = Field(default={}, max_length=100, examples=[{"stock": 0}])


class Product(BaseModel):
    product_id: str | int
    name: str
    attributes: dict[str, Any]
    withdrawn: bool = False
    new: bool = Field(default=False, description="Came after the model was fitted.")


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: str | None = Field(default=None, description="Pass as cursor for the next page; null at the end.")


class Changed(BaseModel):
    added: int
    changed: int


# --- events and customers


class EventBody(Body):
    """Something that a customer did. The same event_id twice counts once."""

    event_id: Id = Field(examples=["till-7-000123"])
    product_id: Id = Field(examples=["pasta"])
    customer_id: Id | None = Field(default=None, examples=["ben"])
    event: EventKind = "purchase"
    time: datetime | None = Field(default=None, description="Now if left out; without a zone in the shop's.")
    quantity: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = 1.0
    price: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] | None = None
    basket_id: Id | None = None
    session_id: Id | None = None
    answer_id: Annotated[str, StringConstraints(max_length=64, pattern=NO_NUL)] | None = Field(
        default=None, description="Of the answer that it followed."
    )


class EventsBody(Body):
    events: list[EventBody] = Field(min_length=1, max_length=1_000)


class Stored(BaseModel):
    event_id: str
    status: Literal["stored", "known"] = Field(description="known: told before, and kept once.")


class StoredMany(BaseModel):
    events: list[Stored]
    stored: int
    known: int


class Happened(BaseModel):
    event_id: str | None = None
    product_id: str | int
    event: str
    time: Moment
    quantity: float | None = None
    price: float | None = None
    basket_id: str | None = None
    in_model: bool = Field(description="Whether the model in service learned from it.")


class Export(BaseModel):
    customer_id: str
    events: list[Happened]
    exposures: int = Field(description="Products shown in answers that were logged.")
    offers: int


class Forgotten(BaseModel):
    customer_id: str
    events: int = Field(description="Told to the service, and removed.")
    rows: int = Field(description="Of the shop's own log, and removed.")
    fit_wanted: bool = Field(description="Whether a model in the shop still rests on what was removed.")


# --- rules, models, keys, tests


class RulesBody(Body):
    rules: BusinessRules
    note: Text = ""


class RulesVersion(BaseModel):
    version: int
    rules: BusinessRules
    note: str
    created: Moment | None
    created_by: str
    active: bool


class PreviewBody(Body):
    """Rules to try, and questions to try them on."""

    rules: BusinessRules
    related: list[RelatedQuery] = Field(default=[], max_length=20)
    recommend: list[RecommendQuery] = Field(default=[], max_length=20)


class Compared(BaseModel):
    before: Ranking
    after: Ranking


class Preview(BaseModel):
    answers: list[Compared]
    hidden: dict[str, int] = Field(description="Products of the catalogue that each rule hides.")


class ModelInfo(BaseModel):
    version: str
    created: str
    until: str | None
    current: bool = Field(description="Promoted in the shop's folder.")
    serving: bool = Field(description="Loaded by the process that answered.")
    metrics: dict[str, Any] = {}
    wants_fit: bool = Field(default=False, description="Rests on a customer who has been forgotten since.")


class Now(BaseModel):
    current: str


class KeyBody(Body):
    name: Name = Field(examples=["till 7"])
    scope: Scope = "read"
    expires: datetime | None = None


class KeyInfo(BaseModel):
    key_id: str
    name: str
    scope: Scope
    created: Moment
    expires: Moment | None
    state: Literal["active", "expired", "revoked"]


class NewKey(KeyInfo):
    key: str = Field(description="Shown this once.")


class ExperimentBody(Body):
    name: Name
    version_a: Name
    version_b: Name
    share_b: float = Field(default=0.5, ge=0.01, le=0.99)


class Experiment(BaseModel):
    experiment_id: int
    name: str
    version_a: str
    version_b: str
    share_b: float
    started: Moment
    ended: Moment | None


class Arm(BaseModel):
    arm: str
    version: str
    customers: int
    answers: int
    buyers: int = Field(description="Customers who bought a product that they were shown, after it was shown.")
    share: float | None
    low: float | None = Field(description="Of a 95 % interval (Wilson).")
    high: float | None


class ExperimentReport(BaseModel):
    experiment: Experiment
    arms: list[Arm]
    difference: float | None = Field(description="Of the shares, b less a.")
    low: float | None = Field(description="Of a 95 % interval of the difference (Newcombe).")
    high: float | None


class ExplorationBody(Body):
    """A bounded share of places for products that hardly sold."""

    policy: Literal["thompson", "epsilon"] = "thompson"
    share: float = Field(default=0.1, ge=0.0, le=0.5, description="Of the places of all answers, on average.")
    epsilon: float = Field(default=0.1, ge=0.0, le=1.0, description="Of explored places, chosen by chance alone.")
    pool: int = Field(default=20, ge=2, le=50, description="Cold products that compete for a place.")


class Exploration(BaseModel):
    exploration_id: int
    settings: ExplorationBody
    started: Moment
    ended: Moment | None


class ExplorationReport(BaseModel):
    exploration: Exploration
    shown: int
    rewards: int
    rate: float | None = Field(description="Rewards for each explored place.")
    by_chance_ips: float | None = Field(description="What choosing by chance would have brought (IPS).")
    by_chance_snips: float | None = Field(description="The same, self-normalised.")
    effective: float | None = Field(description="Observations that the estimate rests on.")


class AudienceQuery(Body):
    """Whom to offer a product or a bundle."""

    products: list[Id] = Field(min_length=1, max_length=20, examples=[["honey"]])
    n: int = Field(default=100, ge=1, le=10_000)
    least: float = Field(default=0.0, ge=0.0, le=1.0, description="Nobody less likely than this.")
    bought_within_days: int = Field(
        default=0, ge=0, le=3_650, description="Leave out who bought one of them so lately."
    )
    exclude: list[Id] = Field(default=[], max_length=10_000, description="Customers who are left out.")
    campaign: Name | None = Field(default=None, description="With a name the offers are remembered, for caps.")
    most_offers: int | None = Field(default=None, ge=1, le=1_000, description="Nobody who had so many offers lately.")
    offers_within_days: int = Field(default=30, ge=1, le=3_650)


class Prospect(BaseModel):
    customer_id: str | int
    probability: float = Field(description="Of buying it within the horizon; for a bundle the mean of its products.")
    bought: int


class Audience(BaseModel):
    customers: list[Prospect]
    expected: dict[str, float] = Field(description="Product -> how many of them are expected to buy it.")
    left_out: dict[str, int] = Field(description="Why -> how many customers.")
    model: str


class JobBody(Body):
    kind: Literal["hand-over", "fit"] = Field(
        description="hand-over: events into the shop's log; fit: that, then a fit."
    )


class Job(BaseModel):
    job_id: str
    kind: str
    state: Literal["waiting", "running", "done", "failed"]
    asked_by: str
    created: Moment
    started: Moment | None
    ended: Moment | None
    message: str
    result: dict[str, Any] | None


class Audited(BaseModel):
    seq: int
    at: Moment
    actor: str
    act: str
    subject: str
    detail: Any = None


class Health(BaseModel):
    status: Literal["ok"]


class Ready(BaseModel):
    ready: bool
    model: str | None
    database: bool
    loading: str | None = None
    problem: str | None = None
