"""The service as an ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from goeswith import __version__
from goeswith.data.shop import Shop
from goeswith.model import Model
from goeswith.serve.access import Shown
from goeswith.serve.answering import Answering
from goeswith.serve.console.mount import mount_console
from goeswith.serve.jobs import Jobs
from goeswith.serve.middleware import Gate
from goeswith.serve.problems import RESPONSES, install
from goeswith.serve.routes import (
    administration,
    answers,
    campaigns,
    customers,
    events,
    experiments,
    keys,
    models,
    operations,
    products,
    rules,
)
from goeswith.serve.schemas import Problem
from goeswith.serve.service import Service
from goeswith.serve.settings import ServeSettings

OPEN = (operations,)
GUARDED = (answers, products, events, customers, campaigns, rules, models, experiments, keys, administration)


def create_app(shop: Shop, settings: ServeSettings, model: Model | None = None) -> FastAPI:
    """A service of this shop; further routers and middleware may be added before it starts.

    Parameters
    ----------
    model : already loaded; the current version is loaded in the background otherwise

    Its parts hang on `app.state`: service (database, models, live events), answering (questions to answers), jobs.
    """
    service = Service(shop, settings, model)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        yield
        app.state.jobs.close()
        await service.stop()

    app = described(lifespan)
    app.state.service, app.state.answering, app.state.jobs = service, Answering(service), Jobs(service)
    mount_console(app)
    app.add_middleware(Gate, settings=settings, metrics=service.metrics, is_open=service.is_open, key_of=service.key_of)
    return app


def described(lifespan: Any = None) -> FastAPI:
    """The addresses and forms of the service, without one: what the OpenAPI page is made of."""
    app = FastAPI(
        title="goeswith",
        summary="What goes with what, for whom, and why.",
        version=__version__,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        separate_input_output_schemas=False,
    )
    api = APIRouter(prefix="/v1", responses=RESPONSES)
    for module in OPEN:
        api.include_router(module.router)
    for module in GUARDED:
        api.include_router(module.router, dependencies=Shown)
    app.include_router(api)
    install(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's page, with the one form of error in it."""
    if app.openapi_schema is None:
        page = FastAPI.openapi(app)
        forms = page["components"]["schemas"]
        forms["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        for name in ("HTTPValidationError", "ValidationError"):
            forms.pop(name, None)
        app.openapi_schema = page
    return app.openapi_schema
