"""A member of a consumer group. Usage: consumer.py ADDRESS GROUP"""

import json
import queue
import sys
import time

import grpc
from google.protobuf.empty_pb2 import Empty
from headwater.v1 import consumer_group_service_pb2 as groups
from headwater.v1.consumer_group_service_pb2_grpc import ConsumerGroupServiceStub


def handle(event, attempt):
    data = json.loads(event.data)  # ValueError if it is broken
    if data.get("fails") and attempt == 1:
        raise RuntimeError("not now")
    print(f"handled {event.stream.aggregate_id} {event.version} {event.position}", flush=True)


def answer(delivery):
    """Handles events of one stream in their order. An answer about one counts for those before it."""
    attempt = delivery.attempt
    for event in delivery.events:
        try:
            handle(event, attempt)
        except ValueError as broken:  # and will be the next time too
            nack = groups.Nack(position=event.position, reason=str(broken), park=Empty())
            return groups.ConsumeRequest(nack=nack)
        except Exception as failure:  # tried again, with the back-off of the group
            return groups.ConsumeRequest(nack=groups.Nack(position=event.position, reason=str(failure)))
        attempt = 1  # it counts for the first event
    return groups.ConsumeRequest(ack=groups.Ack(positions=[delivery.events[-1].position]))


def consume(service, group):
    """Joins, then answers what comes, until the service ends the call."""
    says = queue.SimpleQueue()
    says.put(groups.ConsumeRequest(join=groups.JoinGroup(group=group, member_name="in Python")))
    try:
        for message in service.Consume(iter(says.get, None)):
            kind = message.WhichOneof("message")
            if kind == "joined":
                print("joined", flush=True)
            elif kind == "deliver":
                for delivery in message.deliver.deliveries:
                    says.put(answer(delivery))
            elif kind == "draining":  # nothing is under way here, since one delivery is handled after the other
                says.put(groups.ConsumeRequest(leave=Empty()))
    finally:
        says.put(None)


def main():
    service = ConsumerGroupServiceStub(grpc.insecure_channel(sys.argv[1]))
    while True:
        try:
            consume(service, sys.argv[2])
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}", file=sys.stderr, flush=True)
        time.sleep(0.2)


main()
