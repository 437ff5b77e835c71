package main

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
)

// deepestField bounds a description: a definition may contain itself.
const deepestField = 12

// mostValues bounds what counts as a choice among few values.
const mostValues = 64

// A field describes what may stand at one place, as people fill it in.
type field struct {
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	Optional bool              `json:"optional"`
	Required bool              `json:"required"`
	Default  json.RawMessage   `json:"default,omitempty"`
	Usage    string            `json:"usage"`
	Marks    map[string]string `json:"marks"`
	Fields   []*field          `json:"fields,omitempty"`
	Items    *field            `json:"items,omitempty"`
	Values   []json.RawMessage `json:"values,omitempty"`
	Choices  []*field          `json:"choices,omitempty"`
	Closed   bool              `json:"closed"`
	Open     bool              `json:"open"`
	Position *position         `json:"position,omitempty"`
}

// describe is the tree of fields at a path.
func describe(inst *instance, req *request) (any, error) {
	value, err := declaredAt(inst, req.Path)
	if err != nil {
		return nil, err
	}
	selectors := cue.ParsePath(req.Path).Selectors()
	found := fieldOf(selectors[len(selectors)-1].String(), value, deepestField)
	found.decide(false, false)
	return found, nil
}

// declaredAt is the value at a path, without errors of its own.
func declaredAt(inst *instance, path string) (cue.Value, error) {
	parsed := cue.ParsePath(path)
	if parsed.Err() != nil || len(parsed.Selectors()) == 0 {
		return cue.Value{}, failed(problem{Kind: "reference", Message: "is not a path", Path: path})
	}
	value := inst.value.LookupPath(parsed)
	if !value.Exists() {
		value = inst.value.LookupPath(parsed.Optional())
	}
	if !value.Exists() {
		return cue.Value{}, failed(problem{Kind: "reference", Message: "is not defined", Path: path})
	}
	found := newBlame(inst, filledIn{value: inst.value}, nil)
	found.add(value.Validate(), path)
	if len(found.problems) > 0 {
		return cue.Value{}, failed(found.problems...)
	}
	return value, nil
}

func failed(problems ...problem) *failure {
	return &failure{Kind: "template", Message: problems[0].Message, Problems: problems}
}

// fieldOf describes a value; what depends on its label (optional, required) is left to decide.
func fieldOf(name string, value cue.Value, depth int) *field {
	found := &field{Name: name, Type: typeOf(value), Marks: marksOf(value), Usage: usageOf(value), Values: valuesOf(value)}
	if found.Marks == nil {
		found.Marks = map[string]string{}
	}
	found.Position = declaredIn(value)
	if given, err := defaultOf(value); err == nil {
		found.Default = given
	}
	if depth == 0 {
		return found
	}
	kind := structuralKind(value)
	if kind&cue.StructKind != 0 {
		found.structure(value, depth)
	}
	if kind&cue.ListKind != 0 {
		if item, ok := itemOf(value); ok {
			found.Items = fieldOf("", item, depth-1)
		}
	}
	return found
}

// declaredIn is where a value is declared: where it says something, if it is declared several times.
func declaredIn(value cue.Value) *position {
	pos := value.Pos()
	if op, parts := value.Expr(); op == cue.AndOp {
		says := func(part cue.Value) bool { return part.IncompleteKind() != cue.TopKind && part.Pos().IsValid() }
		if first := slices.IndexFunc(parts, says); first >= 0 {
			pos = parts[first].Pos()
		}
	}
	if !pos.IsValid() {
		return nil
	}
	place := positionOf(pos, nil)
	return &place
}

// structure describes the fields of a struct, the values of a map, or the shapes a struct may take. Where it may take
// several, the fields are those of all of them, and nothing is required that only some require. Open says that more
// fields are welcome than those listed: by `...`, by a pattern, or by a guard that depends on what is given.
func (f *field) structure(value cue.Value, depth int) {
	shapes := shapesOf(value)
	if len(shapes) < 2 {
		item := value.LookupPath(cue.MakePath(cue.AnyString))
		f.Open = item.Exists() || value.IncompleteKind() == cue.BottomKind || hasPatterns(value)
		guarded := guardsOf(value)
		f.Open = f.Open || guarded.dynamic
		f.Closed = value.IsClosed() && !f.Open
		f.Fields = guarded.complete(fieldsOf(value, depth))
		if item.Exists() && len(f.Fields) == 0 {
			f.Items = fieldOf("", item, depth-1)
			if f.Type == "struct" {
				f.Type = "map"
			}
		}
		return
	}
	f.Closed = true
	known := map[string]*field{}
	counts := map[string]int{}
	for _, shape := range shapes {
		choice := fieldOf("", shape, depth-1)
		choice.decide(false, false)
		f.Choices = append(f.Choices, choice)
		f.Closed = f.Closed && choice.Closed
		f.Open = f.Open || choice.Open
		for _, member := range choice.Fields {
			counts[member.Name]++
			if first, ok := known[member.Name]; ok {
				first.Required = first.Required && member.Required
				continue
			}
			copied := *member
			known[member.Name] = &copied
			f.Fields = append(f.Fields, &copied)
		}
		choice.fix(shape)
	}
	for _, member := range f.Fields {
		member.Required = member.Required && counts[member.Name] == len(shapes)
	}
}

// fix notes which fields of a shape have one value only: they tell it from the others.
func (f *field) fix(shape cue.Value) {
	for _, member := range f.Fields {
		value := shape.LookupPath(cue.MakePath(cue.Str(member.Name)))
		if len(member.Values) > 0 || !value.IsConcrete() || value.IncompleteKind()&(cue.StructKind|cue.ListKind) != 0 {
			continue
		}
		if given, err := value.MarshalJSON(); err == nil && !isDefault(value) {
			member.Values = []json.RawMessage{given}
		}
	}
}

func isDefault(value cue.Value) bool {
	_, left := value.Default()
	return left
}

// shapesOf lists the alternatives of a disjunction of structs, each once.
func shapesOf(value cue.Value) []cue.Value {
	var shapes []cue.Value
	for _, operand := range alternatives(value) {
		if operand.IncompleteKind() != cue.StructKind {
			continue
		}
		if !slices.ContainsFunc(shapes, operand.Equals) {
			shapes = append(shapes, operand)
		}
	}
	return shapes
}

func fieldsOf(value cue.Value, depth int) []*field {
	members, err := value.Fields(cue.Optional(true))
	if err != nil {
		return nil
	}
	var fields []*field
	for members.Next() {
		selector := members.Selector()
		if selector.LabelType() != cue.StringLabel {
			continue
		}
		member := fieldOf(selector.Unquoted(), members.Value(), depth-1)
		constraint := selector.ConstraintType()
		member.decide(constraint == cue.OptionalConstraint, constraint == cue.RequiredConstraint)
		member.Required = member.Required && !hasLateDefault(members.Value().Source())
		fields = append(fields, member)
	}
	return fields
}

// decide settles whether a field must be given. A struct need not be when none of its own fields must.
func (f *field) decide(optional, required bool) {
	f.Optional = optional
	switch {
	case optional:
		f.Required = false
	case required:
		f.Required = true
	case f.Default != nil:
		f.Required = false
	case f.Type == "list":
		f.Required = false // empty when not given
	case f.Type == "struct" || f.Type == "map":
		f.Required = len(f.Choices) > 0 || slices.ContainsFunc(f.Fields, func(member *field) bool { return member.Required })
	default:
		f.Required = f.Type != "any"
	}
}

// hasLateDefault tells whether a field is written with a default, though what it is is not known yet: that depends on
// what is filled in, as in `*context.name | string`.
func hasLateDefault(source ast.Node) bool {
	written, ok := source.(*ast.Field)
	return ok && hasDefault(written.Value)
}

// itemOf is the schema of the items of a list, also of `*[] | [...string]`.
func itemOf(value cue.Value) (cue.Value, bool) {
	if item := value.LookupPath(cue.MakePath(cue.AnyIndex)); item.Exists() {
		return item, true
	}
	operands := alternatives(value)
	if operands == nil {
		_, operands = value.Expr() // `*[] | [...string]` comes to one operand, as the second holds the first
	}
	for _, operand := range operands {
		if item := operand.LookupPath(cue.MakePath(cue.AnyIndex)); item.Exists() {
			return item, true
		}
	}
	return cue.Value{}, false
}

// alternatives lists the operands of a disjunction in the order of the text; none of another value.
func alternatives(value cue.Value) []cue.Value {
	op, operands := value.Expr()
	if op != cue.OrOp {
		// A reference or a unification: what it comes to has lost the order, but is all there.
		if op, operands = value.Eval().Expr(); op != cue.OrOp {
			return nil
		}
	}
	var flat []cue.Value
	for _, operand := range operands {
		if nested := alternatives(operand); nested != nil {
			flat = append(flat, nested...)
		} else {
			flat = append(flat, operand)
		}
	}
	return flat
}

// defaultOf is the value a field has when it is not given: its default, or the only one it may have.
func defaultOf(value cue.Value) (json.RawMessage, error) {
	given, isDefault := value.Default()
	if given.IncompleteKind() == cue.StructKind && !isDefault {
		return nil, errNoDefault
	}
	if given.IncompleteKind() == cue.ListKind && value.LookupPath(cue.MakePath(cue.AnyIndex)).Exists() {
		return nil, errNoDefault // an open list is empty when not given, but nobody chose that
	}
	if err := given.Validate(cue.Concrete(true), cue.Final()); err != nil {
		return nil, err
	}
	return given.MarshalJSON()
}

var errNoDefault = errors.New("no default")

// valuesOf lists the alternatives when all of them are concrete, in the order of the text.
func valuesOf(value cue.Value) []json.RawMessage {
	operands := alternatives(value)
	if len(operands) > mostValues {
		return nil
	}
	var values []json.RawMessage
	for _, operand := range operands {
		if !operand.IsConcrete() || operand.IncompleteKind()&(cue.StructKind|cue.ListKind) != 0 {
			return nil
		}
		given, err := operand.MarshalJSON()
		if err != nil {
			return nil
		}
		same := func(other json.RawMessage) bool { return string(other) == string(given) }
		if !slices.ContainsFunc(values, same) {
			values = append(values, given)
		}
	}
	return values
}

// typeNames in the order in which several are named.
var typeNames = []struct {
	kind cue.Kind
	name string
}{
	{cue.StringKind, "string"}, {cue.BytesKind, "bytes"}, {cue.NumberKind, "number"}, {cue.IntKind, "int"},
	{cue.FloatKind, "float"}, {cue.BoolKind, "bool"}, {cue.ListKind, "list"}, {cue.StructKind, "struct"}, {cue.NullKind, "null"},
}

func hasPatterns(value cue.Value) bool {
	members, err := value.Fields(cue.Optional(true), cue.Patterns(true))
	for err == nil && members.Next() {
		if members.Selector().ConstraintType() == cue.PatternConstraint {
			return true
		}
	}
	return false
}

// structuralKind is the kind of a value, that of a struct also where a guard in it cannot be decided yet.
func structuralKind(value cue.Value) cue.Kind {
	kind := value.IncompleteKind()
	if kind == cue.BottomKind {
		if members, err := value.Fields(cue.Optional(true)); err == nil && members.Next() {
			return cue.StructKind
		}
	}
	return kind
}

func typeOf(value cue.Value) string {
	kind := structuralKind(value)
	if kind == cue.TopKind {
		return "any"
	}
	var names []string
	for _, known := range typeNames {
		if kind&known.kind == known.kind {
			names = append(names, known.name)
			kind &^= known.kind
		}
	}
	return strings.Join(names, " | ")
}

// usageOf is what a doc comment tells people: its `+usage=` line, else its lines that are no marks.
func usageOf(value cue.Value) string { return usageIn(docLines(value)) }

func usageIn(lines []string) string {
	var plain []string
	for _, line := range lines {
		mark, isMark := strings.CutPrefix(line, "+")
		if !isMark {
			plain = append(plain, line)
			continue
		}
		key, usage, found := strings.Cut(mark, "=")
		if found && strings.TrimSpace(key) == "usage" {
			return strings.TrimSpace(usage)
		}
	}
	return strings.Join(plain, " ")
}
