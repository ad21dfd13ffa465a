"""A worker that decides the commands of accounts. Usage: worker.py ADDRESS"""

import json
import queue
import sys
import time

import grpc
from headwater.v1 import command_service_pb2 as commands
from headwater.v1.command_service_pb2_grpc import CommandServiceStub
from headwater.v1.event_pb2 import NewEvent
from headwater.v1.snapshot_pb2 import Snapshot

SNAPSHOT_EVERY = 20


class Refused(Exception):
    pass


def evolve(balance, event_type, data):
    return balance + {"Deposited": 1, "Withdrawn": -1}.get(event_type, 0) * data.get("amount", 0)


def decide(balance, command_type, data):
    """The event that the command comes to."""
    if command_type == "OpenAccount":
        return "AccountOpened", {"owner": data["owner"]}
    if command_type == "Deposit":
        return "Deposited", {"amount": data["amount"]}
    if data["amount"] > balance:
        raise Refused("INSUFFICIENT_FUNDS")
    return "Withdrawn", {"amount": data["amount"]}


def answer(pages):
    """What the worker says to a command: its first page has the command and the snapshot, all have events."""
    first = pages[0]
    balance = json.loads(first.snapshot.data)["balance"] if first.HasField("snapshot") else 0
    for page in pages:
        for event in page.events:
            if not event.erased:
                balance = evolve(balance, event.event_type, json.loads(event.data))
    try:
        event_type, data = decide(balance, first.command.command_type, json.loads(first.command.json))
    except Refused as refused:
        reason = commands.Rejected(
            reason=str(refused), message=f"There is {balance} only", metadata={"balance": str(balance)}
        )
        return commands.Decision(correlation=first.correlation, rejected=reason)
    accepted = commands.Accepted(
        events=[NewEvent(event_type=event_type, data=json.dumps(data).encode(), content_type="application/json")]
    )
    version = first.version + 1
    if version % SNAPSHOT_EVERY == 0:  # later commands need not begin with the first event
        state = {"balance": evolve(balance, event_type, data)}
        accepted.snapshot.CopyFrom(
            Snapshot(version=version, data=json.dumps(state).encode(), content_type="application/json")
        )
    return commands.Decision(correlation=first.correlation, accepted=accepted)


def work(service):
    """Registers, then decides what it is sent until the service ends the call."""
    says = queue.SimpleQueue()
    tellers = [commands.CommandPolicy(roles=["teller"], scopes=["bank"])]
    must_exist, must_not_exist = commands.EXISTENCE_MUST_EXIST, commands.EXISTENCE_MUST_NOT_EXIST
    decides = {"OpenAccount": must_not_exist, "Deposit": must_exist, "Withdraw": must_exist}
    register = commands.RegisterWorker(
        name="accounts in Python",
        commands=[
            commands.CommandType(command_type=name, aggregate_type="Account", existence=existence, policies=tellers)
            for name, existence in decides.items()
        ],
    )
    says.put(commands.HandleRequest(register=register))
    waiting = {}  # pages that are there of commands whose events did not fit into one message
    for message in service.Handle(iter(says.get, None)):
        kind = message.WhichOneof("message")
        if kind == "registered":
            print("registered", flush=True)
        elif kind == "decide":
            pages = waiting.setdefault(message.decide.correlation, [])
            pages.append(message.decide)
            if not message.decide.more:
                says.put(commands.HandleRequest(decision=answer(waiting.pop(message.decide.correlation))))
        elif kind == "cancel":
            waiting.pop(message.cancel.correlation, None)
        elif kind == "draining":
            says.put(None)  # nothing is under way, since one command is decided after the other


def main():
    service = CommandServiceStub(grpc.insecure_channel(sys.argv[1]))
    while True:
        try:
            work(service)
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}", file=sys.stderr, flush=True)
        time.sleep(0.2)


main()
