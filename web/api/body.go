package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// strictJSON takes bodies as the document describes them and no others. The library and
// encoding/json alone would take NAME for name, null for whatever can be left out (and
// so clear it, or ask for all), and make something of bytes that are no UTF-8.
var strictJSON = huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: readStrictly}

func init() { huma.ValidateStrictCasing = true }

func readStrictly(text []byte, into any) error {
	if !utf8.Valid(text) {
		return errors.New("it is not UTF-8")
	}
	if err := json.Unmarshal(text, into); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Errorf("%s can't be this %s", wrong.Field, wrong.Value)
		}
		return err
	}
	return refuseNulls(text, reflect.TypeOf(into))
}

// nullable are the types of fields that null is a value of.
var nullable = []reflect.Type{
	reflect.TypeFor[instant](), reflect.TypeFor[optional[instant]](), reflect.TypeFor[rateLimit](), reflect.TypeFor[optional[rateLimit]](),
}

// refuseNulls refuses null in the fields of a struct that it is no value of.
func refuseNulls(text []byte, of reflect.Type) error {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct {
		return nil
	}
	var sent map[string]json.RawMessage
	if err := json.Unmarshal(text, &sent); err != nil {
		return err
	}
	for _, field := range reflect.VisibleFields(of) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if bytes.Equal(sent[name], []byte("null")) && !slices.Contains(nullable, field.Type) {
			return fmt.Errorf("%s can't be null: send a value, or leave it out", name)
		}
	}
	return nil
}
