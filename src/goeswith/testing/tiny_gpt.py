"""A causal model that is trained in seconds on the texts at hand: for tests of the causal road, without any licence."""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from goeswith.language.causal import OPENING, CausalModel

END = "<end>"


def tiny_gpt(
    baskets: Sequence[Sequence[str]], texts: Sequence[str] = (), steps: int = 60, seed: int = 0, width: int = 32
) -> CausalModel:
    """A GPT-2 of two layers that has read these baskets of product texts, in this order.

    Parameters
    ----------
    texts : further texts whose words it shall know
    steps : of Adam over all baskets at once; 0 leaves it as it was drawn
    """
    spoken = [[OPENING, *(f" {text};" for text in basket)] for basket in baskets]
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    words.train_from_iterator([*("".join(one) for one in spoken), *(f" {text};" for text in texts)], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token=END, eos_token=END, unk_token=END, pad_token=END
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = GPT2Config(
            vocab_size=len(tokenizer), n_embd=width, n_layer=2, n_head=2, n_positions=256, bos_token_id=0,
            eos_token_id=0, pad_token_id=0, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        )  # fmt: skip
        causal = CausalModel(GPT2LMHeadModel(config), tokenizer)
        optimizer = torch.optim.Adam(causal.model.parameters(), lr=3e-3)
        told = [(basket[:at], basket[at]) for basket in baskets for at in range(len(basket))]
        for _ in range(steps):
            optimizer.zero_grad()
            causal.loss([history for history, _ in told], [target for _, target in told]).backward()
            optimizer.step()
    causal.model.requires_grad_(False)
    causal.forget()
    return causal
