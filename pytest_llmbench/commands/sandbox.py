"""``llmbench sandbox build|check``: where programs that models write are run, made and proven."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_llmbench.assemble import choose_launcher
from pytest_llmbench.config_file import sandbox_settings_in
from pytest_llmbench.errors import SandboxUnavailable, UsageProblem
from pytest_llmbench.plain_data import printable
from pytest_llmbench.sandboxes import LAUNCHERS
from pytest_llmbench.sandboxes.pool import Pool
from pytest_llmbench.sandboxes.proofs import proof_settings, prove
from pytest_llmbench.settings import SANDBOX_IMAGE, SandboxSettings

if TYPE_CHECKING:
    from pytest_llmbench.containers import Docker

HELP = "make the image that docker sandboxes need, or prove that sandboxes keep what they promise"
DOCKERFILE = Path(__file__).parents[1] / "sandboxes" / "Dockerfile"
LINE = 160
"""Characters of a line of a build that are shown."""

_FINE, _WRONG, _UNUSABLE = 0, 1, 4


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what the verb understands."""
    acts = parser.add_subparsers(dest="act", metavar="build|check", required=True)
    about = "build the image of docker sandboxes, then prove it"
    build = acts.add_parser("build", help=about, description=about)
    build.add_argument("--base", metavar="IMAGE", help="the image to build on, with Python 3.8 or newer in it")
    build.add_argument(
        "--packages", metavar="NAMES", help='packages for pip to install, such as "numpy sympy"; "" for none at all'
    )
    build.add_argument("--tag", metavar="NAME", default=SANDBOX_IMAGE, help="what to call it (default: %(default)s)")
    about = "prove each promise of the sandboxes that can be had here"
    check = acts.add_parser("check", help=about, description=about)
    check.add_argument(
        "--kind", choices=["auto", *LAUNCHERS], help="which one; auto is the one that a run takes (default: all)"
    )


def run(options: argparse.Namespace) -> int:
    """Return 0 where all is as promised, 1 where something is not, 4 where the settings cannot be used."""
    try:
        settings = sandbox_settings_in(Path.cwd())
    except UsageProblem as error:
        print(error, file=sys.stderr)
        return _UNUSABLE
    return _ACTS[options.act](options, settings)


def _build(options: argparse.Namespace, settings: SandboxSettings) -> int:
    from pytest_llmbench.containers import Docker, DockerTrouble  # noqa: PLC0415 (its SDK takes 0.2 s to import)

    launcher = LAUNCHERS["docker"](replace(settings, image=options.tag))
    given = {"BASE": options.base, "PACKAGES": options.packages}
    arguments = {name: value for name, value in given.items() if value is not None}
    try:
        docker = Docker.connect()
    except DockerTrouble:
        print(launcher.problem(), file=sys.stderr)
        return _WRONG
    try:
        for line in docker.build(DOCKERFILE.read_bytes(), tag=options.tag, arguments=arguments):
            print(printable(line, LINE), flush=True)
    except DockerTrouble as trouble:
        print(f"\nThe image was not built: {trouble}\n{_way_out(docker, arguments)}", file=sys.stderr)
        return _WRONG
    code = _proven(launcher.name, replace(settings, image=options.tag))
    if options.tag != settings.image:
        print(f'runs take it once llmbench.yaml says: sandbox: {{kind: docker, image: "{options.tag}"}}')
    return code


def _way_out(docker: Docker, arguments: Mapping[str, str]) -> str:
    from pytest_llmbench.containers import DockerTrouble  # noqa: PLC0415 (as above)

    text = DOCKERFILE.read_text(encoding="utf-8")
    defaults = dict(re.findall(r"^ARG (\w+)=(.*)$", text, re.MULTILINE))
    base, packages = (arguments.get(name, defaults[name]) for name in ("BASE", "PACKAGES"))
    try:
        docker.image(base)
    except DockerTrouble:
        return (
            f"The base image {base} could not be had. Name one that is here: --base IMAGE (`docker images` lists them)"
        )
    if packages:
        return f'Where pip cannot get {packages}: --packages "" builds without, --base may name an image that has them'
    return f"The base image {base} may not be fit for it: --base names another"


def _check(options: argparse.Namespace, settings: SandboxSettings) -> int:
    codes = []
    for name, make in LAUNCHERS.items():
        if options.kind in (None, name):
            problem = make(settings).problem()
            if problem:
                print(f"{name}  not here: {problem}")
            else:
                codes.append(_proven(name, settings))
    try:
        chosen = choose_launcher(settings).name
    except SandboxUnavailable as error:
        print(f"a run cannot judge programs here: {error}")
        return _WRONG
    if options.kind == "auto":
        codes.append(_proven(chosen, settings))
    print(f"a run here takes {chosen} (sandbox kind {settings.kind})")
    return max(codes, default=_WRONG)


def _proven(kind: str, settings: SandboxSettings) -> int:
    limits = proof_settings(settings)
    sandbox = Pool(LAUNCHERS[kind](limits), limits)
    started, kept, count = time.monotonic(), 0, 0
    try:
        print(f"{kind}  {', '.join(f'{name} {value}' for name, value in sandbox.describe().items())}")
        for proof in prove(sandbox, limits):
            kept, count = kept + (not proof.fault), count + 1
            word = "WRONG" if proof.fault else "ok   "
            print(f"    {word}  {proof.promise:42} {proof.seconds:5.2f} s  {proof.fault}".rstrip(), flush=True)
    except SandboxUnavailable as error:
        print(f"{kind}  {error}", file=sys.stderr)
        return _WRONG
    finally:
        sandbox.close()
    print(f"    {kept} of {count} promises kept, {time.monotonic() - started:.1f} s")
    return _FINE if kept == count else _WRONG


_ACTS: Mapping[str, Callable[[argparse.Namespace, SandboxSettings], int]] = {"build": _build, "check": _check}
