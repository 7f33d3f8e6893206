"""Containers for programs nobody trusts, on the Docker daemon: the only file that imports docker.

Whoever imports this module pays 0.2 s for the SDK, so it is imported where Docker is chosen.
"""

from __future__ import annotations

import contextlib
import enum
import io
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from docker import APIClient
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, ImageNotFound, StreamParseError
from docker.utils import kwargs_from_env
from urllib3.exceptions import HTTPError

from pytest_llmbench.errors import LlmbenchError

CALL_S = 30.0
"""Seconds the daemon may take to answer a call; creating and starting take 0.1 s, longer on a loaded disk."""
REMOVE_S = 10.0
BUILD_S = 900.0
"""Seconds between two lines of a build, in which pip may compile a package."""
_EVENT_DELAY_S = 0.3
_OOM_NS = 2_000_000_000
"""Nanoseconds from the kernel's kill to the end it explains; older ones hit another process of the container."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_ALL_STREAMS = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}


class Cause(enum.StrEnum):
    """Why Docker could not do what was asked, as far as it makes a difference to the next step."""

    NO_DAEMON = "no daemon"
    NOT_ALLOWED = "not allowed"
    NO_IMAGE = "no image"
    NO_PROGRAM = "no program"
    REFUSED = "refused"


class DockerTrouble(LlmbenchError):
    """Docker could not do what was asked; the message says what was seen, on one line."""

    def __init__(self, message: str, *, cause: Cause) -> None:
        self.cause = cause
        super().__init__(" ".join(message.split()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image that is on the machine. `digest` is the registry's, empty for one that was built here.

    `volumes` are the paths it declares as volumes, `variables` the names in its environment.
    """

    id: str
    digest: str = ""
    volumes: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PostMortem:
    """What is known of a container's end; `out_of_memory` when that was what ended it."""

    text: str
    out_of_memory: bool = False


class Docker:
    """The daemon that DOCKER_HOST or the current Docker context names; usable from several threads.

    Each operation has a client of its own: they cost 0.2 ms, and nobody promises that one can be shared.
    """

    def __init__(self, address: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        self._address = dict(address)
        self._api: str = facts["ApiVersion"]
        self.version: str = facts["Version"]

    @classmethod
    def connect(cls) -> Docker:
        """Return the daemon. Raises `DockerTrouble`: NO_DAEMON or NOT_ALLOWED."""
        address = _address()
        with _reported(), contextlib.closing(APIClient(version="auto", timeout=CALL_S, **address)) as client:
            return cls(address, {**client.version(), "ApiVersion": client.api_version})

    def image(self, name: str) -> Image:
        """Return the image called `name`. Raises `DockerTrouble`, NO_IMAGE where there is none."""
        with self._client() as client:
            try:
                facts = client.inspect_image(name)
            except ImageNotFound:
                raise DockerTrouble(f"there is no image {name}", cause=Cause.NO_IMAGE) from None
        if facts.get("Os", "linux") != "linux":
            raise DockerTrouble(f"{name} is an image for {facts['Os']}", cause=Cause.REFUSED)
        config = facts.get("Config") or {}
        return Image(
            id=facts["Id"],
            digest=(facts.get("RepoDigests") or [""])[0].rpartition("@")[2],
            volumes=tuple(config.get("Volumes") or ()),
            variables=tuple(line.partition("=")[0] for line in config.get("Env") or ()),
        )

    def cores(self) -> int:
        """Return the daemon's CPU cores, 0 where it cannot limit their use (rootless, say). Raises `DockerTrouble`."""
        with self._client() as client:
            facts = client.info()
        return int(facts.get("NCPU") or 1) if facts.get("CpuCfsQuota", True) else 0

    def start(self, config: Mapping[str, Any]) -> Container:
        """Start a container, its streams attached before its first byte. Raises `DockerTrouble`.

        `config` is the body of the API's ``POST /containers/create``.
        """
        with self._client(keep=True) as client:
            made = client.create_container_from_config(config)["Id"]
            try:
                container = Container(client, made, client.attach_socket(made, dict(_ALL_STREAMS)))
                client.start(made)
            except BaseException:
                _remove(client, made)  # the daemon removes by itself only what has run
                raise
            return container

    def build(self, dockerfile: bytes, *, tag: str, arguments: Mapping[str, str]) -> Iterator[str]:
        """Build an image from a Dockerfile that copies nothing, and yield what is said meanwhile.

        Raises `DockerTrouble` with the last words of a build that failed. The interface is the one that daemons
        without BuildKit have too.
        """
        with self._client(timeout_s=BUILD_S) as client:
            events = client.build(
                fileobj=io.BytesIO(dockerfile), tag=tag, buildargs=dict(arguments), rm=True, forcerm=True, decode=True
            )
            shown: set[str] = set()
            for event in events:
                if "error" in event:
                    raise DockerTrouble(_failed_step(event), cause=Cause.REFUSED)
                yield from _news(event, shown)

    def remove_image(self, name: str) -> None:
        """Remove an image, or the name alone where another names it too. Raises `DockerTrouble`."""
        with self._client() as client:
            client.remove_image(name)

    def remove_containers(self, label: str, doomed: Callable[[str], bool]) -> int:
        """Remove the containers whose value of `label` is `doomed`; return how many. Raises `DockerTrouble`."""
        with self._client() as client:
            found = client.containers(all=True, filters={"label": label})
            left = [one["Id"] for one in found if doomed(one["Labels"][label])]
            for container in left:
                _remove(client, container)
            return len(left)

    @contextlib.contextmanager
    def _client(self, *, keep: bool = False, timeout_s: float = CALL_S) -> Iterator[APIClient]:
        with _reported():
            client = APIClient(version=self._api, timeout=timeout_s, **self._address)
            try:
                yield client
            except BaseException:
                client.close()
                raise
            if not keep:
                client.close()


class Container:
    """A container that was started. Any thread may remove it.

    `socket` carries what is written to its stdin, and back what it writes, in frames of an 8-byte header (kind:
    1 stdout, 2 stderr; three zeros; length, big-endian) and the payload.
    """

    def __init__(self, client: APIClient, identity: str, attached: Any) -> None:
        self.socket: socket.socket = getattr(attached, "_sock", attached)  # the SDK hands out a reader alone
        self._response = attached._response  # noqa: SLF001 - which closes the socket when it is collected
        self._client = client
        self._id = identity
        self._removing = threading.Lock()
        self._removed = False

    def remove(self) -> None:
        """Kill the container, wait until it is gone, close the socket. Harmless when called twice.

        A daemon that does not answer keeps it: `Docker.remove_containers` finds it later.
        """
        with self._removing:
            if self._removed:
                return
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)  # wakes whoever reads or writes
            self._client.timeout = REMOVE_S
            _remove(self._client, self._id)
            self._response.close()
            self._client.close()
            self._removed = True

    def post_mortem(self) -> PostMortem:
        """Return what the daemon knows of the container's end, even after it was removed."""
        query = {"container": [self._id], "event": ["die", "oom"]}
        until = f"{time.time() + _EVENT_DELAY_S:.6f}"
        try:
            with _reported():
                return _death(list(self._client.events(since=1, until=until, filters=query, decode=True)))
        except DockerTrouble as trouble:
            return PostMortem(text=str(trouble))


def _death(events: Sequence[Mapping[str, Any]]) -> PostMortem:
    died = next((event for event in reversed(events) if event["Action"] == "die"), None)
    if died is None:
        return PostMortem(text="the container is gone")
    code = died["Actor"]["Attributes"].get("exitCode", "unknown")
    starved = any(event["Action"] == "oom" and died["timeNano"] - event["timeNano"] < _OOM_NS for event in events)
    return PostMortem(text=f"the container ended with exit code {code}", out_of_memory=starved and code == "137")


def _remove(client: APIClient, container: str) -> None:
    with contextlib.suppress(DockerTrouble), _reported():
        client.remove_container(container, force=True, v=True)


def _address() -> dict[str, Any]:
    """Return what DOCKER_HOST says, else what ``docker context use`` has set, else nothing for the default."""
    named: dict[str, Any] = kwargs_from_env()
    context = None if "base_url" in named else ContextAPI.get_current_context()
    if context is not None and context.Name != "default" and context.Host:
        return {"base_url": context.Host, "tls": context.TLSConfig or False}
    return named


def _failed_step(event: Mapping[str, Any]) -> str:
    """Return why a build failed; what a command of its had to say was said before, and the command is long."""
    code = (event.get("errorDetail") or {}).get("code")
    return f"a command of its ended with exit code {code}" if code else str(event["error"])


def _news(event: Mapping[str, Any], shown: set[str]) -> Iterator[str]:
    """Yield the lines of one event of a build; what is told of each layer again and again, once."""
    text = event.get("stream") or " ".join(event[key] for key in ("id", "status") if event.get(key))
    for line in _COLOUR.sub("", text).splitlines():
        if line.strip() and not ("status" in event and line in shown):
            shown.add(line)
            yield line.rstrip()


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    """Turn what the SDK and the libraries below it raise into `DockerTrouble`."""
    try:
        yield
    except ImageNotFound as error:
        raise DockerTrouble(error.explanation, cause=Cause.NO_IMAGE) from None
    except APIError as error:
        words = str(error.explanation or error)
        raise DockerTrouble(words, cause=_refusal(words)) from None
    except (DockerException, HTTPError, StreamParseError, OSError) as error:
        raise _silence(error) from None


def _refusal(words: str) -> Cause:
    missing = "executable file not found" in words or "no such file or directory" in words
    return Cause.NO_PROGRAM if missing and "exec" in words else Cause.REFUSED


def _silence(error: BaseException) -> DockerTrouble:
    seen = list(_causes(error, set()))
    cause = Cause.NOT_ALLOWED if any(isinstance(one, PermissionError) for one in seen) else Cause.NO_DAEMON
    precise = next((one for one in seen if isinstance(one, OSError) and one.errno), error)
    return DockerTrouble(f"the Docker daemon cannot be reached: {precise}", cause=cause)


def _causes(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    """Yield an error and those it was made of: libraries wrap them three deep, as causes and as arguments."""
    if id(error) in seen:
        return
    seen.add(id(error))
    yield error
    for inner in (error.__cause__, error.__context__, *error.args):
        if isinstance(inner, BaseException):
            yield from _causes(inner, seen)
