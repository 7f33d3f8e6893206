"""Where programs run that a model wrote: a `Sandbox` for whoever judges, one of several kinds underneath.

===================  ==============================================================================
file                 what it is
===================  ==============================================================================
launcher.py          what a kind of sandbox brings (Protocols)
docker.py            containers; confinement.py: how they are confined, container_stream.py: their two
                     ends, leftovers.py: what killed runs have left
bubblewrap.py        namespaces without a daemon; bubblewrap_view.py: what programs see there
pool.py              the `Sandbox`: cells that are used again while they are clean
conversing.py        one program: the conversation with a driver, the result of a command
cell.py              one running sandbox, the owner's end
cell_program.py      PID 1 of every sandbox; cell_link.py: its frames, cell_relay.py: one program's
                     pipes, cell_keeper.py: who forks programs, cell_inmate.py: what a program gives up
                     first, cell_traces.py: what programs take and leave
settle.py            what runs before PID 1 where no daemon prepares a sandbox
syscall_filter.py    system calls that no program gets
turns.py             many at work, or one alone
deferred.py          a sandbox that is chosen when the first program wants to run
proofs.py            proofs that a sandbox keeps its promises here; proof_program.py: what they run
===================  ==============================================================================

cell_*.py and settle.py are sent into the sandbox: standard library of Python 3.8 alone.
"""

from __future__ import annotations

from collections.abc import Callable

from pytest_llmbench.sandboxes.bubblewrap import BubblewrapLauncher
from pytest_llmbench.sandboxes.launcher import Launcher
from pytest_llmbench.settings import SandboxSettings


def _docker(settings: SandboxSettings) -> Launcher:
    from pytest_llmbench.sandboxes.docker import DockerLauncher  # noqa: PLC0415 - the SDK takes long to import

    return DockerLauncher(settings)


LAUNCHERS: dict[str, Callable[[SandboxSettings], Launcher]] = {
    "docker": _docker,
    "bubblewrap": BubblewrapLauncher,
}
"""Kinds of sandboxes by name, in the order in which ``auto`` tries them."""
