"""How likely each point is to be the next, given those visited, the time, the interest and where the way ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp

from goeswith.scenarios.itinerary.trips import Trip

Array = NDArray[np.float64]
HOURS = 4
"""Parts of the day: night, morning, afternoon, evening."""
SMOOTH = 2.0
"""Visits that a table borrows from popularity before its own counts weigh as much."""
SHRINK = 1.0
"""Strength of the pull of the weights to nothing; in squared weight a unit of log-likelihood."""
NAMES = (
    "popularity", "distance", "way on foot", "followed before", "theme follows theme", "same theme", "hour",
    "own themes", "together with those visited", "distance to the end", "together with the end", "theme of the end",
)  # fmt: skip


@dataclass(frozen=True)
class Tables:
    """What is counted of trips. seen, by point; hour, by point and part of day; after, by point and the next;
    themes, by theme and the next; together, trips with both"""

    seen: Array
    hour: Array
    after: Array
    themes: Array
    together: Array

    def less(self, other: "Tables") -> "Tables":
        return Tables(*(getattr(self, name) - getattr(other, name) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Here:
    """Where somebody stands.

    visited : positions, the last is here; none before the first
    hour : of the day; None if unknown
    end : where the way ends; None if that is open
    own : (themes,) log preference, weighed as it helped before
    further : (points,) log preference, counts in full
    """

    visited: tuple[int, ...]
    hour: float | None = None
    end: int | None = None
    own: Array | None = None
    further: Array | None = None


@dataclass(frozen=True)
class NextPoint:
    """A multinomial logit over the points, its features counted from trips. Experimental.

    P(next = j) is the softmax over the points not visited of the weighted features of NAMES.

    References
    ----------
    McFadden, "Conditional logit analysis of qualitative choice behavior", 1974. The queries with a start and an end
    follow Chen, Ong and Xie, "Learning points and routes to recommend trajectories", CIKM 2016.
    """

    km: Array
    theme: NDArray[np.int64]
    tables: Tables
    weights: Array = field(default_factory=lambda: np.zeros(len(NAMES)))

    @property
    def n_points(self) -> int:
        return len(self.km)

    def log_probabilities(self, here: Here) -> Array:
        """(points,); -inf for those visited, and for the end, which comes last."""
        score = self.features(here) @ self.weights if here.visited else self._first()
        if here.further is not None:
            score = score + here.further
        score[list(here.visited)] = -np.inf
        if here.end is not None and here.end not in here.visited:
            score[here.end] = -np.inf
        return log_softmax(score) if np.isfinite(score).any() else score

    def _first(self) -> Array:
        """Where a way begins: how many began or passed there."""
        return np.log(self.tables.seen + 0.5)

    def features(self, here: Here, tables: Tables | None = None) -> Array:
        """(points, features)"""
        t = self.tables if tables is None else tables
        current, theme = here.visited[-1], self.theme
        share = (t.seen + 0.5) / (t.seen + 0.5).sum()
        part = None if here.hour is None else _part(here.hour)
        hours = t.hour.sum(axis=0) + 1
        columns = [
            np.log(share),
            np.log1p(self.km[current]),
            np.minimum(self.km[current], 2.0),
            _drawn(t.after[current], share) - np.log(share),
            _drawn(t.themes[theme[current]], _theme_share(share, theme, len(t.themes)))[theme],
            (theme == theme[current]).astype(float),
            np.zeros(len(theme))
            if part is None
            else np.log((t.hour[:, part] + SMOOTH * hours[part] / hours.sum()) / (t.hour.sum(axis=1) + SMOOTH)),
            np.zeros(len(theme)) if here.own is None else here.own[theme],
            np.mean([_drawn(t.together[one], share) - np.log(share) for one in here.visited], axis=0),
        ]
        if here.end is None:
            columns += [np.zeros(len(theme))] * 3
        else:
            columns += [
                np.log1p(self.km[:, here.end]),
                _drawn(t.together[here.end], share) - np.log(share),
                (theme == theme[here.end]).astype(float),
            ]
        return np.stack(columns, axis=1)

    def own_themes(self, trips: Sequence[Trip], traveller: int) -> Array | None:
        """(themes,) log of how much more than others this traveller goes to each theme; None where nothing is known."""
        mine = [self.theme[list(trip.points)] for trip in trips if trip.traveller == traveller and traveller >= 0]
        if not mine:
            return None
        usual = _theme_share(self.tables.seen + 0.5, self.theme, len(self.tables.themes))
        counts = np.bincount(np.concatenate(mine), minlength=len(usual))
        return np.log((counts + SMOOTH * usual) / (counts.sum() + SMOOTH)) - np.log(usual)


def fit_next_point(trips: Sequence[Trip], km: Array, theme: NDArray[np.int64], shrink: float = SHRINK) -> NextPoint:
    """Count the tables, then learn the weights on every step of every trip, each judged by what the others did.

    A step of a trip of two points chooses its end; the steps of a longer one choose what lies before it.
    """
    n_themes = int(theme.max(initial=0)) + 1
    whole = counted(trips, theme, len(km), n_themes)
    blank = NextPoint(km, theme, whole)
    tables, rights = [], []
    for trip in trips:
        if len(trip.points) < 2:
            continue
        others = whole.less(counted([trip], theme, len(km), n_themes))
        end = trip.points[-1] if len(trip.points) > 2 else None
        others_trips = [one for one in trips if one is not trip and one.traveller == trip.traveller]
        own = replace(blank, tables=others).own_themes(others_trips, trip.traveller)
        last = len(trip.points) - (1 if end is None else 2)
        for at in range(last):
            here = Here(trip.points[: at + 1], trip.hours[at] if trip.hours else None, end, own)
            rows = blank.features(here, others)
            open_ = np.ones(len(km), bool)
            open_[list(here.visited)] = False
            if end is not None:
                open_[end] = False
            tables.append(np.where(open_[:, None], rows, 0.0))
            rights.append((trip.points[at + 1], open_))
    if not tables:
        return replace(blank, weights=np.eye(len(NAMES))[0])
    x = np.stack(tables)  # (steps, points, features)
    right = np.array([one for one, _ in rights])
    closed = ~np.stack([mask for _, mask in rights])
    # Where nothing is learnt, somebody goes where others go: the pull is to popularity alone, not to a draw of lots.
    prior = np.eye(len(NAMES))[0]

    def loss(weights: Array) -> tuple[float, Array]:
        score = np.where(closed, -np.inf, x @ weights)
        log_p = score - logsumexp(score, axis=1, keepdims=True)
        p = np.exp(log_p)
        at = np.arange(len(right))
        gradient = np.einsum("sp,spf->f", p, x) - x[at, right].sum(axis=0)
        pull = weights - prior
        return float(-log_p[at, right].sum() + shrink * pull @ pull), gradient + 2 * shrink * pull

    found = minimize(loss, prior, jac=True, method="L-BFGS-B")
    return replace(blank, weights=found.x)


def counted(trips: Sequence[Trip], theme: NDArray[np.int64], n_points: int, n_themes: int) -> Tables:
    seen, hour = np.zeros(n_points), np.zeros((n_points, HOURS))
    after, together = np.zeros((n_points, n_points)), np.zeros((n_points, n_points))
    themes = np.zeros((n_themes, n_themes))
    for trip in trips:
        seen[list(trip.points)] += 1
        for point, at in zip(trip.points, trip.hours, strict=False):
            hour[point, _part(at)] += 1
        for a, b in zip(trip.points, trip.points[1:], strict=False):
            after[a, b] += 1
            themes[theme[a], theme[b]] += 1
        if len(trip.points) > 1:
            both = np.ix_(trip.points, trip.points)
            together[both] += 1
    np.fill_diagonal(together, 0)
    return Tables(seen, hour, after, themes, together)


def _part(hour: float) -> int:
    return int(hour // 6) % HOURS


def _drawn(counts: Array, share: Array) -> Array:
    """Log of counts drawn to a share: (counts + SMOOTH * share) / (their sum + SMOOTH)."""
    return np.log((counts + SMOOTH * share) / (counts.sum() + SMOOTH))


def _theme_share(share: Array, theme: NDArray[np.int64], n_themes: int) -> Array:
    total = np.bincount(theme, weights=share, minlength=n_themes)
    return total / total.sum()
