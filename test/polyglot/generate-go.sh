#!/bin/sh
# Go stubs of all services, as the package example.org/accounts/headwater. Run where proto/ is.
set -eu
out=${1:?usage: generate-go.sh FOLDER}

module=example.org/accounts
names=$(for file in proto/headwater/v1/*.proto; do printf 'M%s=%s,' "${file#proto/}" "$module/headwater"; done)
mkdir -p "$out"
protoc -I proto --go_out="${names}module=$module:$out" --go-grpc_out="${names}module=$module:$out" \
  proto/headwater/v1/*.proto
