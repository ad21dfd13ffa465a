// A worker that decides the commands of accounts. Usage: worker ADDRESS
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example.org/accounts/headwater"
)

const snapshotEvery = 20

type payload struct {
	Owner  string `json:"owner,omitempty"`
	Amount int    `json:"amount,omitempty"`
}

type account struct {
	Balance int `json:"balance"`
}

func evolve(state account, eventType string, data payload) account {
	switch eventType {
	case "Deposited":
		state.Balance += data.Amount
	case "Withdrawn":
		state.Balance -= data.Amount
	}
	return state
}

// The event that the command comes to, or why the domain refuses it.
func decide(state account, commandType string, data payload) (eventType string, refused string) {
	switch {
	case commandType == "OpenAccount":
		return "AccountOpened", ""
	case commandType == "Deposit":
		return "Deposited", ""
	case data.Amount > state.Balance:
		return "", "INSUFFICIENT_FUNDS"
	default:
		return "Withdrawn", ""
	}
}

// What the worker says to a command: its first page has the command and the snapshot, all have events.
func answer(pages []*headwater.Decide) *headwater.Decision {
	first := pages[0]
	var state account
	if first.Snapshot != nil {
		read(first.Snapshot.Data, &state)
	}
	for _, page := range pages {
		for _, event := range page.Events {
			if event.Erased {
				continue
			}
			var data payload
			read(event.Data, &data)
			state = evolve(state, event.EventType, data)
		}
	}
	var data payload
	read(first.Command.GetJson(), &data)
	decision := &headwater.Decision{Correlation: first.Correlation}
	eventType, refused := decide(state, first.Command.CommandType, data)
	if refused != "" {
		decision.Outcome = &headwater.Decision_Rejected{Rejected: &headwater.Rejected{
			Reason:   refused,
			Message:  fmt.Sprintf("There is %d only", state.Balance),
			Metadata: map[string]string{"balance": strconv.Itoa(state.Balance)},
		}}
		return decision
	}
	accepted := &headwater.Accepted{Events: []*headwater.NewEvent{
		{EventType: eventType, Data: written(data), ContentType: "application/json"},
	}}
	if version := first.Version + 1; version%snapshotEvery == 0 { // later commands need not begin with the first event
		accepted.Snapshot = &headwater.Snapshot{
			Version:     version,
			Data:        written(evolve(state, eventType, data)),
			ContentType: "application/json",
		}
	}
	decision.Outcome = &headwater.Decision_Accepted{Accepted: accepted}
	return decision
}

// Registers, then decides what it is sent until the service ends the call.
func work(service headwater.CommandServiceClient) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	call, err := service.Handle(ctx)
	if err != nil {
		return err
	}
	tellers := []*headwater.CommandPolicy{{Roles: []string{"teller"}, Scopes: []string{"bank"}}}
	decides := map[string]headwater.Existence{
		"OpenAccount": headwater.Existence_EXISTENCE_MUST_NOT_EXIST,
		"Deposit":     headwater.Existence_EXISTENCE_MUST_EXIST,
		"Withdraw":    headwater.Existence_EXISTENCE_MUST_EXIST,
	}
	register := &headwater.RegisterWorker{Name: "accounts in Go"}
	for name, existence := range decides {
		register.Commands = append(register.Commands, &headwater.CommandType{
			CommandType: name, AggregateType: "Account", Existence: existence, Policies: tellers,
		})
	}
	call.Send(&headwater.HandleRequest{Message: &headwater.HandleRequest_Register{Register: register}})
	waiting := map[uint64][]*headwater.Decide{} // pages of commands whose events did not fit into one message
	for {
		message, err := call.Recv() // tells also why a Send failed
		if err != nil {
			return err
		}
		switch {
		case message.GetRegistered() != nil:
			fmt.Println("registered")
		case message.GetDecide() != nil:
			page := message.GetDecide()
			pages := append(waiting[page.Correlation], page)
			waiting[page.Correlation] = pages
			if !page.More {
				delete(waiting, page.Correlation)
				call.Send(&headwater.HandleRequest{Message: &headwater.HandleRequest_Decision{Decision: answer(pages)}})
			}
		case message.GetCancel() != nil:
			delete(waiting, message.GetCancel().Correlation)
		case message.GetDraining() != nil:
			call.CloseSend() // nothing is under way, since one command is decided after the other
		}
	}
}

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	service := headwater.NewCommandServiceClient(connection)
	for {
		log.Print(work(service))
		time.Sleep(200 * time.Millisecond)
	}
}

func read(data []byte, into any) {
	if err := json.Unmarshal(data, into); err != nil {
		log.Fatal(err)
	}
}

func written(value any) []byte {
	data, err := json.Marshal(value)
	if err != nil {
		log.Fatal(err)
	}
	return data
}
