"""One fit, judgement or inventory run, as a process of its own that writes down how far it is.

    python -m goeswith.serve.console.fit_process SHOP FOLDER

FOLDER holds job.json, what is wanted; lines are added to progress.jsonl, the last of which says how it ended. The
process goes on when the page, or the service, goes away.
"""

import json
import sys
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from goeswith.errors import GoesWithError
from goeswith.progress import Epoch, Event, Note, Stage, Step

STEPS_EVERY = 0.25
PROGRESS, JOB = "progress.jsonl", "job.json"


class Diary:
    """Events as lines; of steps, a few a second."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self._last = stream, 0.0

    def __call__(self, event: Event) -> None:
        kind = {Stage: "stage", Step: "step", Epoch: "epoch", Note: "note"}[type(event)]
        if isinstance(event, Step):
            if time.monotonic() - self._last < STEPS_EVERY and event.done < event.total:
                return
            self._last = time.monotonic()
        self.write({"kind": kind, **asdict(event)})

    def write(self, told: dict[str, Any]) -> None:
        self.stream.write(json.dumps({"at": round(time.time(), 2), **told}, ensure_ascii=False, default=str) + "\n")
        self.stream.flush()


def main(shop_folder: Path, folder: Path) -> int:
    job = json.loads((folder / JOB).read_text())
    with (folder / PROGRESS).open("a", encoding="utf-8") as stream:
        diary = Diary(stream)
        try:
            diary.write({"kind": "done", **_done(shop_folder, job, diary)})
        except GoesWithError as error:
            diary.write({"kind": "failed", "message": str(error)})
            return error.exit_code
        except MemoryError:
            diary.write({"kind": "failed", "message": "The memory of this machine is not enough for this."})
            return 1
        except Exception as error:
            last = f"{type(error).__name__}: {error}"
            diary.write({"kind": "failed", "message": last[:500], "trace": traceback.format_exc()[-4_000:]})
            return 1
    return 0


def _done(shop_folder: Path, job: dict[str, Any], diary: Diary) -> dict[str, Any]:
    import goeswith as gw

    shop = gw.Shop.open(shop_folder)
    if job["kind"] == "inventory":
        from goeswith.serve.console import stocking

        files = {table: Path(path) for table, path in job["config"].pop("files").items()}
        return {"written": stocking.run(shop, stocking.Wanted.model_validate(job["config"]), files, diary)}
    config = gw.FitConfig.model_validate(job["config"])
    if job["kind"] == "fit":
        return {"version": gw.fit(shop, config, progress=diary).version}
    from goeswith.serve.console.judging import judge_copy

    return {"judged": judge_copy(shop, config, job["version"], diary)}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
