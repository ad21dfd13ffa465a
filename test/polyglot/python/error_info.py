"""Reads why a call failed out of the status details."""

from google.rpc import error_details_pb2, status_pb2


def error_info(error):
    """The ErrorInfo of a grpc.RpcError: .reason and .metadata, both empty if the failure is not Headwater's own."""
    info = error_details_pb2.ErrorInfo()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                if detail.Unpack(info):
                    break
    return info
