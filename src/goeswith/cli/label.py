"""goeswith label"""

from pathlib import Path
from typing import Annotated

import typer

from goeswith.cli.arguments import AsJson, ModelVersion, ShopFolder
from goeswith.cli.printing import next_command, percent, say, show, show_json, show_table


def label(
    shop: ShopFolder,
    pairs: Annotated[
        Path, typer.Argument(metavar="PAIRS", help="A CSV file: product_a,product_b,label; one pair a line.")
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Let a new label win over an old one of the pair.")
    ] = False,
    tune_encoder: Annotated[
        bool, typer.Option("--encoder", help="Also judge an encoder tuned on the labels; takes minutes.")
    ] = False,
    causal: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Also ask a causal model in words; takes minutes.")
    ] = None,
    model: ModelVersion = None,
    json: AsJson = False,
) -> None:
    """Say of pairs of products: goes together, substitute, or unrelated. Kept through later fits."""
    import goeswith as gw
    from goeswith.data.labels import LABELS, keep_labels, labels_of, read_labels
    from goeswith.data.vocabulary import Vocabulary
    from goeswith.versions import current

    opened = gw.Shop.open(shop)
    products = Vocabulary(opened.products()["product_id"], kind="product")
    every = keep_labels(opened, read_labels(pairs, products), replace)
    counts = {name: int((every["label"] == name).sum()) for name in LABELS}
    judged = []
    if current(opened) is not None or model is not None:
        from goeswith.labelling import judge_labels
        from goeswith.language.causal import load_causal

        loaded = gw.load(opened, model)
        judged = judge_labels(
            loaded,
            labels_of(opened, loaded.log.items),
            encoder=loaded.encoder if tune_encoder else None,
            causal=None if causal is None else load_causal(causal, loaded.config.device),
        )
    if json:
        show_json({"labels": counts, "accuracy": judged})
        return
    show(f"{len(every):,} pairs are labelled: {', '.join(f'{n:,} {name}' for name, n in counts.items())}.")
    if judged:
        show_table(
            ["way of learning", "labels", "right", "95 %", "of pairs"],
            [
                (one.method, one.labels, percent(one.mean), f"{percent(one.low)} to {percent(one.high)}", one.pairs)
                for one in judged
            ],
        )
    elif current(opened) is None:
        say("They count from the first fit on.")
    if current(opened) is None:
        next_command("fit", shop)
    else:
        next_command("related", shop, every["product_a"][-1])
