package main

import (
	"container/list"
	"runtime"
	"sync"
)

// mostText bounds the text of all kept templates: compiled it takes some two hundred times its size.
const mostText = 512 << 10

// cache keeps compiled templates by the key their sender gave them, the least recently used going first.
type cache struct {
	lock    sync.Mutex
	limit   int
	text    int // bytes of all kept
	entries map[string]*list.Element
	order   *list.List // front: most recently used; values are *template
}

func newCache(limit int) *cache {
	return &cache{limit: limit, entries: map[string]*list.Element{}, order: list.New()}
}

// find returns the template of a request, new if the request brings its text.
func (c *cache) find(req *request) (*template, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if element, ok := c.entries[req.Key]; ok {
		c.order.MoveToFront(element)
		return element.Value.(*template), nil
	}
	if req.Text == nil {
		return nil, &failure{Kind: "key", Message: "no template of this key"}
	}
	tmpl := &template{
		key: req.Key, text: *req.Text, source: req.Source, packages: req.Packages,
		idle: make(chan *instance, runtime.GOMAXPROCS(0)),
	}
	c.entries[req.Key] = c.order.PushFront(tmpl)
	c.text += tmpl.size()
	for c.order.Len() > 1 && (c.order.Len() > c.limit || c.text > mostText) {
		c.remove(c.order.Back())
	}
	return tmpl, nil
}

// drop forgets a template; requests that hold it finish with it.
func (c *cache) drop(key string) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if element, ok := c.entries[key]; ok {
		c.remove(element)
	}
}

func (c *cache) remove(element *list.Element) {
	tmpl := c.order.Remove(element).(*template)
	delete(c.entries, tmpl.key)
	c.text -= tmpl.size()
}
