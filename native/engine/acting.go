package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"cuelang.org/go/cue"
)

var (
	doPath       = cue.MakePath(cue.Def("#do"))
	providerPath = cue.MakePath(cue.Def("#provider"))
	paramsPath   = cue.MakePath(cue.Str("$params"))
)

// deepestAction bounds the search for actions; a value that contains itself has no end.
const deepestAction = 64

// actionsOf lists the actions of a value in the order in which they are to be carried out: what is inside another one
// before it, fields in the order of the text, those with an attribute @step(n) before others, by n.
func actionsOf(inst *instance, filled filledIn) ([]action, error) {
	search := &searching{inst: inst, filled: filled}
	search.walk(filled.value, cue.Path{}, deepestAction)
	return search.found, search.failed
}

type searching struct {
	inst   *instance
	filled filledIn
	found  []action
	failed error
}

func (s *searching) walk(value cue.Value, at cue.Path, depth int) {
	if depth == 0 || s.failed != nil {
		return
	}
	if value.IncompleteKind() == cue.ListKind {
		items, err := value.List()
		if err != nil {
			return // an error of the value, reported as such
		}
		for index := 0; items.Next(); index++ {
			s.walk(items.Value(), within(at, cue.Index(index)), depth-1)
		}
		return
	}
	// Not only structs: one with a guard that still waits for an answer is nothing yet, but its fields are there.
	for _, member := range s.stepsOf(value) {
		s.walk(member.value, within(at, member.selector), depth-1)
	}
	s.note(value, at)
}

func within(at cue.Path, selector cue.Selector) cue.Path {
	return cue.MakePath(append(slices.Clone(at.Selectors()), selector)...)
}

type step struct {
	selector cue.Selector
	value    cue.Value
	rank     int
	offset   int
}

// stepsOf lists the fields of a struct that may hold actions, in order. Hidden fields may, definitions may not: they
// say what an action is. The evaluator gives fields in an order of its own: an answered action after others, what is
// in a guard before all. Here the text decides.
func (s *searching) stepsOf(value cue.Value) []step {
	fields, err := value.Fields(cue.Hidden(true))
	if err != nil {
		return nil
	}
	var steps []step
	latest := -1
	for fields.Next() {
		if !mayAct(fields.Selector()) {
			continue
		}
		offset, known := s.offsetOf(fields.Value())
		if !known {
			offset = latest // from a package, or filled in: it stays behind the one before it
		}
		latest = offset
		steps = append(steps, step{fields.Selector(), fields.Value(), rankOf(fields.Value()), offset})
	}
	slices.SortStableFunc(steps, func(a, b step) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.offset, b.offset))
	})
	return steps
}

// offsetOf is where the text of the template first speaks of a value.
func (s *searching) offsetOf(value cue.Value) (int, bool) {
	_, operands := value.Expr()
	first, known := 0, false
	for _, each := range append(operands, value) {
		at := each.Pos()
		if !at.IsValid() || at.Filename() != s.inst.file.Filename {
			continue
		}
		if !known || at.Offset() < first {
			first, known = at.Offset(), true
		}
	}
	return first, known
}

// mayAct tells whether a field may hold actions. Hidden ones of packages may not: nobody could fill in their answers.
func mayAct(selector cue.Selector) bool {
	switch selector.LabelType() {
	case cue.StringLabel:
		return true
	case cue.HiddenLabel:
		return selector.PkgPath() == "_"
	}
	return false
}

func rankOf(value cue.Value) int {
	attribute := value.Attribute("step")
	if attribute.Err() != nil {
		return math.MaxInt
	}
	if rank, err := strconv.Atoi(attribute.Contents()); err == nil {
		return rank
	}
	return math.MaxInt
}

func (s *searching) note(value cue.Value, at cue.Path) {
	do, err := value.LookupPath(doPath).String()
	if err != nil || len(at.Selectors()) == 0 {
		return
	}
	provider, err := value.LookupPath(providerPath).String()
	if err != nil {
		return
	}
	found := action{Path: at.String(), Provider: provider, Do: do}
	inputs, below := value, at
	if params := value.LookupPath(paramsPath); params.Exists() {
		inputs, below = params, within(at, cue.Str("$params"))
	}
	if err := inputs.Validate(cue.Concrete(true), cue.Final()); err != nil {
		lacks := newBlame(s.inst, s.filled, []string{below.String()})
		lacks.add(err, below.String())
		found.Incomplete = withoutEchoes(lacks.problems)
	}
	if found.Value, s.failed = concreteOf(value, deepestAction); s.failed == nil {
		s.found = append(s.found, found)
	}
}

// concreteOf is the JSON of what is concrete of a value. Fields without a value are left out, such items are null.
func concreteOf(value cue.Value, depth int) (json.RawMessage, error) {
	if value.Validate(cue.Concrete(true), cue.Final()) == nil {
		return value.MarshalJSON()
	}
	value, _ = value.Default()
	if depth == 0 {
		return json.RawMessage("null"), nil
	}
	switch value.IncompleteKind() {
	case cue.StructKind:
		return concreteFields(value, depth)
	case cue.ListKind:
		return concreteItems(value, depth)
	}
	return json.RawMessage("null"), nil
}

func concreteFields(value cue.Value, depth int) (json.RawMessage, error) {
	var text bytes.Buffer
	text.WriteByte('{')
	fields, err := value.Fields()
	for err == nil && fields.Next() {
		member := fields.Value()
		if !holdsSome(member) {
			continue
		}
		name, failed := json.Marshal(fields.Selector().Unquoted())
		if failed != nil {
			return nil, failed
		}
		given, failed := concreteOf(member, depth-1)
		if failed != nil {
			return nil, failed
		}
		if text.Len() > 1 {
			text.WriteByte(',')
		}
		text.Write(name)
		text.WriteByte(':')
		text.Write(given)
	}
	text.WriteByte('}')
	return text.Bytes(), nil
}

func concreteItems(value cue.Value, depth int) (json.RawMessage, error) {
	var text bytes.Buffer
	text.WriteByte('[')
	items, err := value.List()
	for err == nil && items.Next() {
		given, failed := concreteOf(items.Value(), depth-1)
		if failed != nil {
			return nil, failed
		}
		if text.Len() > 1 {
			text.WriteByte(',')
		}
		text.Write(given)
	}
	text.WriteByte(']')
	return text.Bytes(), nil
}

// holdsSome tells whether anything of a value could be concrete: it is so itself, or it is a struct or a list.
func holdsSome(value cue.Value) bool {
	value, _ = value.Default()
	kind := value.IncompleteKind()
	return kind == cue.StructKind || kind == cue.ListKind || value.Validate(cue.Concrete(true)) == nil
}
