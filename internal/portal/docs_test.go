package portal

import (
	"strings"
	"testing"
)

const docsDocument = `{
	"openapi": "3.1.0",
	"x-sections": [
		{"slug": "organizations", "name": "Organizations", "description": "The clients."},
		{"slug": "user", "name": "User", "description": "Users and their API keys."},
		{"slug": "keys", "name": "Keys", "description": "API keys."}
	],
	"tags": [
		{"name": "user", "x-section": "user"},
		{"name": "apiKey", "x-section": "user"},
		{"name": "organization", "x-section": "organizations"},
		{"name": "key", "x-section": "keys"}
	],
	"paths": {
		"/user/users/{userId}": {
			"parameters": [],
			"delete": {"operationId": "removeUser", "summary": "delete a user", "tags": ["user"]},
			"get": {"operationId": "loadUser", "summary": "load a user", "description": "By its ID.", "tags": ["user"]}
		},
		"/user/apiKey": {"post": {"operationId": "createApiKey", "summary": "create an api key", "tags": ["apiKey"]}},
		"/user/users/me": {"get": {"operationId": "whoAmI", "summary": "who am I?", "tags": ["user"]}},
		"/organizations": {"get": {"operationId": "listOrganizations", "summary": "list the organizations", "description": "Those of the user.", "tags": ["organization"]}},
		"/keys/{id}/rotate": {"post": {"operationId": "rotateKey", "summary": "rotate a key", "tags": ["key"]}},
		"/keys": {"get": {"operationId": "listKeys", "summary": "list the keys of a user", "tags": ["key"]}}
	}
}`

func readDocs(t *testing.T) []DocsSection {
	t.Helper()
	sections, err := ReadDocs([]byte(docsDocument))
	if err != nil {
		t.Fatal(err)
	}
	return sections
}

func TestTheOpenAPIDocumentIsReadIntoSectionsOfEndpoints(t *testing.T) {
	var got []string
	for _, section := range readDocs(t) {
		got = append(got, section.Slug+" "+section.Name+" "+section.Description)
		for _, o := range section.Operations {
			got = append(got, strings.Join([]string{o.Tag, o.ID, o.Method, o.Path, o.Summary, o.Description}, "|"))
		}
	}
	want := `organizations Organizations The clients.
organization|listOrganizations|GET|/organizations|list the organizations|Those of the user.
user User Users and their API keys.
user|whoAmI|GET|/user/users/me|who am I?|
user|loadUser|GET|/user/users/{userId}|load a user|By its ID.
user|removeUser|DELETE|/user/users/{userId}|delete a user|
apiKey|createApiKey|POST|/user/apiKey|create an api key|
keys Keys API keys.
key|listKeys|GET|/keys|list the keys of a user|
key|rotateKey|POST|/keys/{id}/rotate|rotate a key|`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

func TestAnOpenAPIDocumentThatLeavesSomethingOutIsRefused(t *testing.T) {
	for _, test := range []struct{ old, new, want string }{
		{docsDocument, "no JSON", "can't be read"},
		{`"operationId": "whoAmI", `, "", "GET /user/users/me of the OpenAPI document needs an operationId"},
		{`"who am I?", "tags": ["user"]`, `"who am I?", "tags": []`, "GET /user/users/me of the OpenAPI document needs an operationId and a tag"},
		{`"who am I?", "tags": ["user"]`, `"who am I?", "tags": ["me"]`, `has the tag "me", which is not among its tags`},
		{`"who am I?"`, `["who", "am", "I"]`, "GET /user/users/me of the OpenAPI document can't be read"},
		{`"apiKey", "x-section": "user"`, `"apiKey", "x-section": "users"`, `"users", which is not among its x-sections`},
		{`{"slug": "keys"`, `{"slug": "empty"}, {"slug": "keys"`, `the section "empty" of the OpenAPI document has no endpoint`},
	} {
		_, err := ReadDocs([]byte(strings.Replace(docsDocument, test.old, test.new, 1)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("with %s in place of %.40s: %v, want %q", test.new, test.old, err, test.want)
		}
	}
}

func TestASearchInTheDocsFindsTheNearestFirst(t *testing.T) {
	for _, test := range []struct{ search, want string }{
		{"user", "user(loadUser removeUser whoAmI createApiKey) keys(listKeys) organizations(listOrganizations)"},
		{"  USERS ", "user(loadUser removeUser whoAmI createApiKey) keys(listKeys) organizations(listOrganizations)"},
		{"rotate", "keys(rotateKey)"},
		{"keys", "keys(listKeys rotateKey) user(createApiKey)"},
		{"create key", "user(createApiKey)"},
		{"organization", "organizations(listOrganizations)"},
		{"delete", "user(removeUser)"},
		{"/user/users/me", "user(whoAmI)"},
		{"me", "user(whoAmI)"},
		{"unicorn", ""},
		{"user unicorn", ""},
	} {
		var got []string
		for _, section := range FindDocs(readDocs(t), test.search) {
			var ids []string
			for _, operation := range section.Operations {
				ids = append(ids, operation.ID)
			}
			got = append(got, section.Slug+"("+strings.Join(ids, " ")+")")
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%q finds %s, want %s", test.search, strings.Join(got, " "), test.want)
		}
	}
	if got := FindDocs(readDocs(t), "  "); len(got) != 3 || len(got[1].Operations) != 4 {
		t.Errorf("an empty search finds %v, want everything", got)
	}
}
