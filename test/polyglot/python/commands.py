"""Sends the commands that it reads, a JSON object a line, and prints the answers so. Usage: commands.py ADDRESS"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
from headwater.v1.command_service_pb2 import ExecuteRequest
from headwater.v1.command_service_pb2_grpc import CommandServiceStub

from error_info import error_info

# Until callers are authenticated, a service on loopback believes who they say that they are.
TELLER = ("headwater-principal", '{"id":"ada","bindings":[{"role":"teller","scope":"bank"}]}')
RETRIED = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)
TRIES = 20


def execute(service, request):
    """Sends a command until there is an answer: the same id again is never done twice."""
    for attempt in range(1, TRIES + 1):
        try:
            return service.Execute(request, timeout=10, metadata=[TELLER])
        except grpc.RpcError as error:
            if error.code() not in RETRIED or attempt == TRIES:
                raise
            time.sleep(min(2, 0.05 * 2**attempt))


def send(service, line):
    command = json.loads(line)
    request = ExecuteRequest(
        command_id=command["id"],
        command_type=command["type"],
        aggregate_id=command["account"],
        json=json.dumps(command["data"]).encode(),
    )
    answer = {"id": request.command_id}
    try:
        done = execute(service, request)
        answer.update(version=done.version, eventIds=list(done.event_ids), deduplicated=done.deduplicated)
    except grpc.RpcError as error:
        info = error_info(error)
        answer.update(code=error.code().name, reason=info.reason, metadata=dict(info.metadata))
    sys.stdout.write(json.dumps(answer) + "\n")  # in one piece, as many threads write
    sys.stdout.flush()


def main():
    service = CommandServiceStub(grpc.insecure_channel(sys.argv[1]))
    with ThreadPoolExecutor(16) as pool:
        for sent in [pool.submit(send, service, line) for line in sys.stdin]:
            sent.result()


main()
