"""SASRec: a transformer that reads a history in its order and says what comes next."""

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor, nn

from block_scores import readable
from goeswith.data.log import Log
from goeswith.evaluation.baselines.baseline import Block
from goeswith.evaluation.baselines.past import Rows, purchases

PAD = 0
Histories = list[NDArray[np.int64]]


class SelfAttention(nn.Module):
    """Item and place embeddings, causal blocks; the state after each step is compared with the items' embeddings."""

    def __init__(self, n_items: int, dimensions: int, length: int, blocks: int, dropout: float) -> None:
        super().__init__()
        self.item = nn.Embedding(n_items + 1, dimensions, padding_idx=PAD)
        self.place = nn.Embedding(length, dimensions)
        nn.init.normal_(self.item.weight, std=0.02)
        nn.init.normal_(self.place.weight, std=0.02)
        block = nn.TransformerEncoderLayer(dimensions, 1, dimensions, dropout, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, blocks, nn.LayerNorm(dimensions), enable_nested_tensor=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, items: Tensor) -> Tensor:
        """(batch, steps) of items, padded behind, to (batch, steps, d)."""
        steps = items.shape[1]
        x = self.dropout(self.item(items) + self.place.weight[:steps])
        return self.blocks(x, mask=nn.Transformer.generate_square_subsequent_mask(steps), is_causal=True)


class SasRec:
    """Trained with a softmax over the next item and drawn ones, which ranks better than one negative a step.

    A basket has no order: its products, by row, follow the customer's history where there is one.

    Parameters
    ----------
    length : steps that are looked back; longer histories are cut into pieces for training
    drawn : negatives of a step, shared by the batch; as many as there are products, and the softmax is the full one

    References
    ----------
    Kang and McAuley, "Self-attentive sequential recommendation", ICDM 2018. Klenitskiy and Vasilev, "Turning dross
    into gold loss: is BERT4Rec really better than SASRec?", RecSys 2023.
    """

    def __init__(
        self,
        log: Log,
        dimensions: int = 64,
        length: int = 50,
        blocks: int = 2,
        dropout: float = 0.2,
        epochs: int = 10,
        drawn: int = 1_000,
        rate: float = 1e-3,
        batch: int = 32,
        seed: int = 0,
    ) -> None:
        torch.manual_seed(seed)
        self.name, self._length = "SASRec", length
        self._sold = purchases(log) > 0
        self._token = np.where(self._sold, np.cumsum(self._sold), PAD)  # (items,), from 1
        self._histories = [self._token[held] for held in in_order(log)]
        self._net = SelfAttention(int(self._sold.sum()), dimensions, length, blocks, dropout)
        train(self._net, pieces(self._histories, length + 1), epochs, drawn, rate, batch)

    def customers(self, rows: Rows, columns: Rows) -> Block:
        return self._scores([self._histories[row] for row in rows], columns)

    def baskets(self, baskets: csr_array, customers: Rows | None, columns: Rows) -> Block:
        held = [self._token[part] for part in np.split(baskets.indices, baskets.indptr[1:-1])]
        held = [part[part != PAD] for part in held]
        if customers is not None:
            before = [self._histories[row] if row >= 0 else held[0][:0] for row in customers]
            held = [np.concatenate(pair) for pair in zip(before, held, strict=True)]
        return self._scores(held, columns)

    @torch.no_grad()
    def _scores(self, histories: Histories, columns: Rows) -> Block:
        self._net.eval()
        towards = self._net.item.weight[torch.from_numpy(self._token[columns])].T  # (d, columns)
        known = np.array([len(held) > 0 for held in histories], np.bool_)
        block = np.zeros((len(histories), len(columns)), np.float32)
        for at in np.array_split(np.flatnonzero(known), max(1, len(histories) // 256)):
            if len(at):
                recent = [histories[query][-self._length :] for query in at]
                last = torch.tensor([len(held) - 1 for held in recent])
                state = self._net(padded(recent))[torch.arange(len(at)), last]
                block[at] = (state @ towards).numpy()
        return readable(block, known, self._sold[columns])


def train(net: SelfAttention, some: Histories, epochs: int, drawn: int, rate: float, batch: int) -> None:
    """Every step of every piece says the next one; pieces of like length share a batch."""
    net.train()
    optimizer = torch.optim.Adam(net.parameters(), rate, betas=(0.9, 0.98))
    n_items = net.item.num_embeddings - 1
    starts = torch.arange(0, len(some), batch)
    for _ in range(epochs):
        by_length = sorted((some[at] for at in torch.randperm(len(some)).tolist()), key=len)
        for start in starts[torch.randperm(len(starts))].tolist():
            items = padded(by_length[start : start + batch])
            before, after = items[:, :-1], items[:, 1:]
            asked = after != PAD
            state, right = net(before)[asked], after[asked]  # (steps, d), (steps,)
            others = torch.randperm(n_items)[:drawn] + 1
            logits = state @ net.item(others).T  # (steps, drawn)
            logits = logits.masked_fill(others[None, :] == right[:, None], -torch.inf)
            hit = (state * net.item(right)).sum(dim=1, keepdim=True)
            loss = nn.functional.cross_entropy(torch.cat([hit, logits], dim=1), torch.zeros_like(right))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def in_order(log: Log) -> Histories:
    """(customers,), what each bought, the oldest first."""
    bought = log.purchases.drop_nulls("customer").sort("customer", "time", maintain_order=True)
    ends = np.cumsum(np.bincount(bought["customer"].to_numpy(), minlength=log.n_customers))
    return np.split(bought["item"].cast(pl.Int64).to_numpy(), ends[:-1])


def pieces(histories: Histories, length: int) -> Histories:
    """Histories cut from their ends into pieces of `length`, one step shared: all but the first are asked.

    Examples
    --------
    >>> [piece.tolist() for piece in pieces([np.arange(5), np.arange(1)], 3)]
    [[2, 3, 4], [0, 1, 2]]
    """
    return [held[max(0, end - length) : end] for held in histories for end in range(len(held), 1, 1 - length)]


def padded(some: Histories) -> Tensor:
    """(pieces, longest)."""
    return nn.utils.rnn.pad_sequence([torch.from_numpy(np.ascontiguousarray(held)) for held in some], batch_first=True)
