"""UmaDB's server, in a process of its own, and its own client, which is Rust below Python."""

import itertools
import json
import os
import random
import socket
import subprocess
import sys
import time

from umadb import AppendCondition, Client, Event, Query, QueryItem
from measuring import Walk, keep_in_flight, new_id, read_over_and_over, serve

setup = json.loads(sys.argv[1])
payloads = [(event["type"], event["data"].encode(), event["metadata"]) for event in setup["events"]]
numbers = itertools.count()
long_stream = f"Account:{new_id()}"


def tagged(tag):
    return Query(items=[QueryItem(types=[], tags=[tag])])


def made(tag, events):
    chosen = []
    for _ in range(events):
        kind, data, metadata = payloads[next(numbers) % len(payloads)]
        chosen.append(Event(kind, data, [tag], new_id(), metadata))
    return chosen


def append(callers, batch, milliseconds):
    client = Client(url)

    def worker():
        walk = Walk()

        def work():
            walk.step(batch)
            tag = f"Account:{walk.stream}"
            # The expected version of a stream, in its words: nothing with its tag after what we have seen of it.
            walk.after = client.append(made(tag, batch), AppendCondition(tagged(tag), walk.after))
            return batch

        return work

    return keep_in_flight([worker() for _ in range(callers)], milliseconds)


def fill(stream, log):
    client = Client(url)
    for first in range(0, stream, 500):
        client.append(made(long_stream, min(500, stream - first)))
    missing = log - stream
    while missing > 0:
        client.append(made(f"Account:{new_id()}", min(500, missing)))
        missing -= 500


def read(what, expected, milliseconds):
    client = Client(url, batch_size=1000)
    query = tagged(long_stream) if what == "STREAM" else None

    def all_events():
        return sum(1 for _ in client.read(query, start=before + 1))

    return read_over_and_over(all_events, expected, milliseconds)


def count():
    # Held, since what is read ends with its client.
    client = Client(url, batch_size=1000)
    return {"events": sum(1 for _ in client.read(start=before + 1))}


def free_port():
    """Below the range that outgoing connections take theirs from."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) != 0:
                return port


server = None
address = setup.get("address")
if not address:
    address = f"127.0.0.1:{free_port()}"
    program = os.path.join(os.path.dirname(sys.executable), "umadb")
    server = subprocess.Popen(
        [program, "--listen", address, "--db-path", setup["folder"], *setup["flags"]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
url = f"http://{address}"
try:
    for attempt in range(100):
        try:
            before = Client(url).head() or 0
            break
        except Exception:
            if attempt == 99 or server is None or server.poll() is not None:
                raise
            time.sleep(0.1)
    serve({"append": append, "fill": fill, "read": read, "count": count}, [server.pid] if server else [])
finally:
    if server:
        server.terminate()
        server.wait()
