package ui

// ButtonStyle is how much a button asks for attention.
type ButtonStyle string

const (
	Primary   ButtonStyle = "btn btn-primary"           // the one thing that the page is for
	Secondary ButtonStyle = "btn"                       // other things to do
	Quiet     ButtonStyle = "btn btn-link"              // Cancel, Close
	Red       ButtonStyle = "btn btn-danger"            // does what cannot be undone
	Outlined  ButtonStyle = "btn btn-outline-danger"    // leads to what cannot be undone
	Block     ButtonStyle = "btn btn-primary w-100"     // the only button of a narrow form
	Small     ButtonStyle = "btn btn-primary kp-btn-sm" // the primary action of a card
	SmallAlso ButtonStyle = "btn kp-btn-sm"             // another action of a card
)
