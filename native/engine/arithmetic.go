package main

import (
	"fmt"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/ast/astutil"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
)

// rewriteListArithmetic turns `a + b` and `a * n` on lists, which the language dropped in 0.11, into calls of
// list.Concat and list.Repeat. An operand counts as a list when it is written as one, or when it names a field
// that this file declares as one. What is rewritten keeps the positions of the original text.
func rewriteListArithmetic(file *ast.File) {
	name := unusedName(file, "list")
	changed := false
	astutil.Apply(file, nil, func(cursor astutil.Cursor) bool {
		binary, ok := cursor.Node().(*ast.BinaryExpr)
		if !ok {
			return true
		}
		if call := listCall(binary, name); call != nil {
			cursor.Replace(call)
			changed = true
		}
		return true
	})
	if changed {
		importList(file, name)
	}
}

// listCall is the call that stands for a list operation, nil when the operation is none.
func listCall(binary *ast.BinaryExpr, name string) ast.Expr {
	at := binary.X.Pos()
	function := func(function string, args ...ast.Expr) ast.Expr {
		return &ast.CallExpr{
			Fun: &ast.SelectorExpr{
				X:   &ast.Ident{NamePos: at, Name: name},
				Sel: &ast.Ident{NamePos: binary.OpPos, Name: function},
			},
			Lparen: binary.OpPos, Args: args, Rparen: binary.End(),
		}
	}
	left, right := isList(binary.X, 0), isList(binary.Y, 0)
	switch {
	case binary.Op == token.ADD && (left || right):
		both := &ast.ListLit{Lbrack: at, Elts: []ast.Expr{binary.X, binary.Y}, Rbrack: binary.End()}
		return function("Concat", both)
	case binary.Op == token.MUL && left:
		return function("Repeat", binary.X, binary.Y)
	case binary.Op == token.MUL && right:
		return function("Repeat", binary.Y, binary.X)
	}
	return nil
}

// deepest bounds how far a reference is followed; a field may refer to itself.
const deepest = 12

// isList tells whether an expression can be seen to be a list without evaluating it.
func isList(expr ast.Node, depth int) bool {
	if depth > deepest {
		return false
	}
	depth++
	switch x := expr.(type) {
	case *ast.ListLit:
		return true
	case *ast.ParenExpr:
		return isList(x.X, depth)
	case *ast.UnaryExpr: // *[] | [...string]
		return x.Op == token.MUL && isList(x.X, depth)
	case *ast.BinaryExpr:
		switch x.Op {
		case token.ADD, token.MUL, token.AND, token.OR:
			return isList(x.X, depth) || isList(x.Y, depth)
		}
	case *ast.CallExpr:
		return givesList(x)
	case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr:
		for _, value := range declared(expr, depth) {
			if isList(value, depth) {
				return true
			}
		}
	}
	return false
}

// listFunctions are the functions of the standard library that return lists.
var listFunctions = map[string]map[string]bool{
	"list": {
		"Concat": true, "Repeat": true, "Drop": true, "Take": true, "Slice": true, "FlattenN": true,
		"Range": true, "Reverse": true, "Sort": true, "SortStable": true, "SortStrings": true,
	},
	"strings": {"Split": true, "SplitN": true, "SplitAfter": true, "SplitAfterN": true, "Fields": true},
	"regexp":  {"FindAll": true, "FindSubmatch": true, "FindAllSubmatch": true},
}

func givesList(call *ast.CallExpr) bool {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := selector.X.(*ast.Ident)
	if !ok {
		return false
	}
	name, _, _ := ast.LabelName(selector.Sel)
	if spec, ok := pkg.Node.(*ast.ImportSpec); ok {
		path, _ := literal.Unquote(spec.Path.Value)
		return listFunctions[path][name]
	}
	return pkg.Node == nil && (name == "Concat" || name == "Repeat") // a call written by listCall
}

// declared lists the expressions a reference may stand for, as this file declares them.
func declared(reference ast.Node, depth int) []ast.Node {
	if depth > deepest {
		return nil
	}
	depth++
	switch x := reference.(type) {
	case *ast.Ident:
		return bindings(x, depth)
	case *ast.SelectorExpr:
		name, _, err := ast.LabelName(x.Sel)
		if err != nil {
			return nil
		}
		return members(x.X, name, depth)
	case *ast.IndexExpr:
		if key, ok := x.Index.(*ast.BasicLit); ok && key.Kind == token.STRING {
			if name, err := literal.Unquote(key.Value); err == nil {
				return members(x.X, name, depth)
			}
		}
	}
	return nil
}

// bindings lists what an identifier is bound to: every declaration of a field of this name in its scope.
func bindings(ident *ast.Ident, depth int) []ast.Node {
	switch node := ident.Node.(type) {
	case nil, *ast.ImportSpec:
		return nil
	case *ast.LetClause:
		return []ast.Node{node.Expr}
	case *ast.Alias:
		return []ast.Node{node.Expr}
	case *ast.Field:
		return []ast.Node{node.Value}
	default:
		switch scope := ident.Scope.(type) {
		case *ast.File:
			return fieldsNamed(scope.Decls, ident.Name)
		case *ast.StructLit:
			return fieldsNamed(scope.Elts, ident.Name)
		case *ast.ForClause:
			if scope.Value != node {
				return nil // the key
			}
			return items(scope.Source, depth)
		}
		return []ast.Node{node}
	}
}

// items lists what an expression may have as items of a list or as values of a map.
func items(expr ast.Node, depth int) []ast.Node {
	if depth > deepest {
		return nil
	}
	depth++
	var found []ast.Node
	switch x := expr.(type) {
	case *ast.ListLit:
		for _, item := range x.Elts {
			if rest, ok := item.(*ast.Ellipsis); ok {
				item = rest.Type
			}
			if item != nil {
				found = append(found, item)
			}
		}
	case *ast.StructLit:
		for _, decl := range x.Elts {
			if field, ok := decl.(*ast.Field); ok {
				found = append(found, field.Value)
			}
		}
	case *ast.ParenExpr:
		return items(x.X, depth)
	case *ast.UnaryExpr:
		return items(x.X, depth)
	case *ast.BinaryExpr:
		return append(items(x.X, depth), items(x.Y, depth)...)
	case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr:
		for _, value := range declared(expr, depth) {
			found = append(found, items(value, depth)...)
		}
	}
	return found
}

// members lists the declarations of a field of what an expression stands for.
func members(expr ast.Node, name string, depth int) []ast.Node {
	var found []ast.Node
	for _, literal := range literalsIn(expr, true, depth) {
		found = append(found, fieldsNamed(literal.Elts, name)...)
	}
	return found
}

// literalsIn lists the struct literals that an expression stands for, those of alternatives if they are wanted.
func literalsIn(expr ast.Node, alternatives bool, depth int) []*ast.StructLit {
	if depth > deepest {
		return nil
	}
	depth++
	var found []*ast.StructLit
	switch x := expr.(type) {
	case *ast.StructLit:
		return []*ast.StructLit{x}
	case *ast.ParenExpr:
		return literalsIn(x.X, alternatives, depth)
	case *ast.BinaryExpr: // #A & {...}, {...} | {...}
		if x.Op == token.AND || alternatives {
			return append(literalsIn(x.X, alternatives, depth), literalsIn(x.Y, alternatives, depth)...)
		}
	case *ast.UnaryExpr:
		return literalsIn(x.X, alternatives, depth)
	case *ast.CallExpr: // close({...})
		for _, arg := range x.Args {
			found = append(found, literalsIn(arg, alternatives, depth)...)
		}
	case *ast.Ident, *ast.SelectorExpr, *ast.IndexExpr:
		for _, value := range declared(expr, depth) {
			found = append(found, literalsIn(value, alternatives, depth)...)
		}
	}
	return found
}

func fieldsNamed(decls []ast.Decl, name string) []ast.Node {
	var found []ast.Node
	for _, decl := range decls {
		switch x := decl.(type) {
		case *ast.Field:
			if label, _, err := ast.LabelName(x.Label); err == nil && label == name {
				found = append(found, x.Value)
			}
		case *ast.Comprehension:
			if guarded, ok := x.Value.(*ast.StructLit); ok {
				found = append(found, fieldsNamed(guarded.Elts, name)...)
			}
		case *ast.EmbedDecl:
			if embedded, ok := x.Expr.(*ast.StructLit); ok {
				found = append(found, fieldsNamed(embedded.Elts, name)...)
			}
		}
	}
	return found
}

// unusedName is a name no identifier of the file has.
func unusedName(file *ast.File, stem string) string {
	taken := map[string]bool{}
	ast.Walk(file, func(node ast.Node) bool {
		if ident, ok := node.(*ast.Ident); ok {
			taken[ident.Name] = true
		}
		return true
	}, nil)
	for number := 0; ; number++ {
		if name := fmt.Sprintf("%s%d", stem, number); !taken[name] {
			return name
		}
	}
}

// importList imports the list package under a name and resolves the calls to it.
func importList(file *ast.File, name string) {
	spec := ast.NewImport(ast.NewIdent(name), "list")
	at := 0
	for at < len(file.Decls) {
		if _, ok := file.Decls[at].(*ast.Package); ok {
			at++
			break
		}
		if _, ok := file.Decls[at].(*ast.CommentGroup); !ok {
			at = 0
			break
		}
		at++
	}
	if at == len(file.Decls) {
		at = 0
	}
	decls := append([]ast.Decl{}, file.Decls[:at]...)
	decls = append(decls, &ast.ImportDecl{Specs: []*ast.ImportSpec{spec}})
	file.Decls = append(decls, file.Decls[at:]...)
	astutil.Resolve(file, func(token.Pos, string, ...any) {})
}
