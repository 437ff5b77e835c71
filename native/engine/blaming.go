package main

import (
	"fmt"
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
	"cuelang.org/go/cue/token"
)

// blame gathers the problems of one evaluation, each once.
//
// An incomplete result is the fault of what was not given. People need to hear "parameter.image is required", not
// "output.spec.image: incomplete value string", so an incomplete error is led back to the field it waits for.
type blame struct {
	value    cue.Value
	file     *ast.File
	files    fills
	asked    []string // the paths whose values are results
	problems []problem
	seen     map[string]bool
	missing  []errors.Error // of the filled fields: what they still lack
	searched bool
}

func newBlame(inst *instance, filled filledIn, asked []string) *blame {
	return &blame{value: filled.value, file: inst.file, files: filled.files, asked: asked, seen: map[string]bool{}}
}

// add notes the problems of an error; asked is the path whose evaluation gave it.
func (b *blame) add(err error, asked string) {
	for _, group := range grouped(errors.Errors(err)) {
		if causes := b.causes(group[0]); len(causes) > 0 {
			b.note(causes...)
			continue
		}
		found := describeError(group, "error", b.files)
		if found.Path == "" {
			found.Path = asked
		}
		b.note(b.placed(found, group[0]))
	}
}

// placed adds where the text speaks of the value that is wrong, where the error itself names no place in it.
func (b *blame) placed(found problem, err errors.Error) problem {
	if b.file == nil || slices.ContainsFunc(found.Positions, func(at position) bool { return at.Source == b.file.Filename }) {
		return found
	}
	selectors := make([]cue.Selector, 0, len(err.Path()))
	for _, part := range err.Path() {
		selectors = append(selectors, cue.ParsePath(part).Selectors()...)
	}
	pos := b.value.LookupPath(cue.MakePath(selectors...)).Pos()
	if pos.IsValid() && pos.Filename() == b.file.Filename {
		found.Positions = append(found.Positions, positionOf(pos, b.files))
	}
	return found
}

func (b *blame) note(problems ...problem) {
	for _, found := range problems {
		key := found.Kind + "\n" + found.Path + "\n" + found.Message
		if !b.seen[key] {
			b.seen[key] = true
			b.problems = append(b.problems, found)
		}
	}
}

// absent notes that a path that must be there is not: for what its parent waits for, or because nobody declares it.
func (b *blame) absent(path string) {
	before := len(b.problems)
	selectors := cue.ParsePath(path).Selectors()
	for last := len(selectors) - 1; last >= 0; last-- {
		parent := b.value.LookupPath(cue.MakePath(selectors[:last]...))
		if err := parent.Err(); parent.Exists() && err != nil {
			b.add(err, path)
			break
		}
	}
	if before == 0 && len(b.problems) == 0 {
		b.note(problem{Kind: "incomplete", Message: "is not defined", Path: path, Positions: []position{}})
	}
}

// causes lists the fields that an error comes from although it is reported elsewhere: those that were not given and
// that an incomplete value waits for, or the one that a reference does not find.
func (b *blame) causes(err errors.Error) []problem {
	format, _ := err.Msg()
	if strings.HasPrefix(format, "undefined field") {
		return b.named(err, "reference", "is not defined")
	}
	if !cue.IsIncomplete(err) {
		return nil
	}
	positions := errors.Positions(err)
	var found []problem
	for _, field := range b.unfilled() {
		if sharePosition(errors.Positions(field), positions) {
			found = append(found, b.required(field, positions))
		}
	}
	if len(found) > 0 {
		return found
	}
	switch {
	case strings.HasPrefix(format, "cannot reference optional field"), strings.HasPrefix(format, "required field missing"):
		return b.named(err, "incomplete", "is required")
	}
	return nil
}

// required says that a field was not given; uses are the places that wait for it.
func (b *blame) required(field errors.Error, uses []token.Pos) problem {
	message := "is required"
	if format, args := field.Msg(); format == "incomplete value %v" {
		message = fmt.Sprintf("is required (%v)", args[0])
	}
	places := append(positionsOf(field, b.files), b.places(uses)...)
	return problem{Kind: "incomplete", Message: message, Path: joinPath(field.Path()), Positions: ordered(places, b.files)}
}

// unfilled lists what the fields lack that results are made from: all that the fields filled in lack, and of other
// top-level fields only what nothing else decides.
func (b *blame) unfilled() []errors.Error {
	if b.searched {
		return b.missing
	}
	b.searched = true
	filled := map[string]bool{}
	for _, fill := range b.files {
		filled[rootOf(fill.Path)] = true
	}
	for _, path := range b.asked {
		if root := rootOf(path); !filled[root] {
			filled[root] = false
		}
	}
	fields, err := b.value.Fields()
	if err != nil {
		return nil
	}
	for fields.Next() {
		given, named := filled[fields.Selector().Unquoted()]
		if named && !given {
			continue // asked for: a result, not a cause
		}
		lacks := fields.Value().Validate(cue.Concrete(true), cue.Final())
		for _, lack := range errors.Errors(lacks) {
			if cue.IsIncomplete(lack) && (given || len(errors.Positions(lack)) == 1) {
				b.missing = append(b.missing, lack)
			}
		}
	}
	return b.missing
}

// named is a problem of the field that the reference at the position of an error names, if it can be read off.
func (b *blame) named(err errors.Error, kind, message string) []problem {
	path := selectedAt(b.file, err.Position())
	if path == "" {
		return nil
	}
	return []problem{{Kind: kind, Message: message, Path: path, Positions: b.places(errors.Positions(err))}}
}

func (b *blame) places(positions []token.Pos) []position {
	places := make([]position, 0, len(positions))
	for _, pos := range positions {
		places = append(places, positionOf(pos, b.files))
	}
	return ordered(places, b.files)
}

// selectedAt reads the path a.b.c from the selector whose last name stands at a position, when a is a top-level field.
func selectedAt(file *ast.File, at token.Pos) string {
	if file == nil || at.File() == nil || at.Filename() != file.Filename {
		return ""
	}
	var path string
	ast.Walk(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if ok && selector.Sel.Pos().Offset() == at.Offset() {
			path = joinPath(selectorParts(selector))
		}
		return path == ""
	}, nil)
	return path
}

// selectorParts is nil unless the expression is a chain of names that begins at the top level.
func selectorParts(expr ast.Expr) []string {
	switch x := expr.(type) {
	case *ast.Ident:
		if _, top := x.Scope.(*ast.File); top {
			return []string{x.Name}
		}
	case *ast.SelectorExpr:
		name, _, err := ast.LabelName(x.Sel)
		if parts := selectorParts(x.X); err == nil && parts != nil {
			return append(parts, name)
		}
	}
	return nil
}

func rootOf(path string) string {
	if selectors := cue.ParsePath(path).Selectors(); len(selectors) > 0 && selectors[0].Type() == cue.StringLabel {
		return selectors[0].Unquoted()
	}
	return ""
}

func sharePosition(a, b []token.Pos) bool {
	return slices.ContainsFunc(a, func(pos token.Pos) bool { return slices.Contains(b, pos) })
}
