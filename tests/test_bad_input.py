"""What goes wrong from outside ends in one message and an exit code, and leaves the shop as it was.

What is tested elsewhere is not repeated: wrong options in test_cli_answers.py, shops that are not there in
test_cli_shops.py, a disk that is full and a kill while a shop is made in test_shop_folder.py.
"""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

import goeswith as gw
from goeswith.cli.app import app
from goeswith.language.encoder import SentenceEncoder
from goeswith.progress import Step
from goeswith.testing import corner_shop
from goeswith.versions import current

run = CliRunner().invoke
RANKER = {"ranker": {"rounds": 10}}
FROZEN = gw.FitConfig(finetune={"method": "frozen"}, features={"steps": 10}, learning=RANKER)
FROZEN_TOML = '[finetune]\nmethod = "frozen"\n[features]\nsteps = 10\n'


@pytest.fixture
def files(tmp_path):
    products, events = corner_shop.write(tmp_path)
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "header.csv").write_text("product_id,name\n")
    (tmp_path / "shapes.csv").write_text("colour,shape\nred,round\nblue,flat\n")
    (tmp_path / "others.csv").write_text("product_id,name\nx1,Anvil\nx2,Bell\n")
    (tmp_path / "photo.csv").write_bytes(bytes(range(256)) * 4)
    return {"products": products, "events": events, "folder": tmp_path, "new": tmp_path / "new"}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A shop with one model; tests that change it take a copy."""
    shop = gw.Shop.create(tmp_path_factory.mktemp("fitted") / "shop", corner_shop.products(), corner_shop.events())
    gw.fit(shop, FROZEN)
    return shop


@pytest.fixture
def shop(fitted, tmp_path):
    return gw.Shop.open(shutil.copytree(fitted.folder, tmp_path / "shop"))


def contents(folder):
    """Every file that is there, with its size and age; locks are no content."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
    return [(str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns) for path in found]


def refused(done, code, *said):
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1
    for words in said:
        assert words in done.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ("--products {folder}/absent.csv --events {events}", 1, ["absent.csv", "no such file", "path"]),
        ("--products {products} --events {folder}/absent.csv", 1, ["absent.csv", "no such file", "path"]),
        ("--products {folder}/empty.csv --events {events}", 1, ["empty.csv", "is empty", "at least one row"]),
        ("--products {products} --events {folder}/empty.csv", 1, ["empty.csv", "is empty", "at least one row"]),
        ("--products {folder}/header.csv", 1, ["header.csv", "not one row"]),
        ("--products {products} --events {folder}/shapes.csv", 2, ["shapes.csv", "product_id", "colour", "--map"]),
        ("--products {folder}/others.csv --events {events}", 1, ["no event matches", "x1", "bread", "--map"]),
        ("--events {folder}/photo.csv", 1, ["photo.csv", "CSV"]),
        ("--products {products} --events {events} --map product_id=Article", 2, ["Article", "no such column", "name"]),
        ("--products {products} --events {events} --time-zone Mars", 2, ["Mars", "Europe/London"]),
    ],
)
def test_files_that_cannot_be_a_shop_make_none(files, options, code, said):
    done = run(app, ["init", str(files["new"]), *options.format(**files).split()])

    refused(done, code, *said)
    assert not files["new"].exists()


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ("--events {folder}/absent.csv", 1, ["absent.csv", "no such file"]),
        ("--events {folder}/empty.csv", 1, ["empty.csv", "is empty"]),
        ("--events {folder}/shapes.csv", 2, ["shapes.csv", "product_id", "--map"]),
        ("--products {folder}/absent.csv --events {events}", 1, ["absent.csv", "no such file"]),
    ],
)
def test_files_that_cannot_be_added_change_nothing(files, shop, options, code, said):
    before = contents(shop.folder)

    done = run(app, ["add", str(shop.folder), *options.format(**files).split()])

    refused(done, code, *said)
    assert contents(shop.folder) == before


ASKING = ["related {} bread", "complete {} bread", "recommend {} ana", "probability {} bread butter"]
ASKING += ["why {} bread butter", "audience {} bread", "evaluate {}", "fit {}", "models list {}", "add {} --events x"]


@pytest.mark.parametrize("words", ASKING)
def test_a_folder_that_is_no_shop_is_named_with_the_way_to_make_one(words, tmp_path):
    done = run(app, words.format(tmp_path).split())

    refused(done, 1, str(tmp_path), "not a shop", "goeswith init")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", ASKING[:6])
def test_a_shop_without_a_model_says_how_to_get_one(words, tmp_path):
    shop = gw.Shop.create(tmp_path / "shop", corner_shop.products(), corner_shop.events())

    done = run(app, words.format(shop.folder).split())

    refused(done, 1, "no model yet", f"goeswith fit {shop.folder}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("related {} bred", ["(bred)", "Near matches: bread"]),
        ("complete {} bread buter", ["(buter)", "Near matches: butter"]),
        ("complete {} bread --customer anna", ["(anna)", "Near matches: ana"]),
        ("recommend {} emill", ["1 customer", "(emill)", "Near matches: emil"]),
        ("recommend {} --history bred,tea", ["(bred)", "Near matches: bread"]),
        ("related {} bread --among bred", ["(bred)", "Near matches: bread"]),
        ("related {} bread --exclude bred", ["(bred)", "Near matches: bread"]),
        ("probability {} bread zzz", ["1 product", "(zzz)"]),
        ("why {} bred bread", ["(bred)", "Near matches: bread"]),
        ("why {} bread bread", ["Name two"]),
        ("audience {} bred", ["(bred)", "Near matches: bread"]),
        ("related {} --text ''", ["empty"]),
        ("related {} bread -k 0", ["-k", "1"]),
        ("recommend {} ana -k -5", ["-k", "1"]),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_is_wrong(fitted, words, said):
    before = contents(fitted.folder)

    done = run(app, [word.strip("'") for word in words.format(fitted.folder).split()])

    refused(done, 2, *said)
    assert contents(fitted.folder) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"x = = 3", ["not valid TOML"]),
        (b"\xff\xfe\x00", ["not valid TOML"]),
        (b"sed = 3\nhorizon_days = 0\n", ["2 settings", "sed", "horizon_days"]),
        (b"[finetune]\nmethod = 'magic'\n", ["finetune.method", "frozen, full, last-k, lora"]),
        (b"[rules]\nban = ['bred']\n", ["(bred)", "Near matches: bread"]),
        (b"[rules]\nban = ['tea']\npin = ['tea']\n", ["banned and pinned"]),
        (None, ["settings.toml", "cannot be read", "--config"]),
    ],
)
def test_settings_that_cannot_run_fit_nothing(shop, tmp_path, text, said):
    file = tmp_path / "settings.toml"
    file.mkdir() if text is None else file.write_bytes(text)
    before = contents(shop.folder)

    done = run(app, ["fit", str(shop.folder), "--config", str(file)])

    refused(done, 2, *said)
    assert contents(shop.folder) == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("fit {} --until soon", 2, ["'soon' is not a date"]),
        ("fit {} --until 1999-12-31", 1, ["no purchase up to 1999-12-31", "--until"]),
        ("evaluate {} --model {version}", 1, ["every event", "--until"]),
        ("evaluate {} --html {}/absent/report.html", 2, ["--html", "absent"]),
    ],
)
def test_a_moment_or_a_place_that_cannot_be_is_refused_before_the_work(fitted, words, code, said):
    before = contents(fitted.folder)

    done = run(app, words.replace("{}", str(fitted.folder)).format(version=current(fitted)).split())

    refused(done, code, *said)
    assert contents(fitted.folder) == before


# --- the disk


@pytest.mark.parametrize("name", ["features.safetensors", "ranker.txt", "log/events.parquet", "encoder/config.json"])
def test_a_damaged_file_of_a_model_is_named_and_an_older_model_can_answer(shop, name):
    old = current(shop)
    new = shutil.copytree(shop.models / old, shop.models / "20990101-000000-000")
    run(app, ["models", "promote", str(shop.folder), new.name])
    with (new / name).open("r+b") as file:
        file.write(b"\x00\x07")

    done = run(app, ["related", str(shop.folder), "bread"])
    back = run(app, ["models", "rollback", str(shop.folder)])

    refused(done, 1, name, "checksum", "goeswith models rollback", "goeswith fit")
    assert back.exit_code == 0
    assert run(app, ["related", str(shop.folder), "bread"]).exit_code == 0


def test_a_missing_file_of_a_model_and_a_damaged_manifest_are_named(shop):
    version = shop.models / current(shop)
    (version / "counts.safetensors").unlink()
    missing = run(app, ["related", str(shop.folder), "bread"])
    (version / "manifest.json").write_text("{")
    damaged = run(app, ["related", str(shop.folder), "bread"])

    refused(missing, 1, "counts.safetensors", "missing")
    refused(damaged, 1, "manifest.json", "cannot be read")


@pytest.mark.parametrize("name", ["data/products.parquet", "data/events/part-00000.parquet"])
def test_damaged_data_is_named_and_the_model_still_answers(shop, name):
    (shop.folder / name).write_bytes(b"PAR1 no more")

    done = run(app, ["fit", str(shop.folder)])

    refused(done, 1, name.rpartition("/")[0], "cannot be read", "Restore")
    assert run(app, ["related", str(shop.folder), "bread"]).exit_code == 0


@pytest.fixture
def settings(tmp_path):
    file = tmp_path / "fit.toml"
    file.write_text(FROZEN_TOML)
    return str(file)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 30 MB, which a shop fits on and a model does not."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk takes rights that are not given here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_fills_while_a_model_is_written_leaves_no_half_model(small_disk, settings):
    shop = gw.Shop.create(small_disk / "shop", corner_shop.products(), corner_shop.events())

    done = run(app, ["fit", str(shop.folder), "--config", settings])

    refused(done, 1, str(shop.models), "the disk is full", "free some space")
    assert list(shop.models.iterdir()) == []
    assert gw.Shop.open(shop.folder).log().n_items == 13


def test_a_writer_that_finds_the_disk_full_leaves_the_older_model_answering(shop, settings, monkeypatch):
    before, version = contents(shop.models), current(shop)

    def full(encoder, folder):
        folder.mkdir()
        (folder / "half").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SentenceEncoder, "save", full)
    done = run(app, ["fit", str(shop.folder), "--config", settings])

    refused(done, 1, "the disk is full", "Nothing was changed")
    assert contents(shop.models) == before
    assert current(shop) == version


# --- two at once, and a kill


def test_a_second_fit_on_one_shop_is_refused_and_the_first_goes_on(shop, settings):
    with shop.lock():
        done = run(app, ["fit", str(shop.folder), "--config", settings])

    refused(done, 1, "another fit is running", str(os.getpid()), "try again")
    assert run(app, ["related", str(shop.folder), "bread"]).exit_code == 0


SLOW = gw.FitConfig(
    finetune={"steps": 24, "epochs": 12, "batch": 8, "drawn": 8, "top_layers": 1, "patience": 100, "seconds": None},
    features={"steps": 10},
    learning=RANKER,
)


@pytest.mark.slow
def test_a_killed_fit_leaves_the_older_model_answering_and_the_next_one_goes_on_from_its_checkpoint(tmp_path):
    planted = corner_shop.big_corner_shop(n_customers=15, n_weeks=6)
    shop = gw.Shop.create(tmp_path / "shop", planted.products, planted.events)
    gw.fit(shop, FROZEN)
    answers, version = gw.load(shop).related("eggs").ids, current(shop)
    code = (
        "import sys, goeswith as gw\ngw.fit(gw.Shop.open(sys.argv[1]), gw.FitConfig.model_validate_json(sys.argv[2]))\n"
    )
    checkpoint = shop.folder / "cache" / "finetune" / "training.safetensors"
    left = shop.models / ".20200101-000000-000.999999999.aside"  # of an earlier fit, killed while it wrote
    left.mkdir()

    killed = subprocess.Popen([sys.executable, "-c", code, str(shop.folder), SLOW.model_dump_json()])
    wait_for(checkpoint.exists, killed)
    killed.send_signal(signal.SIGKILL)
    killed.wait()

    assert current(shop) == version
    assert gw.load(shop).related("eggs").ids == answers
    steps = []
    model = gw.fit(shop, SLOW, progress=lambda event: steps.append(event) if isinstance(event, Step) else None)
    first = next(step for step in steps if step.stage.startswith("fine-tune"))
    assert first.done > 1  # a fit that starts afresh tells of step 1 first
    assert current(shop) == model.version != version
    assert not checkpoint.exists()
    assert not left.exists()


def wait_for(happened, process, seconds=60):
    end = time.monotonic() + seconds
    while not happened():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


def test_json_stays_empty_when_something_is_refused(fitted):
    done = run(app, ["related", str(fitted.folder), "bred", "--json"])

    refused(done, 2, "(bred)")
    assert json.loads(run(app, ["related", str(fitted.folder), "bread", "--json"]).stdout)["products"]
