package verify

import (
	"reflect"
	"testing"
	"time"
	"unsafe"

	"keyportal/internal/portal"
	"keyportal/internal/secret"
)

// fill sets whatever a value has to something that is not zero.
func fill(v reflect.Value, number *int64) {
	*number++
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(someNow.Add(time.Duration(*number) * time.Second)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), number)
		}
	case reflect.Int64:
		v.SetInt(*number)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString("text " + string(rune('a'+*number)))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), number)
		fill(v.Index(1), number)
	default:
		panic("what is a " + v.Kind().String())
	}
}

func TestASubjectIsRememberedWhole(t *testing.T) {
	var full portal.Subject
	number := int64(0)
	fill(reflect.ValueOf(&full).Elem(), &number)
	by := sent{secret.HashOf("x"), accessToken, 7}
	if got := pack(full, by, full.APISets).unpack(); !reflect.DeepEqual(got, full) {
		t.Errorf("got  %+v\nwant %+v", got, full)
	}
	if got := nobody.unpack(); !reflect.DeepEqual(got, portal.Subject{}) {
		t.Errorf("nobody is %+v", got)
	}
	for _, flag := range []string{"KeyEnabled", "CanImpersonate", "UserEnabled", "UserLocked", "UserExpired", "Member", "Suspended", "LicenseActive"} {
		one := portal.Subject{}
		reflect.ValueOf(&one).Elem().FieldByName(flag).SetBool(true)
		if got := pack(one, sent{}, nil).unpack(); !reflect.DeepEqual(got, one) {
			t.Errorf("with %s alone: %+v", flag, got)
		}
	}
}

func TestARememberedKeyTakesLittleRoom(t *testing.T) {
	if size := unsafe.Sizeof(known{}); size > 192 {
		t.Errorf("it takes %d bytes", size)
	}
}

// A line whose predecessor is not there yet, as another process made that one, is not
// reached: what is current would count as read after a change that is not known.
func TestNoLineIsReachedBeforeThoseThatCameBeforeIt(t *testing.T) {
	m := newMemory(nil, 1, 3, newMetrics(nil))
	user := portal.Revision{ID: 5, Noun: portal.NounUser, NounID: 2}
	k := pack(portal.Subject{Revision: 3, KeyID: 1, UserID: 7}, sent{}, nil)
	if m.note([]portal.Revision{user}); m.reached.Load() != 3 {
		t.Errorf("%d is reached", m.reached.Load())
	}
	if !m.isCurrent(k) {
		t.Fatal("another user's change counts")
	}
	if m.note([]portal.Revision{{ID: 4, Noun: portal.NounKey, NounID: 1}}); m.isCurrent(k) || m.reached.Load() != 4 {
		t.Errorf("the key's change does not count, and %d is reached", m.reached.Load())
	}
	if m.reach(0, 5); m.reached.Load() != 5 {
		t.Errorf("%d is reached", m.reached.Load())
	}
}
