package main

import (
	"regexp"
	"strings"

	"cuelang.org/go/cue"
	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
)

// fillPath reads a path as CUE writes it. Unlike cue.ParsePath it knows the hidden fields of a template.
func fillPath(text string) (cue.Path, error) {
	path := cue.ParsePath(text)
	if path.Err() == nil {
		return path, nil
	}
	expr, err := parser.ParseExpr("path", text)
	if err != nil {
		return path, path.Err()
	}
	path = cue.MakePath(selectorsOf(expr)...)
	return path, path.Err()
}

// selectorsOf is the path an expression such as a._b["c"][0] writes.
func selectorsOf(expr ast.Expr) []cue.Selector {
	switch x := expr.(type) {
	case *ast.SelectorExpr:
		return append(selectorsOf(x.X), selectorOf(x.Sel))
	case *ast.IndexExpr:
		if label, ok := x.Index.(ast.Label); ok {
			return append(selectorsOf(x.X), selectorOf(label))
		}
	case ast.Label:
		return []cue.Selector{selectorOf(x)}
	}
	return []cue.Selector{cue.Label(nil)} // carries the error
}

func selectorOf(label ast.Label) cue.Selector {
	if ident, ok := label.(*ast.Ident); ok && strings.HasPrefix(ident.Name, "_") {
		return cue.Hid(ident.Name, "_")
	}
	return cue.Label(label)
}

var plainPart = regexp.MustCompile(`^[\p{L}\p{N}_$#-]+$`)

// joinPath writes the parts of a CUE path (a, 0, "a.b/c") as Kubernetes does: a[0]["a.b/c"].
func joinPath(parts []string) string {
	var text strings.Builder
	for _, part := range parts {
		switch {
		case isIndex(part):
			text.WriteString("[" + part + "]")
		default:
			name := part
			if strings.HasPrefix(part, `"`) {
				if plain, err := literal.Unquote(part); err == nil {
					name = plain
				}
			}
			appendName(&text, name)
		}
	}
	return text.String()
}

func appendName(text *strings.Builder, name string) {
	if !plainPart.MatchString(name) {
		text.WriteString(`["` + strings.ReplaceAll(name, `"`, `\"`) + `"]`)
		return
	}
	if text.Len() > 0 {
		text.WriteByte('.')
	}
	text.WriteString(name)
}

func isIndex(part string) bool {
	return part != "" && strings.Trim(part, "0123456789") == ""
}
