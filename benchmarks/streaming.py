"""How much memory a large file needs: `goeswith init` on a generated CSV, and the most that the process ever held.

    python benchmarks/streaming.py --gigabytes 5        needs five times that much free disk

The file is a made-up log of purchases, with the dirt of real ones: repeated rows, returns, unreadable dates.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from datetime import date, datetime
from pathlib import Path
from time import perf_counter

import numpy as np
import polars as pl

ROWS = 2_000_000
"""Rows written at a time."""
FIRST = int(datetime(2024, 1, 1).timestamp())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=5.0)
    parser.add_argument("--scratch", type=Path, help="a folder on a large disk; the system's by default")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.scratch) as folder:
        file = Path(folder) / "events.csv"
        written = write_events(file, asked.gigabytes * 1e9)
        began = perf_counter()
        command = [sys.executable, "-m", "goeswith", "init", str(Path(folder) / "shop"), "--events", str(file)]
        ended = subprocess.run(command, capture_output=True, text=True)
        seconds = perf_counter() - began
        print(ended.stdout)
        if ended.returncode:
            sys.exit(ended.stderr)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2  # Linux counts in KiB
        size = os.path.getsize(file) / 1e9
        print("| date | file, GB | rows | seconds | most memory held, GiB |\n|---|---|---|---|---|")
        print(f"| {date.today()} | {size:.2f} | {written:,} | {seconds:.0f} | {peak:.2f} |")


def write_events(file: Path, size: float) -> int:
    """Write rows until the file has so many bytes; how many rows that took."""
    rng, rows = np.random.default_rng(0), 0
    with open(file, "wb") as out:
        while out.tell() < size:
            table = some_events(rng, ROWS)
            out.write(table.write_csv(include_header=rows == 0).encode())
            rows += len(table)
    return rows


def some_events(rng: np.random.Generator, n: int) -> pl.DataFrame:
    products = np.minimum(rng.zipf(1.3, n), 200_000)
    times = pl.Series(FIRST + rng.integers(0, 86_400 * 700, n)) * 1_000_000
    made = pl.DataFrame(
        {
            "product_id": pl.Series(products).cast(pl.String).str.zfill(8),
            "customer_id": rng.integers(1, 2_000_000, n),
            "basket_id": rng.integers(1, 40_000_000, n),
            "date": times.cast(pl.Datetime("us")).dt.to_string("%d/%m/%Y %H:%M"),
            "quantity": np.where(rng.random(n) < 0.01, -1, rng.integers(1, 5, n)),
            "price": rng.integers(50, 3000, n) / 100,
        }
    )
    unreadable = pl.Series(rng.random(n) < 0.001)
    made = made.with_columns(date=pl.when(unreadable).then(pl.lit("unknown")).otherwise("date"))
    return pl.concat([made, made.head(n // 1000)])


if __name__ == "__main__":
    main()
