"""The routes. Pixels never pass through here: only bytes on their way to and from files."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.security import HTTPBearer
from starlette.requests import ClientDisconnect

from srgan import __version__
from srgan.server.answers import answer_errors
from srgan.server.documents import (
    DESCRIPTION,
    PROBLEMS,
    RESULT,
    JobDocument,
    ModelsDocument,
    Status,
    describe_job,
    describe_models,
    upload_form,
)
from srgan.server.guards import Access, Guards
from srgan.server.job import Job
from srgan.server.jobs import Jobs
from srgan.server.lane import Choice, LibraryOpener, Opener
from srgan.server.limits import MEGA, ServerLimits
from srgan.server.metrics import Metrics
from srgan.server.order import MEDIA, Order, disposition, file_name, format_of, read_order
from srgan.server.problems import Problem
from srgan.server.streams import Streams
from srgan.server.uploads import receive_form
from srgan.weights.catalog import Model

PAGE = Path(__file__).parent / "page"
_PULSE_SECONDS = 5.0

log = logging.getLogger("srgan.server")


@dataclass(frozen=True, slots=True)
class Config:
    """What a server is started with.

    Attributes:
        models: what clients may choose from, and ``default``, what they get without choosing.
        spool: an existing folder for uploads and results, of this server alone.
        opener: gives the upscaler of a choice; it is pickled into the computing child.
    """

    models: Sequence[Model]
    default: str
    spool: Path
    access: Access = field(default_factory=Access)
    limits: ServerLimits = field(default_factory=ServerLimits)
    opener: Opener = field(default_factory=LibraryOpener)


def create_app(config: Config) -> Guards:
    """The ASGI application, guards included."""
    service = _Service(config)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.jobs.start()
        yield
        await service.jobs.stop()

    app = FastAPI(
        title="srgan",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # For the OpenAPI document; the guards check it.
        dependencies=[Depends(HTTPBearer(auto_error=False))] if config.access.token else None,
    )
    answer_errors(app)
    service.add_routes(app)
    paths = [getattr(route, "path", "") for route in app.routes]
    service.metrics = Metrics(paths)
    return Guards(
        app,
        config.access,
        config.limits,
        seen=service.metrics.seen,
        report=lambda error: log.error("a request failed", exc_info=error),
    )


class _Service:
    """What the routes share."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.limits = config.limits
        self.jobs = Jobs(config.limits, config.opener, Choice(config.default), config.spool)
        self.metrics = Metrics(())
        self.receiving: Counter[str] = Counter()
        self.streams = Streams(config.limits.streams)

    def add_routes(self, app: FastAPI) -> None:
        limits = self.limits

        @app.post(
            "/v1/upscale",
            summary="Enlarge a picture",
            response_model=None,
            responses={**RESULT, 202: {"model": JobDocument}, **PROBLEMS},
            openapi_extra={"requestBody": upload_form(limits)},
        )
        async def upscale(request: Request) -> Response:
            """Small pictures are answered with the result, others with 202 and a job.

            `wait` decides it: the seconds that the request may wait for its result.
            """
            job, order = await self.receive(request)
            wait = order.wait
            if wait is None:
                wait = limits.wait_seconds if job.cost <= limits.wait_mp * MEGA else 0.0
            if wait > 0:
                job.owed = True  # until its answer was sent, and it is removed with that
                if await self.wait(job, request, wait):
                    return self.final(job)
                job.owed = False
            return JSONResponse(
                describe_job(job, self.jobs), 202, {"Location": f"/v1/jobs/{job.id}"}
            )

        # Each GET but the events' is answered to HEAD too; many a health check is one.
        @app.head("/v1/jobs/{id}", include_in_schema=False)
        @app.get("/v1/jobs/{id}", responses=PROBLEMS, summary="A job's state")
        async def job(id: str) -> JobDocument:
            """State, progress and the seconds left."""
            return JobDocument(**describe_job(self.find(id), self.jobs))

        @app.get(
            "/v1/jobs/{id}/events",
            response_class=StreamingResponse,
            responses={200: {"content": {"text/event-stream": {}}}, **PROBLEMS},
            summary="A job's progress as server-sent events",
        )
        async def events(id: str) -> Response:
            """One `job` event with the job's document for each change, until the job ends."""
            found = self.find(id)
            self.streams.check()
            return self.streams.answer(self.events(found), media="text/event-stream")

        @app.head("/v1/jobs/{id}/result", include_in_schema=False)
        @app.get(
            "/v1/jobs/{id}/result",
            response_class=Response,
            responses={**RESULT, **PROBLEMS},
            summary="A job's result",
        )
        async def result(
            id: str,
            format: Annotated[str | None, Query(max_length=8, examples=["webp"])] = None,
            quality: Annotated[int | None, Query(ge=1, le=100)] = None,
        ) -> Response:
            """The picture, in the format that the job was given or in another."""
            found = self.find(id)
            if found.state != "done":
                raise found.problem or Problem("not_ready", f"the job is {found.state}; wait")
            kind = format_of(format) if format else found.task.format
            self.streams.check()
            path = await self.jobs.result(found, kind, quality)
            return self.file(found, path, kind)

        @app.head("/v1/jobs/{id}/input", include_in_schema=False)
        @app.get(
            "/v1/jobs/{id}/input",
            response_class=Response,
            responses={**RESULT, **PROBLEMS},
            summary="The picture that was sent, as PNG",
        )
        async def original(id: str) -> Response:
            """For pages in browsers that cannot show the picture's own format."""
            found = self.find(id)
            self.streams.check()
            path = await self.jobs.input_as_png(found)
            return self.streams.download(path, media="image/png", headers={})

        @app.delete(
            "/v1/jobs/{id}",
            status_code=204,
            response_model=None,  # FastAPI 0.115 takes the None below for a body
            responses=PROBLEMS,
            summary="Cancel and forget a job",
        )
        async def remove(id: str) -> None:
            """Stops its work within a tile; its files are removed."""
            self.jobs.remove(self.find(id))

        @app.head("/v1/models", include_in_schema=False)
        @app.get("/v1/models", summary="What there is to choose from")
        async def models() -> ModelsDocument:
            """The models, with scores and licence, the formats, and this server's limits."""
            return ModelsDocument(
                **describe_models(self.config.models, self.config.default, limits)
            )

        @app.head("/healthz", include_in_schema=False)
        @app.get("/healthz", summary="Is the process alive?")
        async def healthz() -> Status:
            """Always 200."""
            return Status(status="ok")

        @app.head("/readyz", include_in_schema=False)
        @app.get("/readyz", summary="Can it compute?", responses=PROBLEMS)
        async def readyz() -> Status:
            """200 when the default model is open and the server is not stopping."""
            if self.jobs.stopping:
                raise Problem("stopping", "the server is stopping", retry_after=20)
            if not self.jobs.ready:
                raise Problem("not_started", "the model is not open yet", retry_after=1)
            return Status(status="ready")

        @app.head("/metrics", include_in_schema=False)
        @app.get("/metrics", summary="Counters for Prometheus", response_class=Response)
        async def metrics() -> Response:
            """In Prometheus' text format."""
            return Response(
                self.metrics.text(self.jobs, self.streams.open),
                media_type="text/plain; version=0.0.4; charset=utf-8",
            )

        for name, media in _PAGE_FILES.items():
            app.add_api_route(
                "/" if name == "index.html" else f"/page/{name}",
                _page_file(name, media),
                methods=["GET", "HEAD"],
                include_in_schema=False,
            )

    def find(self, id_: str) -> Job:
        """The job of an id.

        Raises:
            Problem: there is none.
        """
        job = self.jobs.jobs.get(id_)
        if job is None:
            raise Problem("job_unknown", "there is no such job; it may have expired")
        return job

    async def receive(self, request: Request) -> tuple[Job, Order]:
        """Receive an upload and queue it.

        Raises:
            Problem: it is refused; nothing is left of it.
        """
        client = request.client.host if request.client else ""
        self.jobs.admit(client)
        if self.receiving.total() >= self.limits.uploads:
            raise Problem("queue_full", "too many uploads at once; try again", retry_after=1)
        if self.receiving[client] >= self.limits.client_jobs:
            raise Problem("too_many_jobs", "you send too many at once; wait", retry_after=1)
        id_, folder = self.jobs.new_folder()
        self.receiving[client] += 1
        queued = False
        try:
            form = await receive_form(
                request.headers.get("content-type"),
                request.stream(),
                folder / "upload",
                self.limits,
            )
            order = read_order(form.fields, self.config.models, self.config.default, self.limits)
            info = await self.jobs.look(folder / "upload")
            task = order.task(folder, info.height, info.width)
            job = Job(
                id_,
                folder,
                client,
                form.name or "",
                order.choice,
                task,
                info,
            )
            self.jobs.check_result(job)
            self.jobs.submit(job)
            queued = True
        except ClientDisconnect:
            # Granian says the same of a chunk without meaning, whose sender waits for an answer.
            if "transfer-encoding" in request.headers:
                detail = "the chunked body is malformed or breaks off; send it whole"
                raise Problem("bad_request", detail) from None
            raise Problem("client_gone", "the client left during its upload") from None
        finally:
            self.receiving[client] -= 1
            self.receiving += Counter()  # drops the zeros
            if not queued:
                shutil.rmtree(folder, ignore_errors=True)
        return job, order

    async def wait(self, job: Job, request: Request, seconds: float) -> bool:
        """Wait for a job's end; whether it came. Cancels the job of a client that leaves.

        Raises:
            Problem: the client left.
        """
        leaving = asyncio.ensure_future(_left(request))
        try:
            async with asyncio.timeout(seconds):
                while not job.ended_at_all:
                    news = asyncio.ensure_future(job.changed.wait())
                    await asyncio.wait({news, leaving}, return_when=asyncio.FIRST_COMPLETED)
                    news.cancel()
                    if leaving.done():
                        self.jobs.remove(job)
                        log.info("499 a client left; its job was stopped")
                        raise Problem("client_gone", "the client left")
        except TimeoutError:
            return False
        finally:
            leaving.cancel()
        return True

    def final(self, job: Job) -> Response:
        """The answer to a request that waited: the result, whose files go with it."""
        if job.state != "done":
            self.jobs.remove(job)
            raise job.problem or Problem("not_ready", "the job was cancelled")
        return self.file(job, job.task.target, job.task.format, last=True)

    def file(self, job: Job, path: Path, format_: str, *, last: bool = False) -> Response:
        """A result as a download; with its last one a job goes."""

        def ended() -> None:
            if last:
                self.jobs.remove(job)

        name = file_name(job.name, job.source.width, job.task.width, format_)
        headers = {"Content-Disposition": disposition(name), "X-Srgan-Job": job.id}
        if job.notices:
            headers["X-Srgan-Notices"] = json.dumps(job.notices)  # ASCII, as a header must be
        return self.streams.download(path, media=MEDIA[format_], headers=headers, ended=ended)

    async def events(self, job: Job) -> AsyncIterator[bytes]:
        """The text of an event stream."""
        async for changed in self.jobs.news(job, pulse=_PULSE_SECONDS):
            if changed:
                document = JobDocument(**describe_job(job, self.jobs)).model_dump_json()
                yield f"event: job\ndata: {document}\n\n".encode()
            else:
                yield b": still here\n\n"


_PAGE_FILES = {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "app.js": "text/javascript; charset=utf-8",
    "api.js": "text/javascript; charset=utf-8",
    "viewer.js": "text/javascript; charset=utf-8",
    "bicubic.js": "text/javascript; charset=utf-8",
    "hero.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def _page_file(name: str, media: str) -> Callable[[], Awaitable[Response]]:
    body = (PAGE / name).read_bytes()

    async def serve() -> Response:
        return Response(body, media_type=media, headers={"Cache-Control": "no-cache"})

    return serve


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
