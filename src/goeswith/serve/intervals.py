"""How sure a share is, and a difference of two."""

from math import sqrt

Z = 1.959964


def wilson(happened: int, of: int) -> tuple[float, float]:
    """A 95 % interval of a share.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.

    Examples
    --------
    >>> [round(end, 3) for end in wilson(10, 100)]
    [0.055, 0.174]
    """
    share, z2 = happened / of, Z * Z
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z / (1 + z2 / of) * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def difference(a: tuple[int, int], b: tuple[int, int]) -> tuple[float, float, float]:
    """The share of b less that of a, with a 95 % interval; each is (happened, of).

    References
    ----------
    Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 1998,
    method 10.

    Examples
    --------
    >>> [round(value, 3) for value in difference((48, 80), (56, 70))]
    [0.2, 0.052, 0.334]
    """
    p, q = a[0] / a[1], b[0] / b[1]
    (p_low, p_high), (q_low, q_high) = wilson(*a), wilson(*b)
    gap = q - p
    return gap, gap - sqrt((q - q_low) ** 2 + (p_high - p) ** 2), gap + sqrt((q_high - q) ** 2 + (p - p_low) ** 2)
