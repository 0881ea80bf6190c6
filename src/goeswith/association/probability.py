"""How likely it is that a basket with one product also holds another, and how sure we are."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, expit

Numbers = NDArray[np.float64]

PRIOR_BASKETS = 40.0
"""What the model's opinion is worth, in baskets, where there is too little to learn it from."""
PRIORS = (20.0, 40.0, 80.0, 160.0, 320.0, 640.0)
"""What it may be worth where there is enough."""
COVERAGE = 0.9
LEAST = 0.5
"""The least either side of an interval weighs, in baskets (Jeffreys' prior): what was never seen may still happen."""
AHEAD = 2.25
"""The time to come drifts half as far again (in log odds) from a forecast as the time that it was calibrated on."""
SMALLEST = 1e-7
STEEPEST, FLATTEST = 20.0, 0.05
FIRMNESS = 5.0
"""How much a calibration is drawn towards leaving the probabilities as they are."""
FEWEST = 10
"""With fewer cases that happened nothing is calibrated."""
FEWEST_PAIRS = 1_000
"""With fewer pairs looked up in later baskets the pairs are left as they are."""
MOST_BASKETS = 50.0
"""Later baskets of one pair that count in full, so that the best sellers are not all that is looked at."""


@dataclass(frozen=True)
class Probability:
    """Of baskets with a, the share that holds b. Stable.

    value : the estimate
    low, high : where the share lies with 90 % probability; wide where few baskets hold a
    baskets : baskets with a that were counted
    """

    value: float
    low: float
    high: float
    baskets: int

    def __str__(self) -> str:
        return f"{self.value:.1%} ({self.low:.1%} to {self.high:.1%}, from {self.baskets:,} baskets)"


@dataclass(frozen=True)
class Calibration:
    """A rising curve from probabilities that were said to those that come true: beta calibration.

    log odds = low * log p - high * log(1 - p) + shift; the default leaves everything as it is.

    References
    ----------
    Kull, Silva Filho, Flach, "Beta calibration", AISTATS 2017.

    Examples
    --------
    >>> Calibration()(np.array([0.2, 0.7])).round(3)
    array([0.2, 0.7])
    >>> Calibration(shift=float(np.log(2)))(np.array([0.5])).round(3)  # odds of 1 become odds of 2
    array([0.667])
    """

    low: float = 1.0
    high: float = 1.0
    shift: float = 0.0

    def __call__(self, said: NDArray[np.floating]) -> Numbers:
        p = np.clip(said.astype(np.float64), SMALLEST, 1 - SMALLEST)
        curve: Numbers = expit(self.low * np.log(p) - self.high * np.log1p(-p) + self.shift)
        return curve


def fit_calibration(said: NDArray[np.floating], came: Numbers, cases: Numbers) -> Calibration:
    """The calibration under which what came was likeliest, drawn a little towards none.

    Parameters
    ----------
    said : (n,), probabilities
    came : (n,), of how many cases it came true
    cases : (n,), in how many it might have

    Examples
    --------
    Twenty percent were said, and of 1,000 cases 400 came.

    >>> curve = fit_calibration(np.array([0.2]), np.array([400.0]), np.array([1000.0]))
    >>> curve(np.array([0.2])).round(2)
    array([0.4])
    """
    if came.sum() < FEWEST or came.sum() >= cases.sum():
        return Calibration()
    p = np.clip(said.astype(np.float64), SMALLEST, 1 - SMALLEST)
    columns = np.stack([np.log(p), -np.log1p(-p), np.ones_like(p)])  # (3, n)

    def loss(weights: Numbers) -> tuple[float, Numbers]:
        odds = weights @ columns
        off = np.array([weights[0] - 1, weights[1] - 1, 0.0])
        value = (cases * np.logaddexp(0, odds) - came * odds).sum() + FIRMNESS * (off**2).sum() / 2
        return value, columns @ (cases * expit(odds) - came) + FIRMNESS * off

    bounds = [(FLATTEST, STEEPEST), (FLATTEST, STEEPEST), (None, None)]
    low, high, shift = minimize(loss, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds).x
    return Calibration(float(low), float(high), float(shift))


@dataclass(frozen=True)
class PairBelief:
    """How counts and the model's opinion of a pair become one probability, with an interval.

    opinion : what the model says, calibrated by itself
    prior_baskets : k, what that is worth in baskets
    whole : both together, calibrated
    drift : variance of the log odds from one period to the next
    """

    opinion: Calibration = Calibration()
    prior_baskets: float = PRIOR_BASKETS
    whole: Calibration = Calibration()
    drift: float = 0.0

    def value(
        self, both: NDArray[np.floating], with_a: NDArray[np.floating] | NDArray[np.integer], said: NDArray[np.floating]
    ) -> Numbers:
        """The probability of each pair; see `estimate`."""
        return self.whole(shrunk(both, with_a, self.opinion(said), self.prior_baskets))

    def estimate(
        self, both: NDArray[np.floating], with_a: NDArray[np.floating] | NDArray[np.integer], said: NDArray[np.floating]
    ) -> tuple[Numbers, Numbers, Numbers]:
        """value, low, high : (pairs,) each; low and high enclose the share with 90 % probability, and the value.

        A beta posterior with the value as its mean. Its weight in baskets is k and the baskets that were counted, less
        what drift between the periods takes: 1 / weight = 1 / (with_a + k) + drift * value * (1 - value).

        Parameters
        ----------
        both, with_a : (pairs,), baskets
        said : (pairs,), the ranker's opinion

        Examples
        --------
        Nothing counted: the opinion, with a wide interval. Much counted: the share.

        >>> told = np.array([0.0, 300.0]), np.array([0.0, 1000.0]), np.array([0.1, 0.1])
        >>> value, low, high = PairBelief().estimate(*told)
        >>> value.round(3), (high - low).round(2)
        (array([0.1  , 0.292]), array([0.15, 0.05]))

        Where shares drift, a thousand baskets of last year say less.

        >>> value, low, high = PairBelief(drift=0.1).estimate(*told)
        >>> value.round(3), (high - low).round(2)
        (array([0.1  , 0.292]), array([0.17, 0.22]))

        An opinion that says "never" and no basket to confirm it: it may be so, and it may be one basket in 20.

        >>> value, low, high = PairBelief().estimate(np.array([0.0]), np.array([0.0]), np.array([0.0]))
        >>> value.round(3), low.round(3), high.round(2)
        (array([0.]), array([0.]), array([0.05]))
        """
        value = self.value(both, with_a, said)
        weight = weight_of(value, with_a + self.prior_baskets, self.drift)
        yes, no = np.maximum(value * weight, LEAST), np.maximum((1 - value) * weight, LEAST)
        tail = (1 - COVERAGE) / 2
        low, high = betaincinv(yes, no, tail), betaincinv(yes, no, 1 - tail)
        return value, np.minimum(low, value), np.maximum(high, value)


def shrunk(
    both: NDArray[np.floating],
    with_a: NDArray[np.floating] | NDArray[np.integer],
    opinion: Numbers,
    prior_baskets: float = PRIOR_BASKETS,
) -> Numbers:
    """Counts drawn towards an opinion: (both + k * opinion) / (with_a + k), k = prior_baskets."""
    return (both + prior_baskets * opinion) / (with_a + prior_baskets)


def weight_of(value: Numbers, baskets: NDArray[np.floating], drift: float) -> Numbers:
    """What a forecast from so many baskets is worth, in baskets, when log odds vary by `drift` until it is needed."""
    return 1 / (1 / baskets + drift * value * (1 - value))


def fit_pair_belief(both: Numbers, with_a: Numbers, said: Numbers, came: Numbers, cases: Numbers) -> PairBelief:
    """Learn from later baskets what counts and opinion are worth, and how far shares drift.

    The opinion is calibrated, then its worth in baskets chosen, then the whole calibrated, each by the likelihood of
    what came. The drift is that under which what came is likeliest as a beta-binomial draw, times AHEAD.

    Parameters
    ----------
    both, with_a, said : (pairs,), as a `PairBelief` takes them, from the time before
    came, cases : (pairs,), of so many later baskets with a so many held b
    """
    if len(both) < FEWEST_PAIRS:
        return PairBelief()
    some = np.minimum(1.0, MOST_BASKETS / np.maximum(cases, 1))
    opinion = fit_calibration(said, came * some, cases * some)
    calibrated = opinion(said)

    def loss(value: Numbers) -> float:
        p = np.clip(value, SMALLEST, 1 - SMALLEST)
        return float(-(some * (came * np.log(p) + (cases - came) * np.log1p(-p))).sum())

    prior = min(PRIORS, key=lambda k: loss(shrunk(both, with_a, calibrated, k)))
    drawn = shrunk(both, with_a, calibrated, prior)
    whole = fit_calibration(drawn, came * some, cases * some)
    drift = fit_drift(whole(drawn), with_a + prior, came, cases)
    return PairBelief(opinion, prior, whole, AHEAD * drift)


DRIFTS = np.concatenate([[0.0], np.geomspace(0.005, 2.0, 40)])


def fit_drift(value: Numbers, baskets: Numbers, came: Numbers, cases: Numbers) -> float:
    """The variance of log odds under which what came is likeliest, as beta-binomial draws.

    Examples
    --------
    Said were 50 % of 100 baskets, from any number of baskets. 50 came, as said; 20 and 80 came, which is drift.

    >>> half, many, hundred = np.full(2, 0.5), np.full(2, 1e6), np.full(2, 100.0)
    >>> fit_drift(half, many, np.array([50.0, 50.0]), hundred)
    0.0
    >>> fit_drift(half, many, np.array([20.0, 80.0]), hundred) > 0.5
    True
    """

    def loss(drift: float) -> float:
        weight = weight_of(value, baskets, drift)
        yes, no = value * weight, (1 - value) * weight
        return float(-(betaln(yes + came, no + cases - came) - betaln(yes, no)).sum())

    return float(min(DRIFTS, key=loss))


@dataclass(frozen=True)
class Calibrators:
    """What makes the probabilities of a model come true: a curve for each question, and what is believed of pairs."""

    questions: Mapping[str, Calibration] = field(default_factory=dict)
    pairs: PairBelief = PairBelief()

    def of(self, question: str) -> Calibration:
        return self.questions.get(question, Calibration())

    def pairs_of(self, question: str) -> PairBelief:
        """`related` has the belief; products that hardly sold have few counts to learn more than a curve from."""
        return self.pairs if question == "related" else PairBelief(self.of(question), self.pairs.prior_baskets)

    def save(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=2))

    @classmethod
    def load(cls, file: Path) -> "Calibrators":
        """As saved; a version from before there were calibrators answers as it did."""
        if not file.is_file():
            return cls()
        kept = json.loads(file.read_text())
        questions = {name: Calibration(**curve) for name, curve in kept["questions"].items()}
        pairs = kept["pairs"]
        opinion, whole = Calibration(**pairs["opinion"]), Calibration(**pairs["whole"])
        return cls(questions, PairBelief(opinion, pairs["prior_baskets"], whole, pairs["drift"]))
