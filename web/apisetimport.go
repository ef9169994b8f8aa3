package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"keyportal/internal/manage"
	"keyportal/internal/openapi"
	"keyportal/internal/portal"
	"keyportal/templates/page"
)

// An OpenAPI document is larger than what other forms may send.
const (
	importBodyLimit = 6 << 20  // bytes
	drainLimit      = 32 << 20 // bytes that are read and dropped, as browsers show no answer before they have sent all
)

// readsOwnForm tells whether the handler of a request reads the form: after it is known
// who sends it, since more may be sent there than elsewhere.
func readsOwnForm(c echo.Context) bool {
	return c.Path() == page.APISetImportPath && c.Request().Method == http.MethodPost
}

func (s *Server) showAPISetImport(c echo.Context) error {
	return s.renderImportDocument(c, http.StatusOK, page.Form{Values: url.Values{}})
}

// importAPISets goes on to a step of the import, and does it at the last. What was read
// out of the document travels in the form.
func (s *Server) importAPISets(c echo.Context) error {
	if err := readImportForm(c); err != nil {
		return s.refuseImportDocument(c, err)
	}
	values := c.Request().PostForm
	if page.ImportStep(values.Get("step")) == page.ImportReads {
		return s.readImportDocument(c, values)
	}
	outline, err := outlineIn(values)
	if err != nil {
		return s.refuseImportDocument(c, err)
	}
	switch page.ImportStep(values.Get("step")) {
	case page.ImportPreviews:
		return s.previewAPISetImport(c, outline)
	case page.ImportApplies:
		return s.applyAPISetImport(c, outline)
	}
	return s.renderImportChoice(c, http.StatusOK, page.Form{Values: values}, outline)
}

func (s *Server) readImportDocument(c echo.Context, values url.Values) error {
	outline, err := documentIn(values)
	if err != nil {
		return s.refuseImportDocument(c, err)
	}
	text, err := json.Marshal(outline)
	if err != nil {
		return err
	}
	form := page.Form{Values: url.Values{"outline": {string(text)}, "prefix": {outline.Prefix}, "name": {outline.Title}}}
	return s.renderImportChoice(c, http.StatusOK, form, outline)
}

func (s *Server) previewAPISetImport(c echo.Context, outline portal.APIOutline) error {
	form := page.Form{Values: typed(c)}
	plan, err := s.manage.PlanAPISets(c.Request().Context(), importOf(form.Values, outline))
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderImportChoice(c, status, withError(form, err), outline)
		})
	}
	return s.renderImportPreview(c, http.StatusOK, form, plan)
}

func (s *Server) applyAPISetImport(c echo.Context, outline portal.APIOutline) error {
	form := page.Form{Values: typed(c)}
	plan, err := s.manage.ImportAPISets(c.Request().Context(), importOf(form.Values, outline))
	if portal.CodeOf(err) == portal.CodeInvalid || err != nil && len(plan.Sets) == 0 {
		return s.answerForm(c, err, func(status int) error {
			return s.renderImportChoice(c, status, withError(form, err), outline)
		})
	}
	if err != nil {
		return s.answerForm(c, err, func(status int) error {
			return s.renderImportPreview(c, status, withError(form, err), plan)
		})
	}
	made, changed := plan.Changes()
	message := fmt.Sprintf("The import is done: %s created, %d changed.", portal.Counted(made, "API set"), changed)
	if made > 0 {
		message += " Put the new ones into roles, so that keys can be granted them."
	}
	return s.redirectWith(c, "/api-sets", message)
}

// refuseImportDocument shows the first step again, with what is wrong with the document.
func (s *Server) refuseImportDocument(c echo.Context, err error) error {
	if !refused(err) && portal.CodeOf(err) != portal.CodeTooLarge {
		return err
	}
	status, _ := s.explain(err)
	return s.renderImportDocument(c, status, withError(page.Form{Values: typed(c)}, err))
}

func (s *Server) renderImportDocument(c echo.Context, status int, form page.Form) error {
	return s.render(c, status, page.APISetImportTitle, page.ImportDocument(form))
}

func (s *Server) renderImportChoice(c echo.Context, status int, form page.Form, outline portal.APIOutline) error {
	return s.render(c, status, page.APISetImportTitle, page.ImportChoice{Form: form, Outline: outline, Groups: outline.Groups()}.Render())
}

func (s *Server) renderImportPreview(c echo.Context, status int, form page.Form, plan manage.APISetImportPlan) error {
	form.Values.Set("seen", strconv.FormatInt(plan.Seen, 10))
	made, changed := plan.Changes()
	return s.render(c, status, page.APISetImportTitle, page.ImportPreview{
		Form: form, Sets: plan.Sets, Made: made, Changed: changed, Blocked: plan.Conflicts(),
	}.Render())
}

// documentIn reads the document that was chosen as a file or pasted.
func documentIn(values url.Values) (portal.APIOutline, error) {
	file, text := values.Get("file"), values.Get("document")
	if file != "" && text != "" {
		var invalid portal.Invalid
		invalid.Add("document", "Both a file was chosen and a text was pasted. Choose one of the two.")
		return portal.APIOutline{}, invalid.Err()
	}
	return openapi.Read([]byte(file + text))
}

// outlineIn reads what an earlier step read out of the document.
func outlineIn(values url.Values) (outline portal.APIOutline, err error) {
	if err := json.Unmarshal([]byte(values.Get("outline")), &outline); err != nil || len(outline.Operations) == 0 {
		return outline, &portal.Error{Code: portal.CodeInvalid, Cause: err, Message: "What was read from the document is not there any more. Send the document again."}
	}
	return outline, nil
}

func importOf(values url.Values, outline portal.APIOutline) manage.APISetImport {
	return manage.APISetImport{
		Outline: outline, Prefix: values.Get("prefix"), All: checked(values, "all"), Chosen: values["tag"], Paths: values["path"],
		One: values.Get("sets") == page.OneSet, Name: values.Get("name"), Slug: values.Get("slug"),
		Remove: checked(values, "remove"), Seen: number(values, "seen"),
	}
}

// readImportForm reads a form of any kind, with a file's text as its field's value.
// CodeTooLarge when it is larger than documents may be.
func readImportForm(c echo.Context) error {
	request := c.Request()
	body := request.Body
	request.Body = http.MaxBytesReader(c.Response(), body, importBodyLimit)
	err := parseImportForm(request)
	if err == nil {
		return nil
	}
	request.PostForm = url.Values{}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		_, _ = io.CopyN(io.Discard, body, drainLimit)
		return &portal.Error{Code: portal.CodeTooLarge, Cause: err, Message: openapi.TooLarge().Error(), Fields: portal.FieldsOf(openapi.TooLarge())}
	}
	return &portal.Error{Code: portal.CodeInvalid, Cause: err, Message: "The form could not be read. Send the document again."}
}

func parseImportForm(request *http.Request) error {
	parts, err := request.MultipartReader()
	if errors.Is(err, http.ErrNotMultipart) {
		return request.ParseForm()
	}
	if err != nil {
		return err
	}
	request.PostForm = url.Values{}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return err
		}
		request.PostForm.Add(part.FormName(), string(text))
	}
}
