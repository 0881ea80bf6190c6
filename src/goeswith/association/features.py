"""F: two vectors for each product, "I have this" and "I could be next", on top of what M and its words say."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import normalize

from goeswith.errors import CorruptModel

ROWS_AT_ONCE = 8_192


def blocks(*views: NDArray[np.floating]) -> NDArray[np.float32]:
    """Views side by side, each of weight alike, as unit vectors: the cosine is the mean of the views' cosines.

    A row that is 0 in one view (a product without words) rests on the others.

    Parameters
    ----------
    views : (items, d1), (items, d2), ...

    Returns
    -------
    (items, d1 + d2 + ...)

    Examples
    --------
    >>> blocks(np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([[3.0], [1.0]])).astype(float).round(2).tolist()
    [[0.71, 0.0, 0.71], [0.0, 0.0, 1.0]]
    """
    lengths = [np.maximum(np.linalg.norm(view, axis=1, keepdims=True), 1e-9) for view in views]
    joined = np.hstack([view / length for view, length in zip(views, lengths, strict=True)]).astype(np.float32)
    return joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), 1e-9)


class Head(nn.Module):
    """x + up(down(x)) + price + category, made a unit vector; nothing is added before training.

    An identity at the start means that training can only move away from what the text says, and can be stopped
    whenever that no longer helps.
    """

    def __init__(self, dimensions: int, rank: int, n_extra: int, n_categories: int) -> None:
        super().__init__()
        self.down = nn.Linear(dimensions, rank, bias=False)
        self.up = nn.Linear(rank, dimensions)
        self.extra = nn.Linear(n_extra, dimensions, bias=False) if n_extra else None
        self.category = nn.Embedding(n_categories, dimensions) if n_categories else None
        for part in (self.up, self.extra, self.category):
            if part is not None:
                nn.init.zeros_(part.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor, extra: Tensor | None, category: Tensor | None) -> Tensor:
        moved = x + self.up(self.down(x))  # (items, d)
        if self.extra is not None and extra is not None:
            moved = moved + self.extra(extra)
        if self.category is not None and category is not None:
            # -1 is a product without a category.
            known = (category >= 0)[:, None]
            moved = moved + self.category(category.clamp(min=0)) * known
        return normalize(moved, dim=-1)


@dataclass(frozen=True)
class ProductInputs:
    """What F reads of each product.

    x : (items, d), unit vectors
    extra : (items, k), numbers such as `price_inputs`, or None
    category : (items,), rows of categories, -1 where there is none, or None
    """

    x: NDArray[np.float32]
    extra: NDArray[np.float32] | None = None
    category: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.x)

    def tensors(self, rows: NDArray[np.int64] | slice) -> tuple[Tensor, Tensor | None, Tensor | None]:
        extra = None if self.extra is None else torch.from_numpy(self.extra[rows])
        category = None if self.category is None else torch.from_numpy(self.category[rows])
        return torch.from_numpy(self.x[rows]), extra, category


class FeatureLayer(nn.Module):
    """A head for the source and one for the target, because going together has a direction.

    Parameters
    ----------
    dimensions : of the vectors that come in, and of those that go out
    rank : how many directions a head can move
    n_extra : numbers per product beside its vector, such as price
    n_categories : categories, each with a direction of its own to move in
    scale : multiplies cosines before the exponential, in training and wherever scores are made

    Examples
    --------
    Untrained, both heads leave a vector as it is.

    >>> source, target = FeatureLayer(2, rank=1).vectors(ProductInputs(np.array([[0.6, 0.8]], np.float32)))
    >>> bool(np.allclose(source, [[0.6, 0.8]]) and np.allclose(target, [[0.6, 0.8]]))
    True
    """

    def __init__(
        self,
        dimensions: int,
        rank: int = 128,
        n_extra: int = 0,
        n_categories: int = 0,
        scale: float = 20.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.shape = {"dimensions": dimensions, "rank": rank, "n_extra": n_extra, "n_categories": n_categories}
        self.scale = scale
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.source_head = Head(**self.shape)
            self.target_head = Head(**self.shape)

    def source(self, x: Tensor, extra: Tensor | None = None, category: Tensor | None = None) -> Tensor:
        """(items, d) -> (items, d), unit vectors of "I have this"."""
        vectors: Tensor = self.source_head(x, extra, category)
        return vectors

    def target(self, x: Tensor, extra: Tensor | None = None, category: Tensor | None = None) -> Tensor:
        """(items, d) -> (items, d), unit vectors of "I could be next"."""
        vectors: Tensor = self.target_head(x, extra, category)
        return vectors

    def vectors(self, inputs: ProductInputs) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Source and target vectors of all these products, each (items, d)."""
        source, target = np.empty_like(inputs.x), np.empty_like(inputs.x)
        with torch.inference_mode():
            for start in range(0, len(inputs), ROWS_AT_ONCE):
                rows = slice(start, start + ROWS_AT_ONCE)
                parts = inputs.tensors(rows)
                source[rows], target[rows] = self.source(*parts).numpy(), self.target(*parts).numpy()
        return source, target

    def save(self, file: Path) -> None:
        """Write features.safetensors."""
        shape = json.dumps({**self.shape, "scale": self.scale})
        save_file({name: weight.contiguous() for name, weight in self.state_dict().items()}, file, {"shape": shape})

    @classmethod
    def load(cls, file: Path) -> "FeatureLayer":
        """Read features.safetensors.

        Raises
        ------
        CorruptModel : the file is damaged, or not of this kind
        """
        try:
            with safe_open(str(file), framework="pt") as stored:
                layer = cls(**json.loads((stored.metadata() or {})["shape"]))
                layer.load_state_dict({name: stored.get_tensor(name) for name in stored.keys()})  # noqa: SIM118
        except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise CorruptModel(f"{file}: the feature layer cannot be read ({error}). Fit the model again.") from error
        return layer.eval()


def price_inputs(price: NDArray[np.floating], mean: float, deviation: float) -> NDArray[np.float32]:
    """Standardised log of the price, and a flag where it is missing (not a number, or not above 0).

    Parameters
    ----------
    price : (items,)
    mean, deviation : of the log price, from `price_scale`

    Returns
    -------
    (items, 2)

    Examples
    --------
    >>> price_inputs(np.array([1.0, np.nan]), mean=0.0, deviation=1.0).tolist()
    [[0.0, 0.0], [0.0, 1.0]]
    """
    known = np.isfinite(price) & (price > 0)
    level = np.where(known, (np.log(np.where(known, price, 1.0)) - mean) / max(deviation, 1e-6), 0.0)
    return np.column_stack([level, ~known]).astype(np.float32)


def price_scale(price: NDArray[np.floating]) -> tuple[float, float]:
    """Mean and standard deviation of the log of the known prices; (0, 1) where there are none.

    Examples
    --------
    >>> price_scale(np.array([1.0, 1.0, np.nan]))
    (0.0, 0.0)
    """
    known = np.log(price[np.isfinite(price) & (price > 0)])
    return (float(known.mean()), float(known.std())) if len(known) else (0.0, 1.0)
