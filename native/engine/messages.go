package main

import (
	"encoding/json"

	"lateen.dev/native/wire"
)

// A request asks one verb of one text. Which fields a verb reads is said where the verb is.
type request struct {
	ID       int64                        `json:"id"`
	Verb     string                       `json:"verb"`
	Key      string                       `json:"key"`
	Text     *string                      `json:"text"`
	Source   string                       `json:"source"`
	Packages map[string]map[string]string `json:"packages"`
	Fills    []fill                       `json:"fills"`
	Paths    []string                     `json:"paths"`
	Require  []string                     `json:"require"`
	Partial  []string                     `json:"partial"`
	Marks    []string                     `json:"marks"`
	Origins  []string                     `json:"origins"`
	Path     string                       `json:"path"`
	Actions  bool                         `json:"actions"`
}

// A fill is a JSON value to unify at a path; source names it in the positions of errors.
type fill struct {
	Path   string          `json:"path"`
	Value  json.RawMessage `json:"value"`
	Source string          `json:"source"`
}

type (
	failure  = wire.Failure
	problem  = wire.Problem
	position = wire.Position
)

type evaluation struct {
	Values   map[string]json.RawMessage              `json:"values"`
	Problems []problem                               `json:"problems,omitempty"`
	Marks    map[string]map[string]map[string]string `json:"marks,omitempty"`
	Soft     map[string][]string                     `json:"soft,omitempty"`
	Origins  map[string]map[string][]origin          `json:"origins,omitempty"`
	Actions  []action                                `json:"actions,omitempty"`
}

// An action is a struct with the definitions #do and #provider, which somebody else is to carry out. Path is written
// as CUE does, to be filled at. Value holds what is concrete of it; Incomplete says what keeps its inputs from being so.
type action struct {
	Path       string          `json:"path"`
	Provider   string          `json:"provider"`
	Do         string          `json:"do"`
	Value      json.RawMessage `json:"value"`
	Incomplete []problem       `json:"incomplete,omitempty"`
}
