"""Which weights of a transformer move: one function for each method, for encoders and causal models alike."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from goeswith.errors import UsageError
from goeswith.language.bottleneck import put_bottlenecks, take_bottlenecks
from goeswith.language.lower_layers import layers_of

ENCODER, CAUSAL = "FEATURE_EXTRACTION", "CAUSAL_LM"
"""What PEFT calls the two families."""


@dataclass(frozen=True)
class Reach:
    """How far a method may go. One object for all methods; each reads what concerns it.

    top_layers : for "last-k"
    lora_rank : for "lora", "dora", "adalora"
    virtual_tokens : for "prefix", "prompt"
    narrow : width of a bottleneck, for "adapter"
    steps : that will be taken; "adalora" deals out its ranks along them
    cache_bytes : memory for what the frozen layers made of each text
    """

    top_layers: int = 2
    lora_rank: int = 16
    virtual_tokens: int = 16
    narrow: int = 48
    steps: int = 240
    cache_bytes: int = 1_500_000_000


@dataclass(frozen=True)
class Moving:
    """A transformer in which something may move.

    module : what stands in the transformer's place
    parameters : what moves, by name
    take_out : the transformer without what was added (what moved in place stays moved)
    merge : the transformer with plain weights that do the same; None where no plain weights can
    after_backward : told the step (from 0) when its gradients are there
    """

    module: nn.Module
    parameters: dict[str, nn.Parameter]
    take_out: Callable[[], nn.Module]
    merge: Callable[[], nn.Module] | None
    after_backward: Callable[[int], None] = lambda step: None

    @property
    def n_parameters(self) -> int:
        return sum(weight.numel() for weight in self.parameters.values())


def full(module: nn.Module, reach: Reach, task: str) -> Moving:
    """Every weight moves."""
    for weight in module.parameters():
        weight.requires_grad_(weight.is_floating_point())
    return Moving(module, _moving(module), lambda: module, lambda: module)


def last_k(module: nn.Module, reach: Reach, task: str) -> Moving:
    """The top layers move."""
    holder, name = layers_of(module)
    layers = getattr(holder, name)
    for weight in (w for layer in list(layers)[-reach.top_layers :] for w in layer.parameters()):
        weight.requires_grad_(True)
    return Moving(module, _moving(module), lambda: module, lambda: module)


def lora(module: nn.Module, reach: Reach, task: str) -> Moving:
    """Low-rank additions to every linear layer; at the end they are added into the weights.

    References
    ----------
    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.
    """
    from peft import LoraConfig

    return _by_peft(module, LoraConfig(**_low_rank(module, reach, task)))


def dora(module: nn.Module, reach: Reach, task: str) -> Moving:
    """As lora, with direction and length of each weight apart.

    References
    ----------
    Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation", ICML 2024.
    """
    from peft import LoraConfig

    return _by_peft(module, LoraConfig(**_low_rank(module, reach, task), use_dora=True))


def adalora(module: nn.Module, reach: Reach, task: str) -> Moving:
    """As lora, with the ranks dealt out along the way to the layers that need them.

    References
    ----------
    Zhang et al., "AdaLoRA: Adaptive Budget Allocation for Parameter-Efficient Fine-Tuning", ICLR 2023.
    """
    from peft import AdaLoraConfig

    low_rank = {name: value for name, value in _low_rank(module, reach, task).items() if name != "r"}
    config = AdaLoraConfig(
        **low_rank, init_r=reach.lora_rank, target_r=max(1, reach.lora_rank // 2), total_step=max(reach.steps, 10),
        tinit=max(reach.steps, 10) // 5, tfinal=max(reach.steps, 10) // 4, deltaT=max(1, reach.steps // 50),
    )  # fmt: skip
    moving = _by_peft(module, config)
    wrapped: Any = moving.module

    def allocate(step: int) -> None:
        for weight in moving.parameters.values():
            # PEFT weighs every gradient, also of what this batch did not need.
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        wrapped.base_model.update_and_allocate(step)

    return Moving(
        moving.module,
        moving.parameters,
        moving.take_out,
        moving.merge,
        after_backward=allocate,
    )


def ia3(module: nn.Module, reach: Reach, task: str) -> Moving:
    """One factor for each key, value and inner activation.

    References
    ----------
    Liu et al., "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning", NeurIPS 2022.
    """
    from peft import IA3Config

    return _by_peft(module, IA3Config(task_type=task))


def prefix(module: nn.Module, reach: Reach, task: str) -> Moving:
    """Keys and values of words that were never written, before the text, in every layer.

    References
    ----------
    Li and Liang, "Prefix-Tuning: Optimizing Continuous Prompts for Generation", ACL 2021.
    """
    from peft import PrefixTuningConfig

    moving = _by_peft(module, PrefixTuningConfig(task_type=task, num_virtual_tokens=reach.virtual_tokens))
    return moving if task != ENCODER else _heard(moving, longer=0)


def prompt(module: nn.Module, reach: Reach, task: str) -> Moving:
    """Words that were never written, before the text, in the first layer.

    References
    ----------
    Lester et al., "The Power of Scale for Parameter-Efficient Prompt Tuning", EMNLP 2021.
    """
    from peft import PromptTuningConfig

    moving = _by_peft(module, PromptTuningConfig(task_type=task, num_virtual_tokens=reach.virtual_tokens))
    return moving if task != ENCODER else _heard(moving, longer=reach.virtual_tokens)


def adapter(module: nn.Module, reach: Reach, task: str) -> Moving:
    """Narrow detours after each sublayer (`bottleneck.py`)."""
    with _one_seed():
        placed = put_bottlenecks(module, reach.narrow)

    def take_out() -> nn.Module:
        take_bottlenecks(placed)
        return module

    for _, _, one in placed:
        one.to(next(one.dense.parameters()).device)
        for part in (one.down, one.up):
            part.requires_grad_(True)
    return Moving(module, _moving(module), take_out, None)


METHODS: dict[str, Callable[[nn.Module, Reach, str], Moving]] = {
    "full": full, "last-k": last_k, "lora": lora, "dora": dora, "adalora": adalora, "ia3": ia3, "prefix": prefix,
    "prompt": prompt, "adapter": adapter,
}  # fmt: skip
"""A further method is one function: it changes a transformer, whose weights are all frozen, and says what moves."""


def set_moving(method: str, module: nn.Module, reach: Reach, task: str) -> Moving:
    """Freeze a transformer and let move what this method moves; in place.

    Raises
    ------
    UsageError : no such method, or one that does not know this kind of transformer
    """
    if method not in METHODS:
        raise UsageError(f"method {method!r}: there is {', '.join(METHODS)}, and frozen to leave the model as it is.")
    for weight in module.parameters():
        weight.requires_grad_(False)
    try:
        return METHODS[method](module, reach, task)
    except ValueError as error:
        if isinstance(error, UsageError):
            raise
        reason = str(error).strip().split("\n")[0]
        kind = type(module).__name__
        raise UsageError(f"method {method}: not for a {kind} ({reason}). Use lora, last-k or full.") from error


def _low_rank(module: nn.Module, reach: Reach, task: str) -> dict[str, Any]:
    rank = reach.lora_rank
    # BERT's pooler is no part of the vector of a sentence, so nothing it learnt would be heard.
    pooler = {"exclude_modules": r"pooler\..*"} if hasattr(module, "pooler") else {}
    return {
        "r": rank, "lora_alpha": 2 * rank, "lora_dropout": 0.0, "target_modules": "all-linear", "task_type": task,
    } | pooler  # fmt: skip


def _by_peft(module: nn.Module, config: Any) -> Moving:
    from peft import get_peft_model

    with _one_seed(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted: Any = get_peft_model(module, config)
    adapted.eval()
    if config.is_prompt_learning:
        return Moving(adapted, _moving(adapted), lambda: module, None)
    return Moving(adapted, _moving(adapted), adapted.unload, adapted.merge_and_unload)


def _moving(module: nn.Module) -> dict[str, nn.Parameter]:
    return {name: weight for name, weight in module.named_parameters() if weight.requires_grad}


def _heard(moving: Moving, longer: int) -> Moving:
    """Pooling must see the words of the text alone; `longer` others stand before them."""
    trimmed = _WithoutPrompt(moving.module, longer)
    return Moving(trimmed, _moving(trimmed), moving.take_out, None)


class _one_seed:
    """PEFT and PyTorch draw first weights from the global generator; the same adapter starts alike every time."""

    def __enter__(self) -> None:
        self._fork = torch.random.fork_rng(devices=[])
        self._fork.__enter__()
        torch.manual_seed(0)

    def __exit__(self, *raised: Any) -> None:
        self._fork.__exit__(*raised)


class _WithoutPrompt(nn.Module):
    """The words of the text alone, of an output that begins with virtual ones."""

    def __init__(self, prompted: nn.Module, n_virtual: int) -> None:
        super().__init__()
        self.prompted, self.n_virtual = prompted, n_virtual

    @property
    def config(self) -> Any:
        return self.prompted.config

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def forward(self, input_ids: Any = None, attention_mask: Any = None, **named: Any) -> Any:
        named.pop("token_type_ids", None)  # as long as the text alone; PEFT would warn, and leave them out itself
        out = self.prompted(input_ids=input_ids, attention_mask=attention_mask, **named)
        out.last_hidden_state = out.last_hidden_state[:, self.n_virtual :]
        return out
