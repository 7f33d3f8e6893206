"""Programs that attack their judge: the verdict each deserves, in each sandbox, and no harm to host or neighbour."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from pytest_llmbench.records import Outcome, Reason, Verdict
from pytest_llmbench.sandboxes import LAUNCHERS
from pytest_llmbench.sandboxes.pool import Pool
from pytest_llmbench.settings import SandboxSettings
from pytest_llmbench.verifiers.code import conversing
from tests.patience import wait_until
from tests.sandbox_image import sandbox_image
from tests.sandboxes.attack_arena import Arena, arena, disagreement, judged
from tests.sandboxes.attack_programs import ATTACKS
from tests.sandboxes.attack_record import Attack

KINDS = [pytest.param(kind, marks=pytest.mark.needs(kind)) for kind in LAUNCHERS]
SHORT_S, LONG_S = 0.5, 30.0
"""Seconds for one call in place of the judge's own: of programs that are waited for in vain, and of all others."""
HANG_S = 45.0
"""A verdict that takes longer is no verdict; what it should take, the table prints."""
FLOODS = ("12a", "12b", "12c", "13b", "31a", "31b", "31c", "31e", "33a", "33b", "33g", "33h", "34i")


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arena]:
    """A host for all programs of this module, and a cache of its own."""
    with pytest.MonkeyPatch.context() as patch, arena(tmp_path_factory.mktemp("arena")) as made:
        patch.setenv("LLMBENCH_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield made


@pytest.fixture(scope="module", params=KINDS)
def pool(request: pytest.FixtureRequest, host: Arena) -> Iterator[Pool]:
    """One warm pool for all programs of this module."""
    settings = SandboxSettings(image=sandbox_image() if request.param == "docker" else "")
    made = Pool(LAUNCHERS[request.param](settings), settings)
    yield made
    made.close()


def verdict_on(attack: Attack, pool: Pool, host: Arena) -> Verdict:
    """Return the verdict on an attack; how long the judge waits for it is not the machine's affair."""
    is_late = attack.outcome is Outcome.FAIL and attack.reason in {Reason.TIMEOUT, None}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversing, "CALL_S", SHORT_S if is_late else LONG_S)
        verdict, seconds = judged(pool, attack.task, host.program(attack))
    assert seconds < HANG_S
    return verdict


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.number}-{attack.name.replace(' ', '-')}")
def test_an_attack_gets_the_verdict_it_deserves(attack: Attack, pool: Pool, host: Arena) -> None:
    """Outcome, reason and detail are right, in time; the host is unharmed, and the next program is judged as ever."""
    verdict = verdict_on(attack, pool, host)
    assert not disagreement(attack, verdict), (verdict.outcome, verdict.reason, verdict.detail)
    after, seconds = judged(pool, attack.task, attack.task.reference)
    assert after.outcome is Outcome.PASS, after.detail
    assert seconds < HANG_S
    assert host.harm() == []


def test_floods_do_not_rise_in_the_judge(pool: Pool, host: Arena) -> None:
    """What a program writes or returns beyond its limits is dropped: the judge's own memory stays where it is."""
    floods = [attack for attack in ATTACKS if attack.number in FLOODS]
    assert len(floods) == len(FLOODS)
    this = psutil.Process()
    sizes = []
    for _ in range(2):
        for flood in floods:
            verdict_on(flood, pool, host)
        sizes.append(this.memory_info().rss)
    assert sizes[1] - sizes[0] < 64 << 20


def test_artefacts_of_a_flood_are_bounded(pool: Pool, host: Arena) -> None:
    """Program, stdout and stderr of the worst are of a size that a journal can keep."""
    for number in ("12b", "12c", "34i", "33g"):
        attack = next(attack for attack in ATTACKS if attack.number == number)
        verdict = verdict_on(attack, pool, host)
        assert sum(map(len, verdict.artefacts.values())) < 1 << 20
        assert len(verdict.detail) + len(verdict.got) + len(verdict.expected) < 1 << 14


def test_nobody_outlives_the_verdict(pool: Pool, host: Arena) -> None:
    """Processes that a program put into sessions of their own are gone with the verdict, or soon after it."""
    attack = next(attack for attack in ATTACKS if attack.number == "21b")
    verdict_on(attack, pool, host)
    wait_until(lambda: not host.harm())
