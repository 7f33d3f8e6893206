"""What a pack's verdicts depend on beside its file: the rules of the verifiers that judge it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping

from pytest_llmbench.contracts import Verifier
from pytest_llmbench.records import Pack, PackFacts


def rules_of(verifiers: Iterable[Verifier]) -> dict[str, str]:
    """Return the rules version of each verifier, by its name."""
    return {verifier.name: verifier.rules_version for verifier in sorted(verifiers, key=lambda one: one.name)}


def hash_with_rules(content_hash: str, rules: Mapping[str, str]) -> str:
    """Return the hash results are known by: of the pack's own content and of the rules it is judged by."""
    lines = sorted(f"{name} {version}" for name, version in rules.items())
    return hashlib.sha256("\n".join([content_hash, *lines]).encode()).hexdigest()


def facts_as_judged(pack: Pack, verifiers: Iterable[Verifier]) -> PackFacts:
    """Return the pack's facts as results carry them: the hash covers the rules, a foreign pack has its cautions."""
    own = list(verifiers)
    cautions: list[str] = []
    if not pack.path.is_dir():
        for verifier in own:
            known = getattr(verifier, "cautions", None)
            cautions += known(pack.scenarios) if known else ()
    return dataclasses.replace(
        pack.facts,
        content_hash=hash_with_rules(pack.facts.content_hash, rules_of(own)),
        cautions=(*cautions, *pack.facts.cautions),
    )
