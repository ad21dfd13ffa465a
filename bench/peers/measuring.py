"""What the Python peers share: they measure themselves, on request of the bench, in a process of their own."""

import json
import os
import signal
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor


def say(answer):
    print(json.dumps(answer), flush=True)


def serve(commands, children=()):
    """Carries out a command a line until the bench hangs up, and answers each with a line."""
    # Ctrl-C reaches the whole group; the bench decides, and hangs up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    say({"processes": [os.getpid(), *children]})
    for line in sys.stdin:
        command = json.loads(line)
        try:
            say(commands[command.pop("do")](**command) or {})
        except Exception as error:  # The bench fails with this sentence.
            say({"error": f"{type(error).__name__}: {error}"})


# They stay, since what a thread has taken of the CPU is no longer seen when it has ended.
threads = ThreadPoolExecutor(max_workers=256)


def keep_in_flight(workers, milliseconds):
    """A thread for each worker, each doing its next when its last is done, for so long; adds up what they return."""
    done = [0] * len(workers)
    began = time.perf_counter()
    until = began + milliseconds / 1000

    def run(index):
        while time.perf_counter() < until:
            done[index] += workers[index]()

    for one in [threads.submit(run, index) for index in range(len(workers))]:
        one.result()
    return {"events": sum(done), "milliseconds": (time.perf_counter() - began) * 1000}


def read_over_and_over(read, expected, milliseconds):
    """Every reading must find as many as there are."""

    def work():
        found = read()
        if found != expected:
            raise ValueError(f"read {found} events instead of {expected}")
        return found

    return keep_in_flight([work], milliseconds)


def new_id():
    """A UUIDv7, as ours has: random ones would scatter in the index."""
    milliseconds = time.time_ns() // 1_000_000
    random = uuid.uuid4().int & ((1 << 80) - 1)
    value = (milliseconds << 80) | random
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return uuid.UUID(int=value)


class Walk:
    """From stream to stream of ten events each, with exact expected versions; as StreamWalk in workload.ts."""

    def __init__(self):
        self.begin()

    def begin(self):
        self.stream = new_id()
        self.version = 0
        self.after = None

    def step(self, events):
        if self.version > 0 and self.version + events > 10:
            self.begin()
        version = self.version
        self.version += events
        return version
