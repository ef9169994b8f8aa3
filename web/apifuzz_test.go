package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
	"keyportal/web/api"
)

// moreWorlds is the variable with which the API is sent more than usual: for how many
// installations on each engine.
const moreWorlds = "KEYPORTAL_TEST_API_WORLDS"

const (
	usualWorlds = 4
	mostSent    = 500 // in one world
)

// Whatever is sent, good or broken, as a super admin's key or a member's, is answered as
// the document says, and never with a fault of the portal's own. A world is a new
// installation, and its number the seed of all chance in it.
func TestTheAPIAnswersWhateverIsSentAsItsDocumentSays(t *testing.T) {
	described := describedAPI(t)
	worlds, err := strconv.Atoi(os.Getenv(moreWorlds))
	if err != nil {
		worlds = usualWorlds
	}
	for engine, open := range map[string]func(testing.TB) *store.Store{storetest.SQLiteEngine: storetest.SQLite, "postgres": storetest.Postgres} {
		t.Run(engine, func(t *testing.T) {
			sent, done := 0, map[string]int{}
			for seed := range worlds {
				t.Run(strconv.Itoa(seed), func(t *testing.T) {
					w := newWorld(t, open(t), described, uint64(seed))
					w.run()
					sent += w.sent
					for id, times := range w.done {
						done[id] += times
					}
				})
			}
			t.Logf("%d requests; %d of %d operations were done, %d times in all", sent, len(done), len(described.operations), total(done))
			unseen := slices.DeleteFunc(slices.Clone(described.operations), func(op describedOperation) bool { return done[op.id] > 0 })
			if len(unseen) > 0 && worlds >= usualWorlds {
				t.Errorf("only refusals were seen of %q", unseen)
			}
		})
	}
}

func total(counts map[string]int) (sum int) {
	for _, count := range counts {
		sum += count
	}
	return sum
}

// object is one of JSON.
type object = map[string]any

// describedOperation is what the document says of an operation.
type describedOperation struct {
	id, method, path string
	parameters       []object
	body             object                     // its schema; nil for none
	wanted           *jsonschema.Schema         // of the body
	answers          map[int]*jsonschema.Schema // of the body; nil for one without
	types            map[int]string
}

// String gives the operation's name.
func (op describedOperation) String() string { return op.id }

// description is the document in the form in which it is held against what happens.
type description struct {
	schemas    object
	operations []describedOperation
	problem    *jsonschema.Schema
}

// describedAPI reads the document.
func describedAPI(t *testing.T) *description {
	t.Helper()
	text, err := api.New(api.Options{}).Document("")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", tree); err != nil {
		t.Fatal(err)
	}
	d := &description{schemas: tree.(object)["components"].(object)["schemas"].(object), problem: compiler.MustCompile("openapi.json#/components/schemas/Problem")}
	paths := tree.(object)["paths"].(object)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		for _, method := range slices.Sorted(maps.Keys(paths[path].(object))) {
			op := paths[path].(object)[method].(object)
			described := describedOperation{
				id: op["operationId"].(string), method: strings.ToUpper(method), path: path, answers: map[int]*jsonschema.Schema{}, types: map[int]string{},
			}
			for _, parameter := range listed(op["parameters"]) {
				described.parameters = append(described.parameters, parameter.(object))
			}
			if body, has := op["requestBody"].(object); has {
				described.body = body["content"].(object)["application/json"].(object)["schema"].(object)
				described.wanted = compiler.MustCompile("openapi.json" + described.body["$ref"].(string))
			}
			at := "openapi.json#/paths/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(path) + "/" + method + "/responses/"
			for code, answer := range op["responses"].(object) {
				status, err := strconv.Atoi(code)
				if err != nil {
					t.Fatal(err)
				}
				described.answers[status] = nil
				content, _ := answer.(object)["content"].(object)
				for contentType := range content {
					described.types[status] = contentType
					described.answers[status] = compiler.MustCompile(at + code + "/content/" + strings.ReplaceAll(contentType, "/", "~1") + "/schema")
				}
			}
			d.operations = append(d.operations, described)
		}
	}
	return d
}

func listed(value any) []any {
	list, _ := value.([]any)
	return list
}

// world is an installation that is sent things to.
type world struct {
	*running
	*description
	random *rand.Rand
	keys   []string           // a super admin's and a member's
	ids    map[string][]int64 // what there is, by the name of the field that names it
	last   map[string]int64   // what was spoken of last, so that more than one thing is done to it
	sent   int
	done   map[string]int // how often each operation was done
	over   bool           // one of the keys is refused
}

// newWorld makes an installation with some of everything.
func newWorld(t *testing.T, s *store.Store, d *description, seed uint64) *world {
	t.Helper()
	w := &world{running: startPortalOn(t, s), description: d, random: rand.New(rand.NewPCG(seed, 815)), done: map[string]int{}, last: map[string]int64{}}
	ctx := portal.WithActor(t.Context(), portal.Program("test"))
	if err := w.Manager.EnsurePortalAPI(ctx); err != nil {
		t.Fatal(err)
	}
	sets, err := s.APISets(ctx)
	if err != nil {
		t.Fatal(err)
	}
	role := storetest.Role(t, s, portal.Organization{}, []portal.Authority{portal.ManageUserAPIKey, portal.RequestAPIKeys}, sets...)
	member := storetest.User(t, s)
	membership := storetest.Member(t, s, w.Organization, member, role)
	own := storetest.Organization(t, s)
	for _, of := range []portal.Membership{storetest.Member(t, s, own, storetest.SuperAdmin(t, s), role), membership} {
		_, value := storetest.Key(t, s, of, func(k *portal.Key) { k.APISets, k.CanImpersonate, k.ExpiresAt = sets, true, time.Time{} })
		w.keys = append(w.keys, value.Reveal())
	}
	w.ids = map[string][]int64{
		"orgId": {w.Organization.ID, w.Other.ID}, "userId": {w.Admin.ID, w.Member.ID, w.Colleague.ID, w.Nobody.ID, w.Stranger.ID}, "roleId": {w.Role.ID},
		"levelId": {1, 2, 3}, "licenseId": {w.License.ID}, "instanceId": {w.Instance.ID}, "applicationId": {w.Application.ID, 1, 2}, "keyId": {w.Key.ID},
		"orgUserId": {membership.ID}, "groupId": {storetest.Group(t, s, w.Organization, nil, w.Role)}, "apiSetId": {sets[0].ID},
	}
	for range 2 {
		license := storetest.License(t, s, w.Organization)
		w.ids["licenseId"] = append(w.ids["licenseId"], license.ID)
		w.ids["instanceId"] = append(w.ids["instanceId"], storetest.Instance(t, s, license).ID)
		key, _ := storetest.Key(t, s, membership, func(k *portal.Key) { k.APISets = sets[:1] })
		w.ids["keyId"] = append(w.ids["keyId"], key.ID)
	}
	return w
}

// run sends each operation some requests in turn, until enough was sent or a key of the
// world's own is refused: chance had it disabled, or what it hangs on.
func (w *world) run() {
	for range 5 { // chance alone seldom comes upon a request to decide, and a rotation to take back
		for _, id := range []string{"createRequest", "rotateApiKey", "cancelApiKeyRotation"} {
			w.send(w.operation(id), true)
		}
	}
	for !w.over && w.sent < mostSent && !w.t.Failed() {
		for _, i := range w.random.Perm(len(w.operations)) {
			if !w.over {
				w.send(w.operations[i], w.random.IntN(3) > 0)
			}
		}
	}
	if log := w.Log.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "panic") {
		w.t.Errorf("the log tells of a fault: %s", log[strings.Index(log, "level=ERROR"):])
	}
}

// operation gives an operation by its name.
func (d *description) operation(id string) describedOperation {
	return d.operations[slices.IndexFunc(d.operations, func(op describedOperation) bool { return op.id == id })]
}

// question is a request in the making.
type question struct {
	path, query url.Values
	header      http.Header
	body        object
	raw         []byte // in place of the body
	brokenOff   bool
	lost        bool // it may have another address than the operation's
	target      string
}

// send asks for an operation once, and holds the answer against the document.
func (w *world) send(op describedOperation, good bool) {
	q := w.questionFor(op)
	if !good {
		for range 1 + w.random.IntN(2) {
			breakages[w.random.IntN(len(breakages))](w, op, q)
		}
	}
	asSuperAdmin := w.random.IntN(4) > 0 && !(good && slices.Contains(membersOwn, op.id))
	r := w.requestOf(op, q, asSuperAdmin)
	if r == nil {
		return
	}
	w.sent++
	recorder := httptest.NewRecorder()
	w.Handler.ServeHTTP(recorder, r)
	answer := recorder.Result()
	body := recorder.Body.Bytes()
	if fault := w.faultOf(op, q, answer, body); fault != "" {
		w.t.Errorf("%s (super admin: %t): %s %s %v %.2000q\nis answered %d %.2000s\n%s", op.id, asSuperAdmin, r.Method, q.target, q.header, q.raw, answer.StatusCode, body, fault)
	}
	w.learn(op, answer, body)
}

// faultOf tells what is wrong with an answer; empty for nothing.
func (w *world) faultOf(op describedOperation, q *question, answer *http.Response, body []byte) string {
	schema, known := op.answers[answer.StatusCode]
	contentType := op.types[answer.StatusCode]
	if q.lost && (answer.StatusCode == http.StatusMethodNotAllowed || answer.StatusCode == http.StatusNotFound) {
		schema, known, contentType = w.problem, true, "application/problem+json"
	}
	switch {
	case answer.StatusCode >= http.StatusInternalServerError:
		return "that is a fault of the portal's own"
	case q.lost && answer.StatusCode < http.StatusMultipleChoices:
		return ""
	case !known:
		return "the document does not say that the operation ends so"
	case answer.Header.Get("Content-Type") != contentType:
		return "its media type is " + answer.Header.Get("Content-Type")
	case schema == nil && len(body) > 0:
		return "it has a body"
	case schema == nil:
		return ""
	}
	if op.wanted != nil && len(q.raw) > 0 && answer.StatusCode < http.StatusMultipleChoices {
		if err := validate(op.wanted, q.raw); err != nil {
			return "the document does not allow what was taken: " + err.Error()
		}
	}
	if err := validate(schema, body); err != nil {
		return "the body is not as the document says: " + err.Error()
	}
	return ""
}

func validate(schema *jsonschema.Schema, text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// learn takes note of what there is now, and of the end of the world.
func (w *world) learn(op describedOperation, answer *http.Response, body []byte) {
	var told struct{ Code portal.CheckCode }
	if answer.StatusCode >= http.StatusUnauthorized && json.Unmarshal(body, &told) == nil && slices.Contains(portal.CheckCodes, told.Code) && told.Code != portal.CheckImpersonationNotAllowed {
		w.over = true
		w.t.Logf("after %d requests: %s %s", w.sent, op.id, body)
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return
	}
	w.done[op.id]++
	if op.id == "suspendOrganization" && w.Manager.ReactivateOrganization(portal.WithActor(w.t.Context(), portal.Program("test")), w.Organization.ID) != nil {
		w.over = true
	}
	var made struct{ ID int64 }
	name, is := creations[op.id]
	if is && answer.StatusCode == http.StatusCreated && json.Unmarshal(body, &made) == nil {
		w.ids[name] = append(w.ids[name], made.ID)
	}
	if op.id == "getMembership" && json.Unmarshal(body, &made) == nil {
		w.ids["orgUserId"] = append(w.ids["orgUserId"], made.ID)
	}
}

// membersOwn has the operations that support leaves to who asks for a key.
var membersOwn = []string{"createRequest", "answerRequest"}

// creations has the name of the field that names what an operation makes.
var creations = map[string]string{
	"createApiKey": "keyId", "createApiSet": "apiSetId", "createApplication": "applicationId", "createGroup": "groupId", "createInstance": "instanceId", "createLevel": "levelId",
	"createLicense": "licenseId", "createOrganization": "orgId", "createRequest": "requestId", "createRole": "roleId", "createUser": "userId",
}

// questionFor makes a request as the document asks for it.
func (w *world) questionFor(op describedOperation) *question {
	q := &question{path: url.Values{}, query: url.Values{}, header: http.Header{}}
	for _, parameter := range op.parameters {
		name := parameter["name"].(string)
		value := fmt.Sprint(w.valid(name, parameter["schema"].(object)))
		switch parameter["in"] {
		case "path":
			q.path.Set(name, value)
		case "query":
			if w.random.IntN(4) == 0 && name != "cursor" {
				q.query.Set(name, value)
			}
		case "header":
			if value = w.pick(headers[name]...); w.random.IntN(4) == 0 {
				q.header.Set(name, value)
			}
		}
	}
	if op.body != nil {
		q.body, _ = w.valid(op.id, op.body).(object)
		q.header.Set("Content-Type", "application/json")
	}
	return q
}

// headers has what goes into a header that is well formed.
var headers = map[string][]string{
	"If-Match":        {`"1"`, `"2"`, "*", `"1", "2"`, `W/"1"`, `"nothing"`},
	"Idempotency-Key": {"one", "two", "8e03978e-40d5-43e8-bc93-6894a57f9324"},
}

func (w *world) pick(from ...string) string { return from[w.random.IntN(len(from))] }

// valid makes a value that a schema allows, mostly one that means something.
func (w *world) valid(name string, schema object) any {
	if ref, is := schema["$ref"].(string); is {
		return w.valid(name, w.schemas[ref[strings.LastIndexByte(ref, '/')+1:]].(object))
	}
	if options, is := schema["enum"].([]any); is {
		return options[w.random.IntN(len(options))]
	}
	kind := schema["type"]
	if kinds, is := kind.([]any); is {
		kind = kinds[w.random.IntN(len(kinds))]
	}
	switch kind {
	case "object":
		return w.validObject(name, schema)
	case "array":
		list := make([]any, w.random.IntN(3))
		for i := range list {
			list[i] = w.valid(strings.TrimSuffix(name, "s"), schema["items"].(object))
		}
		return list
	case "integer":
		return w.validInteger(name, schema)
	case "boolean":
		return w.random.IntN(3) == 0
	case "string":
		return w.validText(name, schema)
	}
	return nil
}

func (w *world) validObject(name string, schema object) object {
	properties, required := schema["properties"].(object), listed(schema["required"])
	out := object{}
	for _, property := range slices.Sorted(maps.Keys(properties)) {
		if slices.Contains(required, any(property)) || w.random.IntN(2) == 0 {
			if property == "name" && name == "createInstance" {
				property, out["name"] = "", w.instanceName()
				continue
			}
			out[property] = w.valid(property, properties[property].(object))
		}
	}
	return out
}

// sameAs has what else the IDs of a thing are called.
var sameAs = map[string]string{"memberId": "userId", "requesterId": "userId", "assigneeId": "userId", "nounId": "keyId"}

func (w *world) validInteger(name string, schema object) any {
	if other, is := sameAs[name]; is {
		name = other
	}
	if known := w.ids[name]; len(known) > 0 && w.random.IntN(12) > 0 {
		if w.last[name] == 0 || w.random.IntN(2) == 0 {
			w.last[name] = known[w.random.IntN(len(known))]
		}
		return w.last[name]
	}
	least, most := int64(1000), int64(2000) // nothing has such an ID
	if number, is := schema["minimum"].(json.Number); is {
		least, _ = number.Int64()
	}
	if number, is := schema["maximum"].(json.Number); is {
		most, _ = number.Int64()
	}
	return []int64{least, most, least + w.random.Int64N(20)}[w.random.IntN(3)]
}

func (w *world) validText(name string, schema object) any {
	switch number := w.random.IntN(1000); {
	case schema["format"] == "date-time":
		return time.Now().UTC().AddDate(0, 0, number-200).Format(time.RFC3339Nano)
	case name == "apiSet" || name == "slug" && number < 100:
		return w.pick("billing", "dunning", "revenue-management", portal.PortalAPI)
	case name == "slug":
		return fmt.Sprintf("set-%d", number)
	case name == "authoritie":
		return string(portal.Authorities()[number%len(portal.Authorities())].Authority)
	case name == "route":
		return w.pick("GET /billing/{id}", "/thing/", fmt.Sprintf("POST /things/%d", number))
	case name == "allowedNetwork":
		return w.pick("192.0.2.0/24", "10.1.2.3/8", "2001:db8::7", fmt.Sprintf("198.51.%d.0/24", number%256))
	case name == "email":
		return fmt.Sprintf("user%d@example.com", number)
	case name == "username", name == "actor":
		return w.pick("member", "superadmin", fmt.Sprintf("user%d", number))
	case name == "number":
		return strconv.Itoa(20000000 + number)
	}
	text := w.pick("Ada", "Größe 東京", "a", "x’s “best”", "<b>&amp;</b>", "%d ' \" \\", "שלום עולם", "🙂🙂", "Name") + strconv.Itoa(w.random.IntN(1000))
	return text
}

// instanceName names an instance of one of the licenses.
func (w *world) instanceName() string {
	licenses, err := w.Store.Licenses(w.t.Context(), w.Organization.ID)
	if err != nil || len(licenses) == 0 {
		return "BE12345678"
	}
	return w.pick("BE", "TEBE") + licenses[w.random.IntN(len(licenses))].Number + w.pick("", "A", "B", "C")
}

// requestOf makes the request; nil when it could not even be sent.
func (w *world) requestOf(op describedOperation, q *question, asSuperAdmin bool) *http.Request {
	path := op.path
	for name := range q.path {
		path = strings.ReplaceAll(path, "{"+name+"}", q.path.Get(name))
	}
	q.target = api.Prefix + path
	if len(q.query) > 0 {
		q.target += "?" + q.query.Encode()
	}
	if q.raw == nil && q.body != nil {
		text, err := json.Marshal(q.body)
		if err != nil {
			w.t.Fatal(err)
		}
		q.raw = text
	}
	at, err := url.ParseRequestURI(q.target)
	if err != nil {
		return nil
	}
	var body io.Reader = bytes.NewReader(q.raw)
	if q.brokenOff {
		body = io.MultiReader(bytes.NewReader(q.raw[:len(q.raw)/2]), iotest.ErrReader(io.ErrUnexpectedEOF))
	}
	r := httptest.NewRequest(op.method, "/", body)
	r.URL, r.RequestURI, r.Header = at, q.target, q.header.Clone()
	if w.random.IntN(20) == 0 || len(q.raw) > 1_000_000 && w.random.IntN(2) == 0 {
		r.ContentLength = -1 // as of a body that is sent in chunks
	}
	r.Header.Set("X-Api-Key", w.keys[1])
	if asSuperAdmin {
		r.Header.Set("X-Api-Key", w.keys[0])
	}
	return r
}
