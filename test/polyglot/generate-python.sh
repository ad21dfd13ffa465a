#!/bin/sh
# Python stubs of all services, with Debian's protobuf-compiler and protobuf-compiler-grpc. Run where proto/ is.
set -eu
out=${1:?usage: generate-python.sh FOLDER}

mkdir -p "$out"
protoc -I proto --python_out="$out" --grpc_python_out="$out" \
  --plugin=protoc-gen-grpc_python="$(command -v grpc_python_plugin)" \
  proto/google/rpc/*.proto proto/headwater/v1/*.proto
