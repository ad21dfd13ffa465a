// Package errorinfo reads why a call failed out of the status details.
package errorinfo

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// Of is the ErrorInfo of a failed call: its reason and metadata are empty if the failure is not Headwater's own.
func Of(err error) *errdetails.ErrorInfo {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info
		}
	}
	return &errdetails.ErrorInfo{}
}
