"""The `eventsourcing` library's recorder on Postgres, below its mapper: what an event is made of is there already."""

import itertools
import json
import sys

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from measuring import Walk, keep_in_flight, new_id, read_over_and_over, serve

setup = json.loads(sys.argv[1])
states = [json.dumps({"data": event["data"], "metadata": event["metadata"]}).encode() for event in setup["events"]]
topics = [event["type"] for event in setup["events"]]
numbers = itertools.count()
long_stream = new_id()
PAGE = 1000


def open_recorder(connections, functions):
    datastore = PostgresDatastore(
        **setup["database"], pool_size=connections, enable_db_functions=functions
    )
    # All of its connections, before anything is timed.
    datastore.pool.open(wait=True)
    recorder = PostgresApplicationRecorder(datastore, events_table_name="stored_events")
    recorder.create_table()
    return datastore, recorder


def stored(originator, version, events):
    made = []
    for index in range(events):
        number = next(numbers) % len(states)
        made.append(StoredEvent(originator, version + index + 1, topics[number], states[number]))
    return made


def append(callers, batch, functions, milliseconds):
    datastore, recorder = open_recorder(callers, functions)

    def worker():
        walk = Walk()

        def work():
            version = walk.step(batch)
            recorder.insert_events(stored(walk.stream, version, batch))
            return batch

        return work

    try:
        return keep_in_flight([worker() for _ in range(callers)], milliseconds)
    finally:
        datastore.close()


def fill(stream, log):
    datastore, recorder = open_recorder(1, False)
    for version in range(0, stream, 500):
        recorder.insert_events(stored(long_stream, version, min(500, stream - version)))
    missing = log - stream
    while missing > 0:
        recorder.insert_events(stored(new_id(), 0, min(500, missing)))
        missing -= 500
    with datastore.get_connection() as connection:
        connection.execute("VACUUM (ANALYZE)")
    datastore.close()


def read(what, expected, milliseconds):
    datastore, recorder = open_recorder(1, False)

    def stream():
        return len(recorder.select_events(long_stream))

    def log():
        events, start = 0, 1
        while True:
            page = recorder.select_notifications(start, PAGE)
            events += len(page)
            if len(page) < PAGE:
                return events
            start = page[-1].id + 1

    try:
        return read_over_and_over(stream if what == "STREAM" else log, expected, milliseconds)
    finally:
        datastore.close()


serve({"append": append, "fill": fill, "read": read})
