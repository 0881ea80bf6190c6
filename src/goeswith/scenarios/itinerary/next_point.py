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
SMOOTH = (1.0, 3.0, 10.0)
"""Visits that a table borrows from popularity before its own counts weigh as much; chosen by cross-validation."""
SHRINK = (0.3, 1.0, 3.0, 10.0)
"""Strength of the pull of the weights to popularity alone; chosen by cross-validation."""
FOLDS = 5
MOST_STEPS = 2_000
"""Steps that weights are learnt on; of more, so many are taken evenly."""
NAMES = (
    "popularity", "distance", "way on foot", "followed before", "theme follows theme", "same theme", "hour",
    "own themes", "together with those visited", "Markov", "distance to the end", "together with the end",
    "theme of the end", "Markov to the end",
)  # fmt: skip
# Where nothing is learnt, somebody goes where others go: the pull is to popularity alone, not to a draw of lots.
POPULARITY = np.eye(len(NAMES))[0]


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
    weights: Array = field(default_factory=lambda: POPULARITY.copy())
    smooth: float = SMOOTH[1]

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
        current, theme, k = here.visited[-1], self.theme, self.smooth
        share = (t.seen + 0.5) / (t.seen + 0.5).sum()
        part = None if here.hour is None else _part(here.hour)
        hours = t.hour.sum(axis=0) + 1
        columns = [
            np.log(share),
            np.log1p(self.km[current]),
            np.minimum(self.km[current], 2.0),
            _drawn(t.after[current], share, k) - np.log(share),
            _drawn(t.themes[theme[current]], _theme_share(share, theme, len(t.themes)), k)[theme],
            (theme == theme[current]).astype(float),
            np.zeros(len(theme))
            if part is None
            else np.log((t.hour[:, part] + k * hours[part] / hours.sum()) / (t.hour.sum(axis=1) + k)),
            np.zeros(len(theme)) if here.own is None else here.own[theme],
            np.mean([_drawn(t.together[one], share, k) - np.log(share) for one in here.visited], axis=0),
            np.log((t.after[current] + 1) / (t.after[current].sum() + len(theme))),
        ]
        if here.end is None:
            columns += [np.zeros(len(theme))] * 4
        else:
            columns += [
                np.log1p(self.km[:, here.end]),
                _drawn(t.together[here.end], share, k) - np.log(share),
                (theme == theme[here.end]).astype(float),
                np.log((t.after[:, here.end] + 1) / (t.after.sum(axis=1) + len(theme))),
            ]
        return np.stack(columns, axis=1)

    def own_themes(self, trips: Sequence[Trip], traveller: int) -> Array | None:
        """(themes,) log of how much more than others this traveller goes to each theme; None where nothing is known."""
        mine = [self.theme[list(trip.points)] for trip in trips if trip.traveller == traveller and traveller >= 0]
        if not mine:
            return None
        usual = _theme_share(self.tables.seen + 0.5, self.theme, len(self.tables.themes))
        counts = np.bincount(np.concatenate(mine), minlength=len(usual))
        return np.log((counts + self.smooth * usual) / (counts.sum() + self.smooth)) - np.log(usual)


@dataclass(frozen=True)
class Steps:
    """Choices that were made. x : (steps, points, features); right : (steps,) chosen; closed : (steps, points) not to
    choose; fold : (steps,) which trips are left out together"""

    x: Array
    right: NDArray[np.int64]
    closed: NDArray[np.bool_]
    fold: NDArray[np.int64]

    def part(self, rows: NDArray[np.bool_]) -> "Steps":
        return Steps(self.x[rows], self.right[rows], self.closed[rows], self.fold[rows])

    def loss(self, weights: Array) -> tuple[float, Array]:
        """Negative log-likelihood and its gradient."""
        score = np.where(self.closed, -np.inf, self.x @ weights)
        log_p = score - logsumexp(score, axis=1, keepdims=True)
        at = np.arange(len(self.right))
        gradient = np.einsum("sp,spf->f", np.exp(log_p), self.x) - self.x[at, self.right].sum(axis=0)
        return float(-log_p[at, self.right].sum()), gradient


def fit_next_point(trips: Sequence[Trip], km: Array, theme: NDArray[np.int64]) -> NextPoint:
    """Count the tables, then learn the weights on every step of every trip, each judged by what the others did.

    A step of a trip of two points chooses its end; the steps of a longer one choose what lies before it. How far counts
    and weights are drawn to popularity is what predicts trips best that were left out, FOLDS times.
    """
    whole = counted(trips, theme, len(km), int(theme.max(initial=0)) + 1)
    best, chosen = np.inf, NextPoint(km, theme, whole)
    for smooth in SMOOTH:
        blank = NextPoint(km, theme, whole, smooth=smooth)
        steps = steps_of(blank, trips)
        if not len(steps.right):
            return blank
        for shrink in SHRINK:
            missed = 0.0
            for fold in range(FOLDS):
                left_out = steps.fold == fold
                if left_out.any() and not left_out.all():
                    missed += steps.part(left_out).loss(weights_of(steps.part(~left_out), shrink))[0]
            if missed < best:
                best, chosen = missed, replace(blank, weights=weights_of(steps, shrink))
    return chosen


def weights_of(steps: Steps, shrink: float) -> Array:
    """(features,) the likeliest weights, drawn to POPULARITY."""

    def loss(weights: Array) -> tuple[float, Array]:
        missed, gradient = steps.loss(weights)
        pull = weights - POPULARITY
        return missed + shrink * float(pull @ pull), gradient + 2 * shrink * pull

    found = minimize(loss, POPULARITY, jac=True, method="L-BFGS-B")
    return np.asarray(found.x, float)


def steps_of(blank: NextPoint, trips: Sequence[Trip]) -> Steps:
    """Every step, its features counted from the other trips."""
    theme, n_points, n_themes = blank.theme, blank.n_points, len(blank.tables.themes)
    by_traveller: dict[int, list[Trip]] = {}
    for trip in trips:
        by_traveller.setdefault(trip.traveller, []).append(trip)
    # The end of a trip of three or more is known, and chosen by nobody.
    every = [
        (at, place) for at, trip in enumerate(trips) for place in range(len(trip.points) - 1 - (len(trip.points) > 2))
    ]
    if len(every) > MOST_STEPS:
        every = [every[int(at)] for at in np.linspace(0, len(every) - 1, MOST_STEPS)]
    x = np.zeros((len(every), n_points, len(NAMES)))
    closed = np.zeros((len(every), n_points), bool)
    for step, (at, place) in enumerate(every):
        trip = trips[at]
        others = blank.tables.less(counted([trip], theme, n_points, n_themes))
        end = trip.points[-1] if len(trip.points) > 2 else None
        own = replace(blank, tables=others).own_themes(
            [one for one in by_traveller[trip.traveller] if one is not trip], trip.traveller
        )
        here = Here(trip.points[: place + 1], trip.hours[place] if trip.hours else None, end, own)
        closed[step, list(here.visited)] = True
        if end is not None:
            closed[step, end] = True
        x[step] = np.where(closed[step][:, None], 0.0, blank.features(here, others))
    right = np.array([trips[at].points[place + 1] for at, place in every], dtype=np.int64)
    return Steps(x, right, closed, np.array([at % FOLDS for at, _ in every], dtype=np.int64))


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


def _drawn(counts: Array, share: Array, smooth: float) -> Array:
    """Log of counts drawn to a share: (counts + smooth * share) / (their sum + smooth)."""
    return np.log((counts + smooth * share) / (counts.sum() + smooth))


def _theme_share(share: Array, theme: NDArray[np.int64], n_themes: int) -> Array:
    total = np.bincount(theme, weights=share, minlength=n_themes)
    return total / total.sum()
