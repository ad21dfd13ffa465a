// Sends the commands that it reads, a JSON object a line, and prints the answers so. Usage: commands ADDRESS
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log"
	"os"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"example.org/accounts/errorinfo"
	"example.org/accounts/headwater"
)

// Until callers are authenticated, a service on loopback believes who they say that they are.
var teller = metadata.Pairs("headwater-principal", `{"id":"ada","bindings":[{"role":"teller","scope":"bank"}]}`)

const tries = 20

// Sends a command until there is an answer: the same id again is never done twice.
func execute(service headwater.CommandServiceClient, request *headwater.ExecuteRequest) (*headwater.ExecuteResponse, error) {
	pause := 100 * time.Millisecond
	for attempt := 1; ; attempt++ {
		ctx, cancel := context.WithTimeout(metadata.NewOutgoingContext(context.Background(), teller), 10*time.Second)
		done, err := service.Execute(ctx, request)
		cancel()
		switch status.Code(err) {
		case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
			if attempt < tries {
				time.Sleep(pause)
				if pause < 2*time.Second {
					pause *= 2
				}
				continue
			}
		}
		return done, err
	}
}

type command struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Account string          `json:"account"`
	Data    json.RawMessage `json:"data"`
}

func send(service headwater.CommandServiceClient, line []byte) map[string]any {
	var read command
	if err := json.Unmarshal(line, &read); err != nil {
		log.Fatal(err)
	}
	done, err := execute(service, &headwater.ExecuteRequest{
		CommandId:   read.ID,
		CommandType: read.Type,
		AggregateId: read.Account,
		Data:        &headwater.ExecuteRequest_Json{Json: read.Data},
	})
	if err != nil {
		info := errorinfo.Of(err)
		return map[string]any{
			"id": read.ID, "code": status.Code(err).String(), "reason": info.Reason, "metadata": info.Metadata,
		}
	}
	return map[string]any{
		"id": read.ID, "version": done.Version, "eventIds": done.EventIds, "deduplicated": done.Deduplicated,
	}
}

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	service := headwater.NewCommandServiceClient(connection)
	lines := make(chan []byte)
	answers := make(chan map[string]any)
	var senders sync.WaitGroup
	for i := 0; i < 16; i++ {
		senders.Add(1)
		go func() {
			defer senders.Done()
			for line := range lines {
				answers <- send(service, line)
			}
		}()
	}
	go func() {
		input := bufio.NewScanner(os.Stdin)
		for input.Scan() {
			lines <- append([]byte(nil), input.Bytes()...)
		}
		close(lines)
		senders.Wait()
		close(answers)
	}()
	output := json.NewEncoder(os.Stdout)
	for answer := range answers {
		if err := output.Encode(answer); err != nil {
			log.Fatal(err)
		}
	}
}
