package web

import (
	"bytes"
	"context"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"keyportal/templates/layout"
	"keyportal/templates/page"
)

// render writes a page of somebody who is signed in, within the portal's frame.
// The page is made whole before the first byte is sent.
func (s *Server) render(c echo.Context, status int, title string, content templ.Component) error {
	chrome, err := s.chrome(c, title)
	if err != nil {
		return err
	}
	return write(c, status, layout.Page(chrome), content)
}

// renderPlain writes a page without the frame, for who is not signed in.
func (s *Server) renderPlain(c echo.Context, status int, title string, content templ.Component) error {
	return write(c, status, layout.Plain(title), content)
}

// renderError writes an error's page, within the frame if that can be made.
func (s *Server) renderError(c echo.Context, status int, view page.Error) error {
	if here, _, err := s.visitOf(c); err == nil && here != nil && status < http.StatusInternalServerError {
		if err := s.render(c, status, view.Title, view.Render()); err == nil {
			return nil
		}
	}
	return s.renderPlain(c, status, view.Title, view.Render())
}

func write(c echo.Context, status int, frame, content templ.Component) error {
	var buffer bytes.Buffer
	ctx := context.WithoutCancel(c.Request().Context()) // what is read already is shown, however late it is
	if err := frame.Render(templ.WithChildren(ctx, content), &buffer); err != nil {
		return err
	}
	return c.HTMLBlob(status, buffer.Bytes())
}

// redirect sends the browser to another page of the portal, to be read with GET.
func (s *Server) redirect(c echo.Context, address string) error {
	return c.Redirect(http.StatusSeeOther, address)
}

// redirectWith does so with a message on the next page.
func (s *Server) redirectWith(c echo.Context, address, message string) error {
	if err := s.flash(c, message); err != nil {
		return err
	}
	return s.redirect(c, address)
}
