"""The web server: Streamlit's pages, one route for leaderboards, and what no page may do.

Every response forbids the browser any request to another host. A leaderboard of a run folder may
come from a stranger: it is shown in a sandbox of its own, which can reach neither network nor page.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.web import bootstrap

from attacks.contract.condition import CLEAN
from benchmark.core.errors import InputError
from benchmark.core.parallel import one_thread
from benchmark.core.supervisor import Lost, Supervisor
from benchmark.inference.checkpoints import Checkpoint
from benchmark.web import boards, choice, clip, site, tasks
from benchmark.web.desk import Desk
from benchmark.web.limits import Limits
from benchmark.web.page import theme
from benchmark.web.site import Site
from benchmark.web.tasks import Done, Failed, Laundering, Ticket
from benchmark.workers.context import ProcessContext
from detectors.contract.base import registry

SCRIPT = Path(__file__).parent / "page" / "app.py"
# 'unsafe-eval': Vega compiles the expressions of a chart; blob: is what the browser itself recorded
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; worker-src 'self' blob:;"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:;"
    " font-src 'self' data:; connect-src 'self' blob:; object-src 'none'; base-uri 'self';"
    " form-action 'self'; frame-ancestors 'none'"
)
SANDBOX = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; style-src 'unsafe-inline';"
    " script-src 'unsafe-inline'; img-src data:; media-src data:; frame-ancestors 'none'"
)
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
}
FORGOTTEN_S = 60  # after which the clip of a visitor who left is deleted
SHUTDOWN_S = 3
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
TRIED = 16000  # samples of noise on which every detector is tried before visitors come


@dataclass(frozen=True)
class Address:
    """Where the server listens; port 0 takes any free one."""

    host: str = "127.0.0.1"
    port: int = 8501

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True)
class Service:
    """What is served.

    detectors : with their weights; they are loaded in every worker
    results   : folder whose leaderboards are shown
    """

    detectors: tuple[Checkpoint, ...]
    device: str
    limits: Limits
    results: Path
    context: ProcessContext


def serve(service: Service, address: Address, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C or SIGTERM, which is raised as `KeyboardInterrupt`.

    ready : called with the address once visitors can come

    Raises `InputError` if the address cannot be had, or if a detector cannot be loaded or fails.
    """
    with _listening(address) as listener, _desk(service) as desk:
        port = listener.getsockname()[1]
        about = {c.name: registry.get(c.detector).summary for c in service.detectors}
        choice.offered()  # looks at every attack once, which no visitor should wait for
        site.use(Site(desk, about, service.limits, service.results))
        bootstrap.load_config_options(options(address, port, service.limits))
        server = uvicorn.Server(
            uvicorn.Config(
                application(service.results, address), ws="websockets-sansio", access_log=False,
                log_level="warning", use_colors=False, server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_S,
            )
        )  # fmt: skip
        host = f"[{address.host}]" if ":" in address.host else address.host
        ready(f"http://{host}:{port}")
        server.run(sockets=[listener])
        if not server.started:
            raise InputError("the web server did not start; its messages stand above")


def application(results: Path, address: Address) -> st.App:
    """Return the pages, with the route of the leaderboards, behind the guard."""
    hosts = LOOPBACK if address.loopback else ()
    return st.App(
        SCRIPT,
        routes=[route(results)],
        middleware=[Middleware(Guard, hosts=hosts)],
    )


def route(results: Path) -> Route:
    """Return the route of the pages of the leaderboards below `results`."""
    return Route(f"{boards.ADDRESS}/{{name:path}}/{boards.PAGE}", partial(_page, results))


def options(address: Address, port: int, limits: Limits) -> dict[str, Any]:
    """Return Streamlit's options; they go before those of its files and of the environment."""
    return {
        "browser.gatherUsageStats": False,
        "browser.serverAddress": address.host,
        "browser.serverPort": port,
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.toolbarMode": "minimal",
        "global.developmentMode": False,
        "logger.level": "warning",
        "runner.magicEnabled": False,
        "server.address": address.host,
        "server.allowedHosts": [*LOOPBACK] if address.loopback else [],
        "server.disconnectedSessionTTL": FORGOTTEN_S,
        "server.enableAgentApi": False,
        "server.enableCORS": True,
        "server.enableStaticServing": False,
        "server.enableXsrfProtection": True,
        "server.fileWatcherType": "none",
        "server.headless": True,
        "server.maxUploadSize": limits.megabytes,
        "server.port": port,
        **theme.options(),
    }


class Guard:
    """Middleware: refuse names of other hosts, and send the headers of `POLICY` and `HEADERS`.

    hosts : names under which the server may be reached; without any, all are. A page of another
            site could otherwise reach a server on the loopback by a name of its own
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "").rsplit(":", 1)[0]
        if self.hosts and host not in self.hosts:
            refusal = PlainTextResponse("this server is not known under that name", 421)
            await refusal(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in (("content-security-policy", POLICY), *HEADERS.items()):
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, guarded)


async def _page(results: Path, request: Request) -> Response:
    """Send the page of a listed leaderboard; its name is compared and never used as a path."""
    try:
        board = await run_in_threadpool(boards.find, results, request.path_params["name"])
    except InputError as error:
        return PlainTextResponse(str(error), 404)
    if board.page is None:
        return PlainTextResponse(f"{board.name} has no {boards.PAGE}", 404)
    headers = {"content-security-policy": SANDBOX, "cache-control": "no-cache"}
    return FileResponse(board.page, media_type="text/html", headers=headers)


@contextmanager
def _listening(address: Address) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server((address.host, address.port), family=family)
    except (OSError, OverflowError) as error:
        cause = getattr(error, "strerror", None) or error
        raise InputError(f"{address.host}, port {address.port}: {cause}; choose another") from error
    with listener:
        listener.setblocking(False)
        yield listener


@contextmanager
def _desk(service: Service) -> Iterator[Desk]:
    """Start the workers, and try every detector in each of them."""
    limits = service.limits
    arguments = (service.context, service.detectors, service.device, limits)
    with (
        one_thread(),
        Supervisor[Ticket, Done](
            tasks.do, limits.jobs, tasks.start, arguments, limits.task_seconds
        ) as pool,
    ):
        names = tuple(checkpoint.name for checkpoint in service.detectors)
        sound = np.random.default_rng(0).normal(0, 0.1, TRIED).astype(np.float32)
        for number in range(limits.jobs):
            pool.submit(Ticket(number, Laundering(sound, CLEAN, names)))
        for _ in range(limits.jobs):
            _require_scores(pool.next())
        desk = Desk(pool, limits.jobs)
        try:
            yield desk
        finally:
            desk.close()


def _require_scores(done: Done | Lost[Ticket]) -> None:
    """Raise `InputError` unless every detector has scored."""
    if isinstance(done, Lost):
        raise InputError(f"a worker process died as it tried the detectors ({done})")
    if isinstance(done.answer, Failed):
        raise InputError(f"the detectors cannot be used: {done.answer.cause}")
    assert isinstance(done.answer, clip.Heard)
    for judgement in done.answer.judgements:
        if judgement.cause:
            raise InputError(f"detector {judgement.detector!r} failed: {judgement.cause}")
