"""What Prometheus reads: counts of requests and jobs, and the state of the queue."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

from srgan.server.child import resident
from srgan.server.jobs import Jobs

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH")


class Metrics:
    """Counts requests; ``routes`` are the path templates, so that ids make no new series."""

    def __init__(self, routes: Iterable[str]) -> None:
        self._routes = frozenset(routes)
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets = [0] * (len(_BUCKETS) + 1)
        self._seconds = 0.0

    def seen(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count one request."""
        method = method if method in _METHODS else "other"
        self._requests[method, self._template(path), status] += 1
        self._buckets[bisect_left(_BUCKETS, seconds)] += 1
        self._seconds += seconds

    def _template(self, path: str) -> str:
        if path.startswith("/v1/jobs/"):
            path = "/".join(["/v1/jobs/{id}", *path.split("/")[4:]])
        return path if path in self._routes else "other"

    def text(self, jobs: Jobs, streams: int) -> str:
        """Everything in Prometheus' text format."""
        lines = _family(
            "srgan_http_requests_total",
            "counter",
            "Requests by method, route and status; status 0: the client left before an answer.",
            {
                f'{{method="{method}",route="{route}",status="{status}"}}': count
                for (method, route, status), count in sorted(self._requests.items())
            },
        )
        lines += self._histogram()
        pixels = sum(j.cost for j in [*jobs.queue, *([jobs.running] if jobs.running else [])])
        gauges = {
            "srgan_ready": ("1 when a model is open", int(jobs.ready)),
            "srgan_queue_jobs": ("Jobs that wait", len(jobs.queue)),
            "srgan_running_jobs": ("Jobs that compute", int(jobs.running is not None)),
            "srgan_queue_pixels": ("Input pixels that wait or compute", pixels),
            "srgan_open_streams": ("Results and event streams being sent", streams),
            "srgan_kept_jobs": ("Jobs in memory, ended ones included", len(jobs.jobs)),
            "srgan_spool_bytes": ("Disk space of uploads and results", jobs.spooled),
        }
        for name, (help_, value) in gauges.items():
            lines += _family(name, "gauge", help_, {"": value})
        lines += _family(
            "srgan_jobs_total",
            "counter",
            "Jobs that ended, by how",
            {f'{{state="{s}"}}': jobs.ended[s] for s in ("done", "failed", "cancelled")},
        )
        lines += _family(
            "srgan_compute_seconds_total", "counter", "Time of finished jobs", {"": jobs.seconds}
        )
        children = {"decoder": jobs.decoding.child, "lane": jobs.lane}
        lines += _family(
            "srgan_child_starts_total",
            "counter",
            "Starts of the child processes",
            {f'{{child="{name}"}}': child.starts for name, child in children.items()},
        )
        memory = {'{process="server"}': resident(os.getpid())}
        for name, child in children.items():
            memory[f'{{process="{name}"}}'] = resident(child.pid) if child.pid else 0
        lines += _family(
            "srgan_resident_memory_bytes", "gauge", "Memory by process, on Linux", memory
        )
        return "\n".join(lines) + "\n"

    def _histogram(self) -> list[str]:
        values: dict[str, float] = {}
        total = 0
        for edge, count in zip([*map(str, _BUCKETS), "+Inf"], self._buckets, strict=True):
            total += count
            values[f'_bucket{{le="{edge}"}}'] = total
        values["_sum"] = self._seconds
        values["_count"] = total
        return _family("srgan_http_seconds", "histogram", "Time to answer a request", values)


def _family(name: str, kind: str, help_: str, values: Mapping[str, float]) -> list[str]:
    lines = [f"# HELP {name} {help_}", f"# TYPE {name} {kind}"]
    return lines + [f"{name}{labels} {value}" for labels, value in values.items()]
