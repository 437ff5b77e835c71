package main

import (
	"encoding/json"
	"errors"
	"os"
)

// readyEvent is printed once, when the API answers and the controllers run.
type readyEvent struct {
	Event      string  `json:"event"` // "ready"
	Port       int     `json:"port"`
	Kubeconfig string  `json:"kubeconfig"`
	Seconds    float64 `json:"seconds"` // from the start of the process
	Version    string  `json:"version"` // of Kubernetes
}

// errorEvent is printed last by a process that ends with a failure.
type errorEvent struct {
	Event   string `json:"event"` // "error"
	Code    string `json:"code"`
	Message string `json:"message"`
}

// problem is a failure the user can mend.
type problem struct {
	code    string
	message string
}

func (p problem) Error() string { return p.message }

// exitCodes documents how the process ends; what is not here is 1, "failed".
var exitCodes = map[string]int{
	"usage":            2,
	"port-in-use":      10,
	"data-dir-in-use":  11,
	"data-newer":       12,
	"data-dir-invalid": 13,
}

// report prints the error line and returns the exit code that goes with it.
func report(err error) int {
	event := errorEvent{Event: "error", Code: "failed", Message: err.Error()}
	var known problem
	if errors.As(err, &known) {
		event.Code = known.code
	}
	emit(event)
	if code, ok := exitCodes[event.Code]; ok {
		return code
	}
	return 1
}

// emit writes one line. A reader that has gone is no reason to stop.
func emit(event any) {
	_ = json.NewEncoder(os.Stdout).Encode(event)
}
