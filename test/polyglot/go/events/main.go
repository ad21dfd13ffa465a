// Appends to an account, reads it back, follows it. Usage: events ADDRESS ACCOUNT
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"reflect"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"example.org/accounts/errorinfo"
	"example.org/accounts/headwater"
)

var stream *headwater.StreamId

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func uuid() string {
	var b [16]byte
	_, err := rand.Read(b[:])
	must(err)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func event(eventType string, payload map[string]any) *headwater.NewEvent {
	data, err := json.Marshal(payload)
	must(err)
	return &headwater.NewEvent{
		EventId:     uuid(), // chosen here, so that the append can be sent again
		EventType:   eventType,
		Data:        data,
		ContentType: "application/json",
	}
}

func appendTo(expected *headwater.ExpectedVersion, events ...*headwater.NewEvent) *headwater.AppendRequest {
	return &headwater.AppendRequest{Streams: []*headwater.StreamAppend{
		{Stream: stream, ExpectedVersion: expected, Events: events},
	}}
}

func exact(version uint64) *headwater.ExpectedVersion {
	return &headwater.ExpectedVersion{Expectation: &headwater.ExpectedVersion_Exact{Exact: version}}
}

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	defer connection.Close()
	store := headwater.NewEventStoreServiceClient(connection)
	stream = &headwater.StreamId{AggregateType: "PlainAccount", AggregateId: os.Args[2]}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	// Append. Without an answer, or with Unavailable or DeadlineExceeded, send the very same request again.
	noStream := &headwater.ExpectedVersion{Expectation: &headwater.ExpectedVersion_NoStream{NoStream: &emptypb.Empty{}}}
	opened := event("AccountOpened", map[string]any{"owner": "ada"})
	deposited := event("Deposited", map[string]any{"amount": 100})
	request := appendTo(noStream, opened, deposited)
	response, err := store.Append(ctx, request)
	must(err)
	appended := response.GetAppended()
	if !reflect.DeepEqual(appended.EventIds, []string{opened.EventId, deposited.EventId}) {
		log.Fatalf("other ids: %v", appended.EventIds)
	}
	fmt.Printf("appended, version %d\n", appended.Versions[0].Version)

	response, err = store.Append(ctx, request)
	must(err)
	if again := response.GetAppended(); !again.Deduplicated || again.LastPosition != appended.LastPosition {
		log.Fatalf("appended twice: %v", again)
	}
	fmt.Println("sent again: answered as the first time")

	// Load: many events a message.
	load, err := store.Load(ctx, &headwater.LoadRequest{Scope: &headwater.LoadRequest_Stream{Stream: stream}})
	must(err)
	for {
		page, err := load.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		must(err)
		for _, found := range page.Events {
			fmt.Printf("loaded %s %d %s\n", found.EventType, found.Version, found.Data)
		}
	}

	// A conflict tells what was expected and what is there.
	_, err = store.Append(ctx, appendTo(exact(1), event("Deposited", map[string]any{"amount": 5})))
	info := errorinfo.Of(err)
	fmt.Printf("%s %s expected %s actual %s\n",
		status.Code(err), info.Reason, info.Metadata["expected"], info.Metadata["actual"])

	// Subscribe: what is there first, then live. Keep ScannedTo and Epoch to go on from there (SubscribeRequest_After).
	follow, err := store.Subscribe(ctx,
		&headwater.SubscribeRequest{Scope: &headwater.SubscribeRequest_Stream{Stream: stream}})
	must(err)
	for {
		message, err := follow.Recv()
		must(err)
		for _, found := range message.Events {
			fmt.Printf("followed %s %d\n", found.EventType, found.Version)
			if found.EventType == "AccountClosed" {
				return
			}
		}
		if message.GetCaughtUp() != nil {
			fmt.Println("caught up")
			_, err := store.Append(ctx, appendTo(exact(2), event("AccountClosed", map[string]any{})))
			must(err)
		}
	}
}
