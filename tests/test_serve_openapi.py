"""The OpenAPI page: checked in, true, and kept to by every answer."""

import json
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from goeswith.serve import jobs
from goeswith.serve.store.keys import new_key

pytest_plugins = ["goeswith.testing.serving"]
PAGE = Path(__file__).parent.parent / "docs" / "openapi.json"


def test_the_page_that_is_checked_in_is_the_page_that_is_served(serve_corner):
    served = serve_corner().http.get("/v1/openapi.json").json()

    assert json.loads(PAGE.read_text(encoding="utf-8")) == served, "write it anew: python -m goeswith.serve.openapi"


def test_every_route_says_what_may_go_wrong(serve_corner):
    page = serve_corner().http.get("/v1/openapi.json").json()

    for path, methods in page["paths"].items():
        for method, route in methods.items():
            assert "application/problem+json" in route["responses"]["503"]["content"] or path == "/v1/ready", (
                path,
                method,
            )


CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]


def test_every_answer_is_as_declared(listening, database_url, monkeypatch):
    """Whatever is sent. benchmarks/serve.py sends more of it."""
    monkeypatch.setitem(jobs.WORK, "fit", lambda service: {})
    running = listening(database_url)
    _, key = new_key(running.app.state.service.database, "schemathesis", "admin")
    running.app.state.service.look_at_once()
    schema = schemathesis.openapi.from_url(f"{running.address}/v1/openapi.json")
    tried = set()

    for operation in (found.ok() for found in schema.get_all_operations()):

        @given(case=operation.as_strategy())
        @settings(max_examples=3, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        def is_as_declared(case):
            case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)

        is_as_declared()
        tried.add(operation.label)

    assert len(tried) > 40
