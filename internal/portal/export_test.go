package portal

// Authorities lists all authorities, those of staff too.
func Authorities() []AuthorityInfo { return authorities }
