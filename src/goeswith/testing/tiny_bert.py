"""An encoder of the BERT family that is drawn in a moment: real layers and a real tokenizer, for tests of training."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from goeswith.language.encoder import SentenceEncoder, load_encoder

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def tiny_bert(texts: Sequence[str], seed: int = 0, width: int = 32, layers: int = 3) -> SentenceEncoder:
    """An encoder with random weights whose words are those of the texts; texts that share words are alike."""
    with tempfile.TemporaryDirectory() as place:
        return load_encoder(write_tiny_bert(Path(place), texts, seed, width, layers), device="cpu")


def write_tiny_bert(folder: Path, texts: Sequence[str], seed: int = 0, width: int = 32, layers: int = 3) -> Path:
    """The same as a Hugging Face folder."""
    words = Tokenizer(models.WordLevel({}, unk_token="[UNK]"))
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=SPECIAL, show_progress=False))
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]", model_max_length=64,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        config = BertConfig(
            vocab_size=len(tokenizer), hidden_size=width, num_hidden_layers=layers, num_attention_heads=2,
            intermediate_size=2 * width, max_position_embeddings=64, initializer_range=0.2,
        )  # fmt: skip
        model: Any = BertModel(config)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return folder
