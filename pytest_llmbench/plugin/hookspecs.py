"""The hook this plugin offers to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_llmbench.contracts import Families


def pytest_llmbench_families(families: Families) -> None:
    """Add members to the families a pack may name.

    Implement it in a ``conftest.py`` or a plugin::

        def pytest_llmbench_families(families):
            families.verifiers["complexity"] = ComplexityVerifier()
            families.endpoints["my_api"] = lambda plan: MyEndpoint(plan.base_url)

    Called once per process, before the first pack is read.
    """
