"""The assignment of least cost between rows and columns: the Hungarian method, without scipy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headpose_sdk.rotation import FloatArray

__all__ = ["assign"]


def assign(cost: FloatArray, forbidden: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Pairs (row, column) of ``cost`` (R, C): as many as ``forbidden`` (R, C) leaves, of the least sum among those.

    The shortest augmenting path method of Jonker and Volgenant, O(R R C).
    """
    if cost.shape[0] > cost.shape[1]:
        return sorted((row, column) for column, row in assign(cost.T, forbidden.T))
    if cost.size == 0:
        return []
    allowed = cost[~forbidden]
    # One forbidden pair costs more than all allowed ones together, so it is taken only where there is no other way.
    span = float(np.ptp(allowed)) + 1.0 if allowed.size else 1.0
    least = float(allowed.min()) if allowed.size else 0.0
    shifted = np.where(forbidden, span * (min(cost.shape) + 1), cost - least)
    pairs = zip(range(len(shifted)), _columns_of_rows(shifted), strict=True)
    return [(row, column) for row, column in pairs if not forbidden[row, column]]


def _columns_of_rows(cost: FloatArray) -> list[int]:
    """The column of each row of a finite ``cost`` (R, C), R <= C."""
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    row_of = np.full(columns, -1)
    for new_row in range(rows):
        distance = np.full(columns, np.inf)
        before = np.full(columns, -1)  # the column from which the shortest path comes; -1: the new row
        visited = np.zeros(columns, bool)
        row, column, length = new_row, -1, 0.0
        while True:
            reached = length + cost[row] - row_price[row] - column_price
            nearer = ~visited & (reached < distance)
            distance[nearer], before[nearer] = reached[nearer], column
            column = int(np.argmin(np.where(visited, np.inf, distance)))
            length = float(distance[column])
            if row_of[column] < 0:
                break
            visited[column] = True
            row = int(row_of[column])
        row_price[new_row] += length
        row_price[row_of[visited]] += length - distance[visited]
        column_price[visited] -= length - distance[visited]
        while column >= 0:  # every row on the path moves one column on
            previous = int(before[column])
            row_of[column] = new_row if previous < 0 else row_of[previous]
            column = previous
    found = np.empty(rows, int)
    taken = np.flatnonzero(row_of >= 0)
    found[row_of[taken]] = taken
    return [int(column) for column in found]
