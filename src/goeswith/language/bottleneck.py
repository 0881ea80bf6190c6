"""Bottleneck adapters: a narrow detour after each sublayer of a transformer, which starts as no detour at all."""

from torch import Tensor, nn

from goeswith.errors import ModelError
from goeswith.language.lower_layers import layers_of

ENDS = (
    "attention.output.dense", "output.dense",  # BERT, RoBERTa, XLM-R, MiniLM, E5, BGE
    "attention.out_lin", "ffn.lin2",  # DistilBERT
    "attention.attn.o",  # MPNet
    "attn.c_proj", "mlp.c_proj",  # GPT-2
    "self_attn.o_proj", "mlp.down_proj",  # Llama, Qwen, Gemma
)  # fmt: skip
"""The last linear map of each sublayer, before what came in is added again."""


class Bottleneck(nn.Module):
    """dense(x) + up(gelu(down(dense(x)))); `up` starts at 0, so that nothing changes before it has learnt.

    References
    ----------
    Houlsby et al., "Parameter-Efficient Transfer Learning for NLP", ICML 2019.

    Examples
    --------
    >>> import torch
    >>> dense = nn.Linear(8, 4)
    >>> x = torch.ones(1, 8)
    >>> bool(torch.equal(Bottleneck(dense, 4, 2)(x), dense(x)))
    True
    """

    def __init__(self, dense: nn.Module, width: int, narrow: int) -> None:
        super().__init__()
        self.dense = dense
        self.down, self.up = nn.Linear(width, narrow), nn.Linear(narrow, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        out: Tensor = self.dense(hidden)
        moved: Tensor = out + self.up(nn.functional.gelu(self.down(out)))
        return moved


def put_bottlenecks(module: nn.Module, narrow: int) -> list[tuple[nn.Module, str, Bottleneck]]:
    """Put a bottleneck behind both sublayers of every layer.

    Returns
    -------
    of each, the module that holds it, under which name, and itself; `take_bottlenecks` undoes it

    Raises
    ------
    ModelError : no layer has a sublayer that is known by its name
    """
    holder, name = layers_of(module)
    placed = []
    for layer in getattr(holder, name):
        ends = [path for path, _ in layer.named_modules() if path in ENDS]
        for path in ends:
            parent = layer.get_submodule(path.rpartition(".")[0])
            dense = getattr(parent, path.rpartition(".")[2])
            bottleneck = Bottleneck(dense, _width(dense), narrow)
            setattr(parent, path.rpartition(".")[2], bottleneck)
            placed.append((parent, path.rpartition(".")[2], bottleneck))
    if not placed:
        raise ModelError(
            f"{type(module).__name__}: bottleneck adapters do not know where its sublayers end. Use lora instead."
        )
    return placed


def take_bottlenecks(placed: list[tuple[nn.Module, str, Bottleneck]]) -> None:
    """The module is as it was before."""
    for parent, name, bottleneck in placed:
        setattr(parent, name, bottleneck.dense)


def _width(dense: nn.Module) -> int:
    # GPT-2's Conv1D calls its width nf.
    return int(getattr(dense, "out_features", None) or dense.nf)  # type: ignore[arg-type]
