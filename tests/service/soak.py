"""Clients that submit, cancel, vanish and come back, while workers and the server itself are killed: nothing is lost.

    python -m service.soak --seconds 1200      (in the folder tests; `make soak` does it)

Every job that was accepted has to end in exactly one of result, stated error, cancelled; every result has to be equal,
bit for bit, to that of an undisturbed conversion with the same seed; the server's files, threads and memory have to
stay where they were. The last line of the output says so.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from helpers.service_cases import QUICK, ServerProcess, assert_same_arrays, short_clip

from controller_server.clip.io.npz import clip_to_arrays
from controller_server.core.errors import AssistMimicError
from controller_server.pipeline.convert import convert
from controller_server.pipeline.result import result_arrays
from controller_server.pipeline.settings import ConvertSettings
from controller_server.service.client.client import Client, JobResult, connect, new_job_id
from controller_server.service.protocol.errors import JobFailed, JobTimeout, ServerError, ServerLost
from controller_server.service.protocol.payload import split_text

CLIENTS = 6
CALM_SHARE = 0.4
"""Part of the time, at the end, in which the server lives, so that its growth can be seen; workers still die."""
STARTING_SPARED = 0.75
"""Of workers that are just being started: on a slow machine killing each of them would leave nobody to work."""
MAX_GROWTH_MB, MAX_MORE_FILES = 30.0, 10
RECIPES = [(2, {**QUICK, "seed": 1}), (2, {**QUICK, "seed": 2}), (3, {**QUICK, "seed": 3}), (4, {**QUICK, "seed": 4})]
"""Frames and settings of the jobs, each with one known result."""
FAILING = {**QUICK, "prepare": {"grips": "clip"}}
"""Settings that are possible in themselves, but ask for grips the clip does not have: a stated error."""


@dataclass
class Ledger:
    """What the clients were told.

    Attributes:
        accepted: Recipe of each job a client saw accepted; -1 for one that has to fail.
        wrong: Sentences about results that were not as they should be.
        actions: What was done how often.
    """

    accepted: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    actions: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, job: str, recipe: int, action: str) -> None:
        """A client saw a job accepted."""
        with self.lock:
            self.accepted[job] = recipe
            self.actions[action] += 1

    def complain(self, sentence: str) -> None:
        """Something is not as it should be."""
        with self.lock:
            self.wrong.append(sentence)


class Soak:
    """One run.

    Args:
        folder: For the server.
        seconds: How long clients and chaos go on.
        seed: Of what happens when.
    """

    def __init__(self, folder: Path, seconds: float, seed: int = 0) -> None:
        self.seconds, self.seed, self.ledger = seconds, seed, Ledger()
        self.server = ServerProcess(folder, "--workers", "2")
        self.expected = [_undisturbed(frames, settings) for frames, settings in RECIPES]
        self.endpoint, self.over = "", threading.Event()
        self.usage: list[tuple[int, int, float]] = []

    def run(self) -> int:
        """Do it. Returns the exit code."""
        self.server.start()
        self.endpoint = self.server.endpoint
        threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        self._chaos()
        self.over.set()
        for thread in threads:
            thread.join()
        code = self._settle()
        self.server.stop()
        return code

    def _connect(self) -> Client:
        return connect(self.endpoint, lost_s=60)

    def _client(self, number: int) -> None:
        """One client's life: one deed after the other."""
        dice = random.Random(f"{self.seed} {number}")
        deeds = [self._wait, self._wait, self._vanish, self._cancel, self._twice, self._come_back, self._fail]
        while not self.over.is_set():
            self._attempt(dice.choice(deeds), dice)

    def _attempt(self, deed: Callable[[Client, random.Random], None], dice: random.Random) -> None:
        try:
            with self._connect() as client:
                deed(client, dice)
        except (ServerLost, JobTimeout):
            self.ledger.actions["lost sight"] += 1
        except JobFailed as error:
            self._check_failure(error)
        except Exception as error:
            self.ledger.complain(f"{deed.__name__}: {type(error).__name__}: {error}")

    def _submit(self, client: Client, dice: random.Random, action: str) -> str:
        recipe, job = dice.randrange(len(RECIPES)), new_job_id()
        frames, settings = RECIPES[recipe]
        client.submit(short_clip(frames), settings, job=job)
        self.ledger.note(job, recipe, action)
        return job

    def _wait(self, client: Client, dice: random.Random) -> None:
        job = self._submit(client, dice, "waited for")
        self._check(client.wait(job))

    def _vanish(self, client: Client, dice: random.Random) -> None:
        self._submit(client, dice, "left alone")

    def _cancel(self, client: Client, dice: random.Random) -> None:
        job = self._submit(client, dice, "cancelled")
        time.sleep(dice.uniform(0, 1.5))
        try:
            client.cancel(job)
        except ServerError as error:
            if error.code != "already_ended":
                raise
        else:
            if client.status(job).state != "cancelled":
                self.ledger.complain(f"job {job}: a confirmed cancel was none")

    def _twice(self, client: Client, dice: random.Random) -> None:
        recipe, job = dice.randrange(len(RECIPES)), new_job_id()
        frames, settings = RECIPES[recipe]
        client.submit(short_clip(frames), settings, job=job)
        self.ledger.note(job, recipe, "sent twice")
        self._check(client.simulate(short_clip(frames), settings, job=job))

    def _come_back(self, client: Client, dice: random.Random) -> None:
        job = self._submit(client, dice, "came back for")
        try:
            self._check(client.wait(job, timeout=dice.uniform(0, 1)))
        except JobTimeout:
            client.close()
            with self._connect() as again:
                self._check(again.wait(job))

    def _fail(self, client: Client, dice: random.Random) -> None:
        job = new_job_id()
        client.submit(replace(short_clip(2), grips=None), FAILING, job=job)
        self.ledger.note(job, -1, "has to fail")
        client.wait(job)
        self.ledger.complain(f"job {job}: should have failed")

    def _check(self, result: JobResult) -> None:
        try:
            assert_same_arrays(dict(result.arrays), self.expected[self.ledger.accepted[result.job]])
        except AssertionError as error:
            self.ledger.complain(f"job {result.job}: differs from an undisturbed run in {error}")

    def _check_failure(self, error: JobFailed) -> None:
        meant = self.ledger.accepted.get(error.job) == -1
        if meant != (error.code == "bad_input") and error.code != "worker_died":
            self.ledger.complain(f"job {error.job}: {error.code}: {error}")

    def _chaos(self) -> None:
        """Kill workers, and in the first part of the time the server."""
        dice, began = random.Random(self.seed), time.monotonic()
        calm = began + (1 - CALM_SHARE) * self.seconds
        next_server, next_sample = began + 5, calm + min(10.0, 0.1 * self.seconds)
        while time.monotonic() < began + self.seconds:
            time.sleep(dice.uniform(1, 4))
            now = time.monotonic()
            if next_server < now < calm:
                self.server.kill()
                time.sleep(dice.uniform(0, 1.0))
                self.server.start(self.endpoint)
                self.ledger.actions["server killed"] += 1
                next_server = now + dice.uniform(5, 20)
            else:
                self._kill_worker(dice)
            if now > next_sample:
                self.usage.append(self._usage())
                next_sample = now + 0.02 * self.seconds

    def _kill_worker(self, dice: random.Random) -> None:
        try:
            with self._connect() as client:
                workers = [worker for worker in client.server_status()["workers"] if worker["pid"]]
            chosen = dice.choice(workers)
            if chosen["state"] == "starting" and dice.random() < STARTING_SPARED:
                return
            os.kill(chosen["pid"], signal.SIGKILL)
            self.ledger.actions["worker killed"] += 1
        except (AssistMimicError, ProcessLookupError, IndexError):
            pass  # it was just being started

    def _usage(self) -> tuple[int, int, float]:
        """Open files, threads, and resident memory [MB] of the server."""
        assert self.server.process is not None
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        files = len(os.listdir(f"/proc/{self.server.process.pid}/fd"))
        return files, int(values["Threads"]), int(values["VmRSS"].split()[0]) / 1e3

    def _settle(self) -> int:
        """Wait for what is left, count, and compare."""
        with self._connect() as client:
            while any((count := client.server_status()["jobs"])[state] for state in ("queued", "running")):
                time.sleep(0.2)
            lost = [job for job in self.ledger.accepted if not self._look_at(client, job)]
        self._check_growth()
        accepted = sum(count.values())
        ended = count["done"] + count["failed"] + count["cancelled"]
        print(", ".join(f"{action} {times}" for action, times in sorted(self.ledger.actions.items())))
        print(f"open files, threads, MB of the server: {self.usage[:1]} ... {self.usage[-1:]}")
        for sentence in self.ledger.wrong[:20]:
            print(f"wrong: {sentence}")
        n_lost = accepted - ended + len(lost)
        print(
            f"accepted={accepted} results={count['done']} errors={count['failed']} "
            f"cancelled={count['cancelled']} lost={n_lost}"
        )
        return 1 if n_lost or self.ledger.wrong else 0

    def _look_at(self, client: Client, job: str) -> bool:
        """Whether an accepted job has come to an end; its result is compared, whoever waited for it."""
        try:
            if client.status(job).state == "done":
                self._check(client.fetch(job))
        except ServerError as error:
            self.ledger.complain(f"job {job}: {error}")
            return False
        return True

    def _check_growth(self) -> None:
        if len(self.usage) < 2:
            return
        files, threads, memory = np.array(self.usage, dtype=float).T
        half = len(self.usage) // 2
        if memory[half:].mean() - memory[:half].mean() > MAX_GROWTH_MB:
            self.ledger.complain(f"the server's memory grew: {memory.round().tolist()} MB")
        if np.median(files[half:]) - np.median(files[:half]) > MAX_MORE_FILES:
            self.ledger.complain(f"the server's open files grew: {files.tolist()}")
        if threads.max() != threads.min():
            self.ledger.complain(f"the server's threads grew: {threads.tolist()}")


def _undisturbed(frames: int, settings: dict[str, object]) -> dict[str, np.ndarray]:
    result = convert(short_clip(frames), ConvertSettings.from_dict(settings))
    return split_text({**clip_to_arrays(result.simulated_clip), **result_arrays(result)})[1]


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("ASSISTMIMIC_SOAK_SECONDS", 1200)))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="assistmimic-soak-") as folder:
        return Soak(Path(folder), arguments.seconds, arguments.seed).run()


if __name__ == "__main__":
    sys.exit(main())
