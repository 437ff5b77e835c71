package main

import (
	"strconv"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/format"
	"cuelang.org/go/cue/parser"
)

// A span is a range of bytes of a text, its end excluded.
type span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

type outline struct {
	Package string          `json:"package"`
	Imports []outlineImport `json:"imports"`
	Fields  []outlineField  `json:"fields"`
}

// An outlineImport is one import declaration, which may import several packages.
type outlineImport struct {
	span
	Paths []string `json:"paths"`
}

// An outlineField is a field of the top level. Constraint is "?" or "!" where the label carries one.
type outlineField struct {
	Name       string `json:"name"`
	Constraint string `json:"constraint"`
	Label      span   `json:"label"`
	Value      span   `json:"value"`
}

// outlineOf reads the imports and top-level fields of a text without compiling it.
func outlineOf(req *request) (any, error) {
	text := textOf(req)
	file, err := parser.ParseFile(req.Source, text, parser.ParseComments)
	if err != nil {
		return nil, malformed(err, "syntax")
	}
	found := &outline{Package: file.PackageName(), Imports: []outlineImport{}, Fields: []outlineField{}}
	for _, decl := range file.Decls {
		switch x := decl.(type) {
		case *ast.ImportDecl:
			found.Imports = append(found.Imports, importOf(x))
		case *ast.Field:
			name, _, err := ast.LabelName(x.Label)
			if err != nil {
				continue // an interpolated label or a pattern has no name to be found by
			}
			field := outlineField{Name: name, Label: spanOf(x.Label), Value: spanOf(x.Value)}
			if constraint := x.Constraint.String(); constraint == "?" || constraint == "!" {
				field.Constraint = constraint
			}
			found.Fields = append(found.Fields, field)
		}
	}
	return found, nil
}

func importOf(decl *ast.ImportDecl) outlineImport {
	found := outlineImport{span: spanOf(decl), Paths: []string{}}
	for _, spec := range decl.Specs {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			found.Paths = append(found.Paths, path)
		}
	}
	return found
}

func spanOf(node ast.Node) span {
	return span{node.Pos().Offset(), node.End().Offset()}
}

// reformat is the text as `cue fmt` writes it.
func reformat(req *request) (any, error) {
	text := textOf(req)
	// Parsed first, so that errors name the source; the formatter's own do not.
	if _, err := parser.ParseFile(req.Source, text, parser.ParseComments); err != nil {
		return nil, malformed(err, "syntax")
	}
	formatted, err := format.Source([]byte(text))
	if err != nil {
		return nil, malformed(err, "syntax")
	}
	return map[string]string{"text": string(formatted)}, nil
}

func textOf(req *request) string {
	if req.Text == nil {
		return ""
	}
	return *req.Text
}
