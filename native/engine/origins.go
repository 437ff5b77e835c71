package main

import (
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// An origin is a place that helped to make a value. Default tells that it counts only because nothing was given.
type origin struct {
	position
	Default bool `json:"default,omitempty"`
}

// A reference may lead through many others; more than this is a maze, not an explanation.
const deepestOrigin = 12

// trace lists, for each path, the origins of every leaf below it: where it is written first, what is named there after.
func trace(inst *instance, filled filledIn, paths []string, result *evaluation) {
	if len(paths) == 0 {
		return
	}
	result.Origins = map[string]map[string][]origin{}
	defaults := defaultsIn(inst.file)
	for _, path := range paths {
		found := &tracing{files: filled.files, defaults: defaults, found: map[string][]origin{}}
		if field := filled.value.LookupPath(cue.ParsePath(path)); field.Exists() {
			found.leaves(field, "", via{})
		}
		result.Origins[path] = found.found
	}
}

// defaultsIn are the offsets of the values that stand after a * in a template, and of the fields that have one: the
// evaluator speaks of either.
func defaultsIn(file *ast.File) map[int]bool {
	offsets := map[int]bool{}
	ast.Walk(file, func(node ast.Node) bool {
		switch x := node.(type) {
		case *ast.UnaryExpr:
			if x.Op == token.MUL {
				offsets[x.X.Pos().Offset()] = true
			}
		case *ast.Field:
			if hasDefault(x.Value) {
				offsets[x.Label.Pos().Offset()] = true
			}
		}
		return true
	}, nil)
	return offsets
}

func hasDefault(expr ast.Expr) bool {
	switch x := expr.(type) {
	case *ast.UnaryExpr:
		return x.Op == token.MUL
	case *ast.BinaryExpr:
		return x.Op == token.OR && (hasDefault(x.X) || hasDefault(x.Y))
	}
	return false
}

type tracing struct {
	files    fills
	defaults map[int]bool
	found    map[string][]origin
}

// via is where the text speaks of the struct or list that holds a value: where it was taken over as a whole (lent), or
// where it begins.
type via struct {
	pos  token.Pos
	lent bool
}

// leaves visits what has no fields or items of its own, an empty struct or list too.
func (t *tracing) leaves(value cue.Value, path string, from via) {
	final, _ := value.Default()
	lenders := lendersOf(value)
	if _, given := t.files[value.Pos().File()]; !given && !from.lent && value.Pos().IsValid() {
		from.pos = value.Pos()
	}
	empty := true
	switch final.IncompleteKind() {
	case cue.StructKind:
		fields, err := final.Fields()
		if err != nil {
			return // an error of the value, reported as such
		}
		for fields.Next() {
			empty = false
			at := under(path, fields.Selector().Unquoted())
			t.leaves(fields.Value(), at, lentBy(lenders, fields.Selector(), from))
		}
	case cue.ListKind:
		items, err := final.List()
		if err != nil {
			return
		}
		for items.Next() {
			empty = false
			at := path + "[" + items.Selector().String() + "]"
			t.leaves(items.Value(), at, lentBy(lenders, items.Selector(), from))
		}
	}
	if empty {
		t.leaf(value, path, from.pos)
	}
}

// lendersOf are the references among the values that make up a struct or list.
func lendersOf(value cue.Value) []cue.Value {
	parts := []cue.Value{value}
	if op, several := value.Expr(); op == cue.AndOp {
		parts = several
	}
	return slices.DeleteFunc(parts, func(part cue.Value) bool {
		root, _ := part.ReferencePath()
		return !root.Exists()
	})
}

func lentBy(lenders []cue.Value, field cue.Selector, otherwise via) via {
	for _, lender := range lenders {
		if lender.LookupPath(cue.MakePath(field)).Exists() {
			return via{lender.Pos(), true}
		}
	}
	return otherwise
}

func (t *tracing) leaf(value cue.Value, path string, written token.Pos) {
	t.follow(value, path, false, 0)
	// A value that was only passed on, through the variable of a loop too, still knows where it was written.
	final, _ := value.Default()
	t.note(final.Eval().Pos(), path, false)
	inText := func(found origin) bool { return found.Path == "" && !found.Default }
	if written.IsValid() && !slices.ContainsFunc(t.found[path], inText) {
		t.note(written, path, false)
	}
}

// follow notes where a value is written and goes on to what is named there.
func (t *tracing) follow(value cue.Value, path string, soft bool, depth int) {
	if depth > deepestOrigin {
		return
	}
	if root, to := value.ReferencePath(); root.Exists() {
		t.note(value.Pos(), path, soft)
		if target := root.LookupPath(to); target.Exists() {
			t.follow(target, path, soft, depth+1)
		}
		return
	}
	if _, left := value.Default(); left {
		soft = true
	}
	op, parts := value.Expr()
	if op != cue.AndOp {
		t.note(value.Pos(), path, soft)
	}
	if op == cue.NoOp || op == cue.OrOp {
		return
	}
	for _, part := range parts {
		if _, left := part.Default(); op != cue.AndOp || left || part.IsConcrete() {
			t.follow(part, path, soft, depth+1)
		}
	}
}

// note keeps a place once: the key and the value of a field in JSON are one.
func (t *tracing) note(pos token.Pos, path string, soft bool) {
	if !pos.IsValid() {
		return
	}
	found := origin{positionOf(pos, t.files), soft}
	if found.Source == "" {
		return
	}
	if found.Path == "" && t.defaults[pos.Offset()] {
		found.Default = true
	}
	same := func(other origin) bool {
		return other.position == found.position ||
			found.Path != "" && other.Source == found.Source && other.Path == found.Path
	}
	if !slices.ContainsFunc(t.found[path], same) {
		t.found[path] = append(t.found[path], found)
	}
}
