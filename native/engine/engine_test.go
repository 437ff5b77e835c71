package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"lateen.dev/native/wire"
)

func TestServerAnswersEveryRequestByItsID(t *testing.T) {
	in, requests := io.Pipe()
	answers, out := io.Pipe()
	go func() { _ = newServer(4, out).serve(in) }()
	sent := []string{
		`{"id":1,"verb":"evaluate","key":"a","text":"x: 1","source":"t","paths":["x"]}`,
		`{"id":2,"verb":"evaluate","key":"b"}`,
		`{"id":3,"verb":"dance","key":"a"}`,
		`{"id":4,"verb":"compile","key":"c","text":"x: ]","source":"t"}`,
	}
	wanted := map[int64]string{1: "", 2: "key", 3: "request", 4: "template"}
	go func() {
		writer := wire.NewWriter(requests)
		for _, request := range sent {
			_ = writer.Write([]byte(request))
		}
	}()
	for range sent {
		body, err := wire.Read(answers)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			ID    int64
			Error *failure
		}
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		kind := ""
		if got.Error != nil {
			kind = got.Error.Kind
		}
		if kind != wanted[got.ID] {
			t.Errorf("request %d: got %q, want %q", got.ID, kind, wanted[got.ID])
		}
	}
}

func TestPathAt(t *testing.T) {
	text := `{"a": [1, {"b.c": "\"x"}], "d": -2}`
	for part, path := range map[string]string{
		`{"a"`: "", `"a"`: "a", `[1`: "a", `1,`: "a[0]", `"b.c"`: `a[1]["b.c"]`, `"\"x`: `a[1]["b.c"]`, `"d"`: "d", `-2`: "d",
	} {
		if got := pathAt([]byte(text), strings.Index(text, part)); got != path {
			t.Errorf("at %s: got %q, want %q", part, got, path)
		}
	}
}

func TestExpressionRefusesWhatIsNoJSON(t *testing.T) {
	for _, text := range []string{"", "{", `{"a"`, `{"a":`, "[", "[1", `"a`, `"a\`, "{1:2}", "?"} {
		if expr, _, err := expression("t", []byte(text)); err == nil {
			t.Errorf("%q gave %v", text, expr)
		}
	}
}

func TestCacheForgetsTheLeastRecentlyUsed(t *testing.T) {
	kept := newCache(2)
	ask := func(key string, text *string) error {
		_, err := kept.find(&request{Key: key, Text: text})
		return err
	}
	text, large := "x: 1", strings.Repeat(" ", mostText)
	for _, key := range []string{"a", "b"} {
		_ = ask(key, &text)
	}
	_ = ask("a", nil)
	_ = ask("c", &text)
	if ask("a", nil) != nil || ask("b", nil) == nil || ask("c", nil) != nil {
		t.Error("b was used least recently")
	}
	_ = ask("large", &large)
	if ask("large", nil) != nil || ask("a", nil) == nil || ask("c", nil) == nil {
		t.Error("a text as large as the limit leaves room for no other")
	}
	kept.drop("large")
	if kept.text != 0 || kept.order.Len() != 0 {
		t.Errorf("%d bytes of %d templates left", kept.text, kept.order.Len())
	}
}

func TestInstancesAreRetired(t *testing.T) {
	tmpl := newTemplate("x: 1")
	first, err := tmpl.take()
	if err != nil {
		t.Fatal(err)
	}
	tmpl.give(first)
	if again, _ := tmpl.take(); again != first {
		t.Error("an idle instance is used again")
	}
	first.uses = retireAfter - 1
	tmpl.give(first)
	if other, _ := tmpl.take(); other == first {
		t.Error("an instance is retired in the end")
	}
}

func TestJoinPath(t *testing.T) {
	for want, parts := range map[string][]string{
		"":                     nil,
		`a[0].b["c.d/e"]`:      {"a", "0", "b", `"c.d/e"`},
		`a.0`:                  {"a", `"0"`},
		`#D.$x["say \"hi\""]`:  {"#D", "$x", `"say \"hi\""`},
		"labels.app-component": {"labels", `"app-component"`},
	} {
		if got := joinPath(parts); got != want {
			t.Errorf("%q: got %s, want %s", parts, got, want)
		}
	}
}

func Example_against() {
	fmt.Println(against([][2]string{{"c", "a"}, {"b", "c"}}, "c"))
	fmt.Println(against([][2]string{{"c", "a"}, {"b", "d"}}, "c"))
	// Output:
	// [a b]
	// []
}
