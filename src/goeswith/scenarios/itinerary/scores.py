"""How much of a real way a proposed one has: points, and pairs in their order."""

from collections.abc import Sequence


def f1(proposed: Sequence[int], real: Sequence[int]) -> float:
    """Harmonic mean of precision and recall over points, order apart.

    >>> f1([1, 2, 3], [1, 4, 3])
    0.6666666666666666
    """
    right = len(set(proposed) & set(real))
    return 2 * right / (len(set(proposed)) + len(set(real)))


def pairs_f1(proposed: Sequence[int], real: Sequence[int]) -> float:
    """Harmonic mean of precision and recall over ordered pairs of points.

    References
    ----------
    Chen, Ong and Xie, "Learning points and routes to recommend trajectories", CIKM 2016.

    >>> pairs_f1([1, 2, 3], [1, 3, 2])
    0.6666666666666666
    """
    right = len(_pairs(proposed) & _pairs(real))
    total = len(_pairs(proposed)) + len(_pairs(real))
    return 2 * right / total if total else 0.0


def _pairs(path: Sequence[int]) -> set[tuple[int, int]]:
    return {(a, b) for at, a in enumerate(path) for b in path[at + 1 :] if a != b}
