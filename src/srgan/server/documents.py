"""What the API says, as types: they make the OpenAPI document and are what is sent."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from srgan.server.job import Job
from srgan.server.jobs import Jobs
from srgan.server.limits import ServerLimits, table
from srgan.server.order import FORMATS, MEDIA, has_dial
from srgan.server.problems import CODES
from srgan.weights.catalog import Model

DESCRIPTION = """Enlarge photos so that they look like photos.

Send a picture to `POST /v1/upscale`. A small one is answered with the result; for others the
answer is `202` and a job: follow it at `/v1/jobs/{id}` or `/v1/jobs/{id}/events`, then fetch
`/v1/jobs/{id}/result`. Errors are `application/problem+json` with a fixed `code`.
"""

_EXAMPLE_ID = "mZ3b0yq0Jw5T4k1f6m2d9A"


class Size(BaseModel):
    """A picture's size and format."""

    width: int = Field(examples=[640])
    height: int = Field(examples=[480])
    frames: int = Field(examples=[1])
    format: str = Field(examples=["JPEG"])


class ProblemDocument(BaseModel):
    """What went wrong and how to mend it (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    code: str = Field(description="fixed: programs may rely on it", examples=["image_refused"])
    detail: str


class JobDocument(BaseModel):
    """A job."""

    id: str = Field(examples=[_EXAMPLE_ID])
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    progress: float = Field(ge=0, le=1, description="fraction done", examples=[0.42])
    seconds_left: float | None = Field(description="an estimate; null when ended", examples=[3.5])
    position: int = Field(description="jobs before this one", examples=[0])
    name: str = Field(description="of the upload; for showing only", examples=["photo.jpg"])
    file_name: str = Field(description="what to call the result", examples=["photo_x4.png"])
    model: str = Field(examples=["srresnet"])
    realism: float | None = None
    input: Size
    output: Size
    notices: list[str] = Field(description="lines to tell the user once")
    problem: ProblemDocument | None = Field(description="why it failed")
    expires_in: float | None = Field(description="seconds until job and result are removed")
    links: dict[str, str] = Field(examples=[{"self": f"/v1/jobs/{_EXAMPLE_ID}"}])


class ModelDocument(BaseModel):
    """A model or filter."""

    model_config = ConfigDict(protected_namespaces=())

    name: str
    kind: str
    summary: str
    licence: str
    parameters: int
    scale: int
    scores: dict[str, float] = Field(description="mean Y-PSNR in dB by test set")
    realism: bool = Field(description="whether it has the dial from faithful to realistic")


class ModelsDocument(BaseModel):
    """What this server offers."""

    default: str
    models: list[ModelDocument]
    formats: list[str]
    limits: dict[str, float]


class Status(BaseModel):
    """The answer of a health check."""

    status: str


def describe_job(job: Job, jobs: Jobs) -> dict[str, Any]:
    """A job as a client sees it."""
    from srgan.server.order import file_name

    source, task = job.source, job.task
    at = f"/v1/jobs/{job.id}"
    return {
        "id": job.id,
        "state": job.state,
        "progress": round(job.progress, 4),
        "seconds_left": None if job.ended_at_all else round(jobs.seconds_left(job), 1),
        "position": jobs.position(job),
        "name": job.name,
        "file_name": file_name(job.name, source.width, task.width, task.format),
        "model": job.choice.model,
        "realism": job.choice.realism,
        "input": {
            "width": source.width,
            "height": source.height,
            "frames": source.frames,
            "format": source.format,
        },
        "output": {
            "width": task.width,
            "height": task.height,
            "frames": source.frames,
            "format": task.format,
        },
        "notices": list(job.notices),
        "problem": job.problem.document() if job.problem else None,
        "expires_in": None if job.expires is None else round(job.expires - time.monotonic(), 1),
        "links": {"self": at, "events": f"{at}/events", "result": f"{at}/result"},
    }


def describe_models(models: Sequence[Model], default: str, limits: ServerLimits) -> dict[str, Any]:
    """What a server offers, as a client sees it."""
    return {
        "default": default,
        "models": [
            {
                "name": m.name,
                "kind": m.kind,
                "summary": m.summary,
                "licence": m.licence,
                "parameters": m.parameters,
                "scale": m.scale,
                "scores": m.scores,
                "realism": has_dial(m.name, models),
            }
            for m in models
        ],
        "formats": [kind.lower() for kind in MEDIA],
        "limits": {row.name: getattr(limits, row.name) for row in table()},
    }


def _problem(*codes: str) -> dict[str, Any]:
    return {
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}
        },
        "description": "; ".join(f"`{code}`: {CODES[code].title}" for code in codes),
    }


def _by_status() -> dict[int | str, dict[str, Any]]:
    found: dict[int, list[str]] = {}
    for code, kind in CODES.items():
        found.setdefault(kind.status, []).append(code)
    return {status: _problem(*codes) for status, codes in sorted(found.items())}


PROBLEMS = _by_status()
"""Every problem that a route can answer with, by status."""

_BINARY = {"schema": {"type": "string", "format": "binary"}}

RESULT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the picture",
        "content": dict.fromkeys(MEDIA.values(), _BINARY),
    }
}

_TEXT = {"type": "string"}


def upload_form(limits: ServerLimits) -> dict[str, Any]:
    """The form of ``POST /v1/upscale``."""
    return {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "additionalProperties": False,
                    "properties": {
                        "image": {
                            "type": "string",
                            "format": "binary",
                            "description": "the picture: JPEG, PNG, WebP, TIFF, BMP, GIF or AVIF",
                        },
                        "model": _TEXT | {"description": "a name of /v1/models"},
                        "scale": {
                            "type": "number",
                            "exclusiveMinimum": 1,
                            "maximum": 16,
                            "description": "times as large; 4 by default",
                        },
                        "size": _TEXT
                        | {"pattern": "^[0-9]{1,6}x[0-9]{1,6}$", "description": "exact, in pixels"},
                        "long_edge": {
                            "type": "integer",
                            "minimum": 1,
                            "maximum": 1_000_000,
                            "description": "pixels of the result's longer side",
                        },
                        "realism": {
                            "type": "number",
                            "minimum": 0,
                            "maximum": 1,
                            "description": "0 faithful to 1 full texture, of models with the dial",
                        },
                        "format": _TEXT | {"enum": list(FORMATS), "default": "png"},
                        "quality": {"type": "integer", "minimum": 1, "maximum": 100},
                        "strip": {"type": "boolean", "description": "drop metadata"},
                        "consistent": {
                            "type": "boolean",
                            "description": "make the result, shrunk again, agree with the input",
                        },
                        "wait": {
                            "type": "number",
                            "minimum": 0,
                            "maximum": limits.wait_seconds,
                            "description": "seconds to wait for the result; 0: answer with a job",
                        },
                    },
                },
                "example": {"image": "(the file's bytes)", "model": "srresnet", "scale": 4},
            }
        },
    }
