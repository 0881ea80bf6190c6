"""How long to learn and how fast, by rules: both follow from the time there is, none from the machine."""

import numpy as np

CHARACTERS_PER_SECOND = 14_000
"""What two AVX2 cores train on with the top two layers of MiniLM."""
PACE = {
    "last-k": 1.0, "full": 0.3, "lora": 0.4, "dora": 0.3, "adalora": 0.4, "ia3": 0.5, "prefix": 0.5, "prompt": 0.3,
    "adapter": 0.5,
}  # fmt: skip
"""Of that, what each method manages (`benchmarks/language.py steps`)."""
FASTEST = {
    "last-k": 6e-5, "full": 4e-5, "lora": 3e-4, "dora": 3e-4, "adalora": 1e-3, "ia3": 3e-3, "prefix": 3e-3,
    "prompt": 1e-2, "adapter": 5e-4,
}  # fmt: skip
"""The highest learning rate of each method: what is added from nothing may move faster than what was pretrained."""
STEPS_AT_FULL_RATE = 300
FEWEST_STEPS = 20


def affordable_steps(
    seconds: float | None,
    steps: int,
    characters_per_step: float,
    method: str = "last-k",
    least: int = FEWEST_STEPS,
    size: float = 1.0,
) -> int:
    """Steps that fit into the seconds, by the length of the texts alone: the same shop learns alike on any machine.

    Parameters
    ----------
    seconds : None takes all steps
    steps : at most
    size : of the model, in MiniLMs

    Examples
    --------
    >>> affordable_steps(120, 240, characters_per_step=(80 * (1 + 3) + 128) * 50.0)
    75
    >>> affordable_steps(None, 240, characters_per_step=22_400.0)
    240
    """
    if seconds is None:
        return steps
    fitting = seconds * CHARACTERS_PER_SECOND * PACE.get(method, 0.5) / max(characters_per_step * size, 1.0)
    return int(np.clip(fitting, min(least, steps), steps))


def learning_rate(method: str, steps: int) -> float:
    """The peak rate for so many steps: the method's own up to 300 steps, and less in proportion beyond.

    Adam moves a weight by about the rate in each step, so that rate × steps bounds how far a model gets from what it
    knew. The bound is the same for every budget, and no budget is so small that it buys a higher rate: few steps at a
    high rate make an encoder worse than it came.

    Examples
    --------
    >>> learning_rate("last-k", 240), learning_rate("last-k", 600)
    (6e-05, 3e-05)
    """
    fastest = FASTEST.get(method, FASTEST["full"])
    return fastest * min(1.0, STEPS_AT_FULL_RATE / max(steps, 1))
