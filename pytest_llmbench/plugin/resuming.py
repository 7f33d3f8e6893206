"""What is told of a run that is gone on with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_llmbench.journal import JournalReader
from pytest_llmbench.plugin.unrun import Known, trial_keys
from pytest_llmbench.summary import plural


def resuming(reader: JournalReader, expected: Iterable[Known], attempts: int) -> Iterator[str]:
    """Yield lines: what in the journal is damaged, which packs were changed since, how much need not be asked."""
    wanted = list(expected)
    yield from reader.notices
    now = {one.facts.id: one.facts.content_hash for one in wanted}
    before = {key.pack for key in reader.keys() if now.get(key.pack, key.pack_hash) != key.pack_hash}  # noqa: SIM118
    for pack in sorted(before):
        yield f"{pack} was changed since: its scenarios are asked again, and the old answers count no more"
    done = sum(map(reader.finished, trial_keys(wanted, attempts)))
    verb = "has its verdict already and is" if done == 1 else "have their verdict already and are"
    yield f"resuming: {plural(done, 'trial')} {verb} not asked again"
