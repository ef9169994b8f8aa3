package ui

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"
)

// SaveKeyProps describes the dialog that shows a new key's secrets, once. The
// response that holds it must not be cached.
type SaveKeyProps struct {
	Name      string   // the key's name
	Secrets   []Secret // one for a token; two for a pair or an OAuth client
	Viewable  bool     // they can be viewed again
	CloseHref string   // the key's page
}

// Secret is one credential in clear, with what the vendor's manual calls it.
type Secret struct {
	Label string // "API key", "Access Key", "Client Secret"
	Value string
}

// once says whether this is the only time that the secrets are shown.
func (p SaveKeyProps) once() (before, after string) {
	if p.Viewable {
		return "Copy or download the key of ", " before you close this window. Who looks after it can view it again, with their password."
	}
	return "This is the only time that the key of ", " is shown. Copy or download it before you close this window."
}

// unsaved says what closing without saving means.
func (p SaveKeyProps) unsaved() string {
	if p.Viewable {
		return "You have neither copied nor downloaded the key."
	}
	return "You have neither copied nor downloaded the key. Nobody can show it again."
}

// text is what is copied and downloaded: the secret alone, or a line for each.
func (p SaveKeyProps) text() string {
	if len(p.Secrets) == 1 {
		return p.Secrets[0].Value
	}
	var b strings.Builder
	for _, s := range p.Secrets {
		b.WriteString(s.Label + ": " + s.Value + "\n")
	}
	return b.String()
}

// dataURL lets a browser without JavaScript save the file from the page itself.
func (p SaveKeyProps) dataURL() templ.SafeURL {
	return templ.SafeURL("data:text/plain;charset=utf-8," + url.PathEscape(p.text()))
}

// fileName is NAME.APIKEY, with what file systems refuse replaced.
func (p SaveKeyProps) fileName() string {
	name := strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.TrimSpace(p.Name))
	if strings.Trim(name, "._ ") == "" {
		name = "key"
	}
	return name + ".APIKEY"
}
