"""Many small regressions of counts at once, with honest uncertainty."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ROUNDS = 25
CALM = 1e-6


def fit_counts(units: Array, design: Array, offset: Array, prior: Array) -> tuple[Array, Array]:
    """Log-linear regressions with variance in proportion to the mean; one a row.

    log E[units] = offset + design @ effect,   var[units] = phi * E[units]

    Parameters
    ----------
    units : (m, T); design : (m, T, k); offset : (m, T)
    prior : (k,), the standard deviation of each effect before anything is seen; large for a level

    Returns
    -------
    effects (m, k), and their standard errors (m, k), with each row's own phi, of at least 1

    References
    ----------
    Wedderburn, "Quasi-likelihood functions, generalized linear models, and the Gauss-Newton method", Biometrika 1974.

    Examples
    --------
    Ten a week without a promotion, twenty with one: an effect of log 2.

    >>> promoted = np.tile([0.0, 1.0], 20)
    >>> design = np.stack([np.ones(40), promoted], axis=1)[None]
    >>> effect, error = fit_counts(10 * (1 + promoted)[None], design, np.zeros((1, 40)), np.array([10.0, 10.0]))
    >>> effect.round(2).tolist(), bool(error[0, 1] < 0.2)
    ([[2.3, 0.69]], True)
    """
    m, total, k = design.shape
    effect = np.zeros((m, k))
    base = np.exp(np.clip(offset, -20, 20))
    effect[:, 0] = np.log((units.sum(axis=1) + 0.5) / np.maximum(base.sum(axis=1), CALM))
    precision = np.diag(1.0 / prior**2)
    precision[0, 0] = CALM
    inner = np.zeros((m, k, k))
    for _ in range(ROUNDS):
        mean = np.exp(np.clip(offset + np.einsum("mtk,mk->mt", design, effect), -20, 20))
        inner = np.einsum("mtk,mt,mtl->mkl", design, mean, design) + precision + CALM * np.eye(k)
        slope = np.einsum("mtk,mt->mk", design, units - mean) - effect @ precision
        step = np.linalg.solve(inner, slope[..., None])[..., 0]
        effect += np.clip(step, -1.0, 1.0)
        if np.abs(step).max(initial=0.0) < 1e-6:
            break
    mean = np.exp(np.clip(offset + np.einsum("mtk,mk->mt", design, effect), -20, 20))
    phi = ((units - mean) ** 2 / np.maximum(mean, 0.1)).sum(axis=1) / max(total - k, 1)
    covariance = np.linalg.inv(inner) * np.maximum(phi, 1.0)[:, None, None]
    return effect, np.sqrt(np.maximum(np.einsum("mkk->mk", covariance), 0.0))


def shrunk(effect: Array, error: Array, centre: float | Array = 0.0, least: float = 0.0025) -> tuple[Array, Array]:
    """Effects drawn to their centre by how uncertain each is; (m,), and their posterior standard errors.

    least : variance between effects that is taken for granted; few effects cannot show that they are all alike

    References
    ----------
    DerSimonian, Laird, "Meta-analysis in clinical trials", 1986, for the variance between effects.
    """
    weight = 1.0 / np.maximum(error, 1e-6) ** 2
    apart = (weight * (effect - centre) ** 2).sum() - len(effect)
    room = weight.sum() - (weight**2).sum() / max(weight.sum(), CALM)
    between = max(apart / max(room, CALM), least)
    share = between / (between + error**2)
    return centre + share * (effect - centre), np.sqrt(share) * error
