// Package wire is how the native programs that answer questions are spoken to: frames on standard input and output.
package wire

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// largestFrame bounds what one request may make us allocate before it is even parsed.
const largestFrame = 256 << 20

var errFrameTooLarge = errors.New("frame larger than 256 MiB")

// Read reads one message: its length as four little-endian bytes, then that many bytes.
func Read(in io.Reader) ([]byte, error) {
	var header [4]byte
	if _, err := io.ReadFull(in, header[:]); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(header[:])
	if size > largestFrame {
		return nil, errFrameTooLarge
	}
	body := make([]byte, size)
	_, err := io.ReadFull(in, body)
	return body, err
}

// Writer writes whole messages from many goroutines.
type Writer struct {
	lock sync.Mutex
	out  io.Writer
}

// NewWriter writes to out, which nobody else is to write to.
func NewWriter(out io.Writer) *Writer {
	return &Writer{out: out}
}

// Write sends one message in one write, so that a reader never waits for half of it.
func (w *Writer) Write(body []byte) error {
	frame := make([]byte, 4, 4+len(body))
	binary.LittleEndian.PutUint32(frame, uint32(len(body)))
	frame = append(frame, body...)
	w.lock.Lock()
	defer w.lock.Unlock()
	_, err := w.out.Write(frame)
	return err
}
