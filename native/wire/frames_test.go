package wire

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestFramesComeBackWhole(t *testing.T) {
	var pipe bytes.Buffer
	out := NewWriter(&pipe)
	for _, body := range []string{"{}", "", strings.Repeat("x", 100_000)} {
		if err := out.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
		got, err := Read(&pipe)
		if err != nil || string(got) != body {
			t.Errorf("got %d bytes, %v; want %d", len(got), err, len(body))
		}
	}
	if _, err := Read(&pipe); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if _, err := Read(strings.NewReader("\xff\xff\xff\xff")); err != errFrameTooLarge {
		t.Errorf("a frame of 4 GiB: %v", err)
	}
}
