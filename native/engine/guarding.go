package main

import (
	"slices"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/token"
)

// guards are the fields of a struct that are there only for some of what may be given: those inside an `if` or a `for`.
// A default decides a guard as long as nothing else is given, so what a value has at one time tells little of them;
// their text does.
type guards struct {
	names    []string // in the order of the text
	declared map[string][]*ast.Field
	dynamic  bool // some have names that depend on what is given
}

// guardsOf reads what is guarded in a struct, from all texts that it is made of.
func guardsOf(value cue.Value) *guards {
	found := &guards{declared: map[string][]*ast.Field{}}
	for _, literal := range literalsOf(value) {
		found.read(literal.Elts, false)
	}
	return found
}

func (g *guards) read(decls []ast.Decl, guarded bool) {
	for _, decl := range decls {
		switch x := decl.(type) {
		case *ast.Comprehension:
			if inner, ok := x.Value.(*ast.StructLit); ok {
				g.read(inner.Elts, true)
			}
		case *ast.Field:
			if guarded {
				g.add(x)
			}
		case *ast.EmbedDecl:
			if guarded {
				for _, inner := range literalsIn(x.Expr, false, 0) {
					g.read(inner.Elts, true)
				}
			}
		}
	}
}

func (g *guards) add(field *ast.Field) {
	name, isIdentifier, err := ast.LabelName(field.Label)
	switch {
	case err != nil:
		g.dynamic = true
	case isIdentifier && (strings.HasPrefix(name, "#") || strings.HasPrefix(name, "_")):
	default:
		if _, known := g.declared[name]; !known {
			g.names = append(g.names, name)
		}
		g.declared[name] = append(g.declared[name], field)
	}
}

// complete makes fields say only what holds whatever is given, and adds those that are not there as it is.
func (g *guards) complete(fields []*field) []*field {
	for _, name := range g.names {
		index := slices.IndexFunc(fields, func(each *field) bool { return each.Name == name })
		if index < 0 {
			fields = append(fields, &field{Name: name, Marks: map[string]string{}, Optional: true})
			index = len(fields) - 1
		}
		g.loosen(fields[index], g.declared[name])
	}
	return fields
}

func (g *guards) loosen(member *field, declared []*ast.Field) {
	member.Required = false
	kinds := map[string]bool{}
	for _, each := range declared {
		kinds[writtenKind(each.Value)] = true
	}
	if member.Type == "" || len(declared) > 1 {
		member.Type, member.Values, member.Fields, member.Items, member.Choices = "any", nil, nil, nil, nil
		if len(kinds) == 1 {
			member.Type = writtenKind(declared[0].Value)
		}
	}
	if member.Position == nil {
		place := positionOf(declared[0].Pos(), nil)
		member.Position = &place
	}
	if member.Usage == "" {
		var lines []string
		for _, group := range ast.Comments(declared[0]) {
			lines = append(lines, linesOf(group.Text())...)
		}
		member.Usage = usageIn(lines)
	}
}

// literalsOf lists the structs written for a value: its own, and those it is unified with.
func literalsOf(value cue.Value) []*ast.StructLit {
	if op, parts := value.Expr(); op == cue.AndOp {
		var found []*ast.StructLit
		for _, part := range parts {
			found = append(found, literalsOf(part)...)
		}
		return found
	}
	switch source := value.Source().(type) {
	case *ast.Field:
		return literalsIn(source.Value, false, 0)
	case ast.Expr:
		return literalsIn(source, false, 0)
	}
	return nil
}

// writtenKind is the word for the type of an expression, as far as its text alone tells.
func writtenKind(expr ast.Expr) string {
	const unknown = "any"
	switch x := expr.(type) {
	case *ast.Ident:
		if slices.Contains([]string{"string", "bytes", "number", "int", "float", "bool"}, x.Name) && x.Node == nil {
			return x.Name
		}
	case *ast.BasicLit:
		switch x.Kind {
		case token.STRING:
			return "string"
		case token.INT:
			return "int"
		case token.FLOAT:
			return "float"
		case token.TRUE, token.FALSE:
			return "bool"
		}
	case *ast.Interpolation:
		return "string"
	case *ast.ListLit:
		return "list"
	case *ast.StructLit:
		return "struct"
	case *ast.ParenExpr:
		return writtenKind(x.X)
	case *ast.UnaryExpr:
		switch x.Op {
		case token.MUL: // a default
			return writtenKind(x.X)
		case token.MAT, token.NMAT:
			return "string"
		}
	case *ast.BinaryExpr:
		one, other := writtenKind(x.X), writtenKind(x.Y)
		switch {
		case one == other:
			return one
		case x.Op == token.AND && other == unknown:
			return one
		case x.Op == token.AND && one == unknown:
			return other
		}
	}
	return unknown
}
