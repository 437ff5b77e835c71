package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/token"
)

// A document turns JSON into a CUE expression whose every node knows its place in the JSON.
//
// CUE's own reader parses JSON as CUE; this one is several times faster, and keeps field order, which Go maps would not.
type document struct {
	text  []byte
	at    int
	file  *token.File
	paths map[int]string // offset of a value or key -> its field path; nil unless asked for
	where []string
}

// expression reads JSON that is known to be valid (it came inside a valid frame).
func expression(source string, text []byte) (ast.Expr, *token.File, error) {
	doc := &document{text: text, file: token.NewFile(source, -1, len(text)+1)}
	doc.file.SetLinesForContent(text)
	expr, err := doc.value()
	return expr, doc.file, err
}

// pathAt names the value whose key or text begins at an offset of the JSON.
func pathAt(text []byte, offset int) string {
	doc := &document{text: text, file: token.NewFile("", -1, len(text)+1), paths: map[int]string{}}
	if _, err := doc.value(); err != nil {
		return ""
	}
	return doc.paths[offset]
}

func (d *document) value() (ast.Expr, error) {
	d.space()
	d.note()
	switch pos := d.pos(); d.peek() {
	case '{':
		return d.object(pos)
	case '[':
		return d.array(pos)
	case '"':
		return d.str(pos)
	case 't':
		return d.word(pos, "true", token.TRUE)
	case 'f':
		return d.word(pos, "false", token.FALSE)
	case 'n':
		return d.word(pos, "null", token.NULL)
	default:
		return d.number(pos)
	}
}

func (d *document) object(pos token.Pos) (ast.Expr, error) {
	object := &ast.StructLit{Lbrace: pos}
	for d.at++; ; {
		d.space()
		switch d.peek() {
		case '}':
			object.Rbrace = d.pos()
			d.at++
			return object, nil
		case ',':
			d.at++
			continue
		}
		start := d.at
		label, err := d.str(d.pos())
		if err != nil {
			return nil, err
		}
		d.enter(label)
		d.noteAt(start)
		d.space()
		d.at++ // the colon
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		d.leave()
		object.Elts = append(object.Elts, &ast.Field{Label: label, Value: value})
	}
}

func (d *document) array(pos token.Pos) (ast.Expr, error) {
	array := &ast.ListLit{Lbrack: pos}
	for d.at++; ; {
		d.space()
		switch d.peek() {
		case ']':
			array.Rbrack = d.pos()
			d.at++
			return array, nil
		case ',':
			d.at++
			continue
		}
		d.enterIndex(len(array.Elts))
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		d.leave()
		array.Elts = append(array.Elts, value)
	}
}

// str reads a string. Without escapes JSON and CUE write it alike, so the bytes serve as they are.
func (d *document) str(pos token.Pos) (*ast.BasicLit, error) {
	start, escaped := d.at, false
	if d.peek() != '"' {
		return nil, d.unexpected()
	}
	for d.at++; d.peek() != '"'; d.at++ {
		if d.at >= len(d.text) {
			return nil, d.unexpected()
		}
		if d.text[d.at] == '\\' {
			escaped = true
			d.at++
		}
	}
	d.at++
	quoted := string(d.text[start:d.at])
	if escaped {
		var plain string
		if err := json.Unmarshal(d.text[start:d.at], &plain); err != nil {
			return nil, err
		}
		quoted = literal.String.Quote(plain)
	}
	return &ast.BasicLit{ValuePos: pos, Kind: token.STRING, Value: quoted}, nil
}

func (d *document) word(pos token.Pos, text string, kind token.Token) (ast.Expr, error) {
	d.at += len(text)
	return &ast.BasicLit{ValuePos: pos, Kind: kind, Value: text}, nil
}

func (d *document) number(pos token.Pos) (ast.Expr, error) {
	start := d.at
	for d.at < len(d.text) && strings.IndexByte("+-.eE0123456789", d.text[d.at]) >= 0 {
		d.at++
	}
	if d.at == start {
		return nil, d.unexpected()
	}
	digits := string(d.text[start:d.at])
	negative := digits[0] == '-'
	digits = strings.TrimPrefix(digits, "-")
	kind := token.INT
	if strings.ContainsAny(digits, ".eE") {
		kind = token.FLOAT
	}
	number := &ast.BasicLit{ValuePos: pos, Kind: kind, Value: digits}
	if negative {
		return &ast.UnaryExpr{OpPos: pos, Op: token.SUB, X: number}, nil
	}
	return number, nil
}

func (d *document) peek() byte {
	if d.at < len(d.text) {
		return d.text[d.at]
	}
	return 0
}

func (d *document) space() {
	for d.at < len(d.text) && d.text[d.at] <= ' ' {
		d.at++
	}
}

func (d *document) pos() token.Pos { return d.file.Pos(d.at, token.NoRelPos) }

func (d *document) unexpected() error { return fmt.Errorf("not JSON at byte %d", d.at) }

func (d *document) note() { d.noteAt(d.at) }

func (d *document) noteAt(offset int) {
	if d.paths != nil {
		d.paths[offset] = joinPath(d.where)
	}
}

func (d *document) enter(label *ast.BasicLit) {
	if d.paths != nil {
		d.where = append(d.where, label.Value)
	}
}

func (d *document) enterIndex(index int) {
	if d.paths != nil {
		d.where = append(d.where, fmt.Sprint(index))
	}
}

func (d *document) leave() {
	if d.paths != nil {
		d.where = d.where[:len(d.where)-1]
	}
}
