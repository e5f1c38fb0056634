"""What goes wrong in a route, as problem JSON."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from srgan.server.problems import Problem


def answer_errors(app: FastAPI) -> None:
    """Have an application answer every error with a problem of a fixed code."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(Exception, _on_problem)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_invalid)


async def _on_problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        error = Problem("internal", "something went wrong; the server's log says more")
    headers = {name.decode(): value.decode() for name, value in error.headers()}
    return Response(error.body(), error.status, headers)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = Problem("bad_request", str(error.detail))
    if error.status_code == 404:
        problem = Problem("not_found", "there is nothing here; /openapi.json lists what there is")
    elif error.status_code == 405:
        allow = _methods(request)
        problem = Problem("method_not_allowed", f"the methods here are {allow}", allow=allow)
    return await _on_problem(request, problem)


def _methods(request: Request) -> str:
    """All that an address takes; the error names those of one route, and it may have several."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods
    return ", ".join(sorted(found))


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first: Any = error.errors()[0]
    return await _on_problem(request, Problem("bad_value", f"{first['loc'][-1]}: {first['msg']}"))
