"""A run in TensorBoard: tensorboard --logdir SHOP/runs"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from goeswith.errors import MissingExtra
from goeswith.progress import Epoch, Event, Note, Stage, Step
from goeswith.tracking.tracker import Lists, Outcome, RunStart

FOLDER = "tensorboard"


class TensorBoardTracker:
    """Losses, learning rate, gradient norm, validation figures, example lists as text, vectors in the projector.

    Raises
    ------
    MissingExtra : the extra track is not installed
    """

    name = "TensorBoard"

    def __init__(self) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise MissingExtra("Tracking with TensorBoard", "track") from error
        self._open = SummaryWriter
        self._notes = 0

    def begin(self, run: RunStart) -> str:
        self._writer = self._open(str(run.folder / FOLDER))
        settings = "\n".join(f"    {name} = {value}" for name, value in flat(run.settings).items())
        self._writer.add_text("settings", settings)
        return f"look at it with: tensorboard --logdir {run.folder.parent}"

    def tell(self, event: Event) -> None:
        match event:
            case Step(stage, done, _, loss, _, rate, gradient):
                figures = {"loss": loss, "learning rate": rate, "gradient norm": gradient}
                self._scalars(stage, figures, done)
            case Epoch(stage, epoch, train, validation, test, metric):
                losses = {"train loss": train, "validation loss": validation, "test loss": test, "held out": metric}
                self._scalars(f"{stage}, by epoch", losses, epoch)
            case Stage(name):
                self._note(name)
            case Note(text):
                self._note(f"  {text}")

    def lists(self, stage: str, epoch: int, lists: Lists) -> None:
        rows = [f"| {product} | {', '.join(near)} |" for product, near in lists.items()]
        self._writer.add_text(
            f"{stage}: nearest products", "\n".join(["| product | nearest |", "|---|---|", *rows]), epoch
        )

    def vectors(self, name: str, labels: Sequence[str], vectors: NDArray[np.float32]) -> None:
        self._writer.add_embedding(vectors, metadata=list(labels), tag=name)

    def end(self, outcome: Outcome) -> None:
        for name, value in outcome.facts.get("figures", {}).items():
            self._writer.add_scalar(f"result/{name}", value, 0)
        self._writer.close()

    def _scalars(self, stage: str, figures: dict[str, float | None], at: int) -> None:
        for name, value in figures.items():
            if value is not None:
                self._writer.add_scalar(f"{stage}/{name}", value, at)

    def _note(self, text: str) -> None:
        self._writer.add_text("what happened", text, self._notes)
        self._notes += 1


def flat(settings: dict[str, object], above: str = "") -> dict[str, object]:
    """Nested settings by dotted name.

    >>> flat({"seed": 0, "finetune": {"rate": 0.1}})
    {'seed': 0, 'finetune.rate': 0.1}
    """
    named: dict[str, object] = {}
    for name, value in settings.items():
        named |= flat(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return named
