"""Appends to an account, reads it back, follows it. Usage: events.py ADDRESS ACCOUNT"""

import json
import sys
import uuid

import grpc
from google.protobuf.empty_pb2 import Empty
from headwater.v1.event_pb2 import NewEvent
from headwater.v1.event_store_service_pb2 import AppendRequest, LoadRequest, StreamAppend, SubscribeRequest
from headwater.v1.event_store_service_pb2_grpc import EventStoreServiceStub
from headwater.v1.expected_version_pb2 import ExpectedVersion
from headwater.v1.stream_pb2 import StreamId

from error_info import error_info

address, account = sys.argv[1:]
store = EventStoreServiceStub(grpc.insecure_channel(address))
stream = StreamId(aggregate_type="PlainAccount", aggregate_id=account)


def event(event_type, **data):
    return NewEvent(
        event_id=str(uuid.uuid4()),  # chosen here, so that the append can be sent again
        event_type=event_type,
        data=json.dumps(data).encode(),
        content_type="application/json",
    )


def append(expected_version, *events):
    return AppendRequest(streams=[StreamAppend(stream=stream, expected_version=expected_version, events=events)])


# Append. Without an answer, or with UNAVAILABLE or DEADLINE_EXCEEDED, send the very same request again.
request = append(
    ExpectedVersion(no_stream=Empty()), event("AccountOpened", owner="ada"), event("Deposited", amount=100)
)
appended = store.Append(request, timeout=10).appended
assert list(appended.event_ids) == [new.event_id for new in request.streams[0].events]
print(f"appended, version {appended.versions[0].version}")

again = store.Append(request, timeout=10).appended
assert again.deduplicated and again.last_position == appended.last_position
print("sent again: answered as the first time")

# Load: many events a message.
for page in store.Load(LoadRequest(stream=stream), timeout=10):
    for found in page.events:
        print(f"loaded {found.event_type} {found.version} {found.data.decode()}")

# A conflict tells what was expected and what is there.
try:
    store.Append(append(ExpectedVersion(exact=1), event("Deposited", amount=5)), timeout=10)
except grpc.RpcError as error:
    info = error_info(error)
    print(f"{error.code().name} {info.reason} expected {info.metadata['expected']} actual {info.metadata['actual']}")


# Subscribe: what is there first, then live. Keep scanned_to and epoch to go on from there (SubscribeRequest.after).
def follow():
    call = store.Subscribe(SubscribeRequest(stream=stream))
    for message in call:
        for found in message.events:
            print(f"followed {found.event_type} {found.version}")
            if found.event_type == "AccountClosed":
                call.cancel()
                return
        if message.HasField("caught_up"):
            print("caught up")
            store.Append(append(ExpectedVersion(exact=2), event("AccountClosed")), timeout=10)


follow()
