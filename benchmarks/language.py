"""The language room, measured: cold products, ways to fine-tune, cheap training, pre-training, causal reranking.

python benchmarks/language.py cold --data online-retail --part validation   then --part test
python benchmarks/language.py methods|speed|pretrain --data online-retail
python benchmarks/language.py steps
python benchmarks/language.py causal --model packaged:gemma-3-270m
python benchmarks/language.py chinese
"""

import argparse
from pathlib import Path

import language_cold
import language_training


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["cold", "steps", "methods", "speed", "pretrain", "causal", "chinese"])
    parser.add_argument("--data", choices=["online-retail", "scientific"], default="online-retail")
    parser.add_argument("--part", choices=["validation", "test"], default="validation")
    parser.add_argument("--model", default="packaged:gemma-3-270m")
    parser.add_argument("--baskets", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=45.0, help="of training, for each row; 0: cold without theta")
    parser.add_argument("--steps", type=int, default=60, help="of training, for each method")
    parser.add_argument("--only", nargs="*", help="of the methods, these alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vectors", type=Path, help="a folder that keeps the encoder's vectors")
    parser.add_argument("--scales", type=Path, help="where the scales chosen on validation are kept")
    asked = parser.parse_args()
    if asked.what == "cold":
        scales = asked.scales or Path(f"language-scales-{asked.data}.json")
        language_cold.cold_products(asked.data, asked.part, asked.seed, scales, asked.seconds, vectors=asked.vectors)
    elif asked.what == "steps":
        language_training.steps()
    elif asked.what == "methods":
        language_training.methods(asked.data, asked.seed, asked.steps, asked.only)
    elif asked.what == "speed":
        language_training.speed(asked.data, asked.seed, asked.seconds)
    elif asked.what == "pretrain":
        language_training.pretraining(asked.data, asked.seed, asked.seconds)
    else:
        import language_causal

        if asked.what == "causal":
            language_causal.reranking(asked.model, asked.baskets, asked.seed)
        else:
            language_causal.chinese()


if __name__ == "__main__":
    main()
