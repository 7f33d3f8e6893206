"""Who goes with whom: the largest pairing of two lists."""

from __future__ import annotations

from collections.abc import Sequence


def pair_up(fits: Sequence[Sequence[bool]]) -> dict[int, int]:
    """Return row -> column for as many rows as can have a column of their own where ``fits[row][column]``.

    A row takes the first free column that fits, so that equal rows keep the columns' order, and
    moves earlier rows only where none is free. Augmenting paths, as in H. W. Kuhn, "The Hungarian
    method for the assignment problem", Naval Research Logistics Quarterly 2 (1955).
    """
    row_of: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        columns = [column for column, fit in enumerate(fits[row]) if fit and column not in tried]
        free = next((column for column in columns if column not in row_of), None)
        if free is not None:
            row_of[free] = row
            return True
        for column in columns:
            if column not in tried:
                tried.add(column)
                if place(row_of[column], tried):
                    row_of[column] = row
                    return True
        return False

    for row in range(len(fits)):
        place(row, set())
    return {row: column for column, row in row_of.items()}
