"""Servers in whose processes vmops is called: forked ones, with their own signals and interpreter."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.azure import free_port
from tests.places.ground import Failed, environment, expect, tool
from vmops.core.polling import NotYet, poll_until

_WSGI = """
from life import life

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [life(environ["QUERY_STRING"]).encode()]
"""

_TASK = """
from pathlib import Path
from celery import Celery
from life import life

folders = {"data_folder_in": "queue", "data_folder_out": "queue", "control_folder": "control"}
app = Celery("tasks", broker="filesystem://", broker_connection_retry_on_startup=True)
app.conf.broker_transport_options = folders

@app.task
def make(name):
    Path(name).with_suffix(".part").write_text(life(name))
    Path(name).with_suffix(".part").rename(name)
"""


def gunicorn(place: Path) -> None:
    """Run in a worker that gunicorn has forked."""
    (place / "app.py").write_text(_WSGI)
    with free_port() as port:
        command = [tool("gunicorn"), "--workers=2", "--timeout=300", f"--bind=127.0.0.1:{port}", "app:application"]
    with _serving(command, place):
        expect(_asked(port, "gunicorn"), "lived")


def uwsgi(place: Path) -> None:
    """Run in a process of uWSGI, which is its own interpreter: refused without a Python, then with one."""
    (place / "app.py").write_text(_WSGI)
    with free_port() as port:
        served = ["--master", "--processes=2", "--http-socket", f"127.0.0.1:{port}", "--wsgi-file=app.py"]
    command = [tool("uwsgi"), *served, "--die-on-term", f"--virtualenv={Path(tool('uwsgi')).parents[1]}"]
    with _serving(command, place):
        expect(_asked(port, "uwsgi"), "is no Python interpreter; set VMOPS_PYTHON")
    with _serving(command, place, VMOPS_PYTHON=sys.executable):
        expect(_asked(port, "uwsgi"), "lived")


def celery(place: Path) -> None:
    """Run in a task of Celery, in a process of its pool."""
    (place / "tasks.py").write_text(_TASK)
    for folder in ("queue", "control"):
        (place / folder).mkdir()
    with _serving([tool("celery"), "-A", "tasks", "worker", "--pool=prefork", "--concurrency=2"], place):
        ask = [tool("celery"), "-A", "tasks", "call", "tasks.make", "--args", '["celery"]']
        subprocess.run(ask, cwd=place, env=environment(place), check=True, capture_output=True, timeout=120)
        told = poll_until(lambda: (place / "celery").exists() or NotYet(0.2), timeout=300)
        expect((place / "celery").read_text() if told else "nothing", "lived")


@contextmanager
def _serving(command: Sequence[str], place: Path, **more: str) -> Iterator[None]:
    """Run a server during a block; it is ended with all its processes."""
    with (place / "server.log").open("ab") as log:
        server = subprocess.Popen(
            command, cwd=place, env=environment(place, **more), stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _asked(port: int, name: str) -> str:
    """Request a life from a server as soon as it listens."""

    def look() -> str | NotYet:
        try:
            return requests.get(f"http://127.0.0.1:{port}/?{name}", timeout=300).text
        except requests.ConnectionError:
            return NotYet(0.1)

    answer = poll_until(look, timeout=60)
    if answer is None:
        raise Failed(f"nobody listens at {port}")
    return answer
