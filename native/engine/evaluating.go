package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/errors"
)

// evaluate fills a template (fills) and exports what was asked (paths; those in partial as far as they go). Problems are all there are: of the
// whole filled value, whatever was asked of it, and of the asked paths that are not concrete.
func evaluate(inst *instance, req *request) (any, error) {
	filled, err := fillIn(inst.value, req.Fills)
	if err != nil {
		return nil, err
	}
	found := newBlame(inst, filled, append(req.Paths, req.Require...))
	found.add(filled.value.Validate(), "")
	result := &evaluation{Values: make(map[string]json.RawMessage, len(req.Paths))}
	for _, path := range req.Paths {
		value := filled.value.LookupPath(cue.ParsePath(path))
		if !value.Exists() {
			continue
		}
		export := whole
		if slices.Contains(req.Partial, path) && lacksOptional(value.Err()) {
			export = fieldByField
		}
		if exported := export(value, path, found); exported != nil {
			result.Values[path] = exported
		}
	}
	for _, path := range req.Require {
		if !filled.value.LookupPath(cue.ParsePath(path)).Exists() {
			found.absent(path)
		}
	}
	mark(filled.value, req.Marks, result)
	trace(inst, filled, req.Origins, result)
	if req.Actions {
		if result.Actions, err = actionsOf(inst, filled); err != nil {
			return nil, err
		}
	}
	result.Problems = withoutEchoes(found.problems)
	return result, nil
}

// whole exports a value that has to be concrete; what keeps it from being so is noted.
func whole(value cue.Value, path string, found *blame) json.RawMessage {
	if err := value.Validate(cue.Concrete(true), cue.Final()); err != nil {
		found.add(err, path)
		return nil
	}
	exported, err := value.MarshalJSON()
	if err != nil {
		found.add(err, path)
		return nil
	}
	return exported
}

// fieldByField exports the fields a struct has, each of which has to be concrete, though something that would give it
// more fields waits for what was not given.
func fieldByField(value cue.Value, path string, found *blame) json.RawMessage {
	fields, err := value.Fields()
	if err != nil {
		found.add(err, path)
		return nil
	}
	exported := map[string]json.RawMessage{}
	for fields.Next() {
		field := whole(fields.Value(), under(path, fields.Selector().Unquoted()), found)
		if field == nil {
			return nil
		}
		exported[fields.Selector().Unquoted()] = field
	}
	object, err := json.Marshal(exported)
	if err != nil {
		found.add(err, path)
		return nil
	}
	return object
}

// lacksOptional tells whether a value waits for an optional field, which nobody has to give.
func lacksOptional(err error) bool {
	for _, each := range errors.Errors(err) {
		format, _ := each.Msg()
		return format == "cannot reference optional field: %s"
	}
	return false
}

// vet reports the errors a template has before anything is filled in.
func vet(inst *instance, req *request) (any, error) {
	found := newBlame(inst, filledIn{value: inst.value}, nil)
	found.add(inst.value.Validate(), "")
	return &evaluation{Problems: found.problems}, nil
}

// filledIn is a template with values, and the JSON the positions of each fill lead back to.
type filledIn struct {
	value cue.Value
	files fills
}

// fillIn unifies all fills at once where it can: every unification evaluates the whole template again.
func fillIn(value cue.Value, given []fill) (filledIn, error) {
	files := make(fills, len(given))
	together := &ast.StructLit{}
	var apart []func()
	for i := range given {
		fill := &given[i]
		expr, file, err := expression(fill.Source, fill.Value)
		if err != nil {
			return filledIn{}, err
		}
		path, err := fillPath(fill.Path)
		if err != nil {
			return filledIn{}, fmt.Errorf("fill path %q: %w", fill.Path, err)
		}
		files[file] = fill
		if nested, ok := nest(path, expr); ok {
			together.Elts = append(together.Elts, nested)
		} else {
			apart = append(apart, func() { value = value.FillPath(path, expr) })
		}
	}
	if len(together.Elts) > 0 {
		value = value.FillPath(cue.MakePath(), together)
	}
	for _, fill := range apart {
		fill()
	}
	return filledIn{value, files}, nil
}

// nest writes a value at a path of plain field names as one declaration.
func nest(path cue.Path, expr ast.Expr) (ast.Decl, bool) {
	selectors := path.Selectors()
	if len(selectors) == 0 {
		return nil, false
	}
	var decl *ast.Field
	for i := len(selectors) - 1; i >= 0; i-- {
		if selectors[i].Type() != cue.StringLabel {
			return nil, false
		}
		if decl != nil {
			expr = &ast.StructLit{Elts: []ast.Decl{decl}}
		}
		decl = &ast.Field{Label: ast.NewString(selectors[i].Unquoted()), Value: expr}
	}
	return decl, true
}
