package manage

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"keyportal/internal/portal"
	"keyportal/internal/store"
)

// APISetImport is what API sets are to be made of out of an OpenAPI document.
type APISetImport struct {
	Outline portal.APIOutline // of the document
	Prefix  string            // stands before each path
	All     bool              // all groups of the outline are chosen
	Chosen  []string          // groups of the outline, by their places: all their operations
	Paths   []string          // paths of groups: portal.APIPathChoice
	One     bool              // one set of all that is chosen, instead of one for each group
	Name    string            // of the one set
	Slug    string            // of the one set; empty: made from the name
	Remove  bool              // take patterns out of the sets that the document does not have
	Seen    int64             // APISetImportPlan.Seen of what was looked at
}

// APISetImportPlan is what an import would do.
type APISetImportPlan struct {
	Sets []portal.APISetPlan
	Seen int64 // grows with every change of API sets
}

// Conflicts tells whether an API set can't be made or changed as planned.
func (p APISetImportPlan) Conflicts() bool {
	return slices.ContainsFunc(p.Sets, func(set portal.APISetPlan) bool { return len(set.Conflicts) > 0 })
}

// Changes counts the API sets that would be made, and those that would be changed.
func (p APISetImportPlan) Changes() (made, changed int) {
	for _, set := range p.Sets {
		switch {
		case set.New():
			made++
		case set.Changed():
			changed++
		}
	}
	return made, changed
}

// PlanAPISets tells what an import would do. For who may Manage API Sets.
func (m *Manager) PlanAPISets(ctx context.Context, in APISetImport) (APISetImportPlan, error) {
	if err := portal.Can(portal.ActorFrom(ctx), portal.ManageAPISets, 0); err != nil {
		return APISetImportPlan{}, err
	}
	return planAPISets(ctx, m.Store.Queries, in)
}

// ImportAPISets makes and changes all API sets as PlanAPISets tells, or none: CodeConflict
// when one can't be, or when any API set was changed since the plan was looked at. For
// who may Manage API Sets.
func (m *Manager) ImportAPISets(ctx context.Context, in APISetImport) (APISetImportPlan, error) {
	var plan APISetImportPlan
	err := m.changeAPISets(ctx, func(c *store.Change) (err error) {
		if plan, err = planAPISets(ctx, c.Queries, in); err != nil {
			return err
		}
		made, changed := plan.Changes()
		switch {
		case plan.Conflicts():
			return portal.Conflict("Some API sets can't be imported as they are, so nothing was. The preview tells what to do.")
		case made+changed == 0:
			return errUnchanged // also when the same form comes twice
		case plan.Seen != in.Seen:
			return portal.Conflict("API sets were changed by someone else since the preview. Nothing was imported. Check the new preview, then import.")
		}
		return applyPlan(ctx, c, plan)
	})
	return plan, err
}

// applyPlan writes what is planned.
func applyPlan(ctx context.Context, c *store.Change, plan APISetImportPlan) error {
	for _, p := range plan.Sets {
		switch {
		case p.New():
			made, err := c.InsertAPISet(ctx, p.Set)
			if err != nil {
				return err
			}
			if err := c.Record(ctx, apiSetRevision(made, "created", portal.Diff(nil, made.Record()))); err != nil {
				return err
			}
		case p.Changed():
			was, err := c.APISet(ctx, p.Set.ID)
			if err != nil {
				return err
			}
			if err := putAPISet(ctx, c, was, p.Set, "edited"); err != nil {
				return err
			}
		}
	}
	return nil
}

// planAPISets reads the version before the sets: a change in between makes the plan stale.
func planAPISets(ctx context.Context, q store.Queries, in APISetImport) (APISetImportPlan, error) {
	wanted, err := wantedAPISets(&in)
	if err != nil {
		return APISetImportPlan{}, err
	}
	seen, err := q.APISetsVersion(ctx)
	if err != nil {
		return APISetImportPlan{}, err
	}
	known, err := q.APISets(ctx)
	if err != nil {
		return APISetImportPlan{}, err
	}
	p := newPlanning(in, wanted, known)
	for i := range p.wanted {
		p.plan(i)
	}
	p.checkNames()
	p.checkRoutes()
	return APISetImportPlan{Sets: p.plans, Seen: seen}, nil
}

// wantedAPISet is an API set that is asked for, with its operations.
type wantedAPISet struct {
	slug, name, description string
	operations              []portal.APIOperation
}

// wantedAPISets checks what was chosen and gives the sets that are asked for.
func wantedAPISets(in *APISetImport) ([]wantedAPISet, error) {
	var invalid portal.Invalid
	in.Prefix = invalid.APIPrefix("prefix", in.Prefix)
	invalid.Check(len(in.Outline.Operations) <= portal.MaxAPIOperations, "choice", fmt.Sprintf("At most %d operations can be imported at once.", portal.MaxAPIOperations))
	var wanted []wantedAPISet
	for i, group := range in.Outline.Groups() {
		if operations := in.chosenOf(i, group); len(operations) > 0 {
			wanted = append(wanted, wantedAPISet{slugOfTag(group.Tag.Name), strings.TrimSpace(group.Tag.Name), group.Tag.Description, operations})
		}
	}
	invalid.Check(len(wanted) > 0, "choice", "Choose a tag or a path at least.")
	if in.One {
		one := wantedAPISet{slug: strings.TrimSpace(in.Slug), name: invalid.Name("name", "name", in.Name)}
		if one.slug == "" {
			one.slug = portal.SlugOf(one.name)
		}
		invalid.Check(one.name == "" || portal.ValidSlug(one.slug), "slug", "Enter a slug of lower-case letters, digits and single hyphens, 64 characters at most, like revenue-management.")
		for _, set := range wanted {
			one.operations = append(one.operations, set.operations...)
		}
		wanted = []wantedAPISet{one}
	}
	return wanted, invalid.Err()
}

// chosenOf gives the operations of a group that were chosen.
func (in APISetImport) chosenOf(place int, group portal.APIGroup) []portal.APIOperation {
	whole := in.All || slices.Contains(in.Chosen, fmt.Sprint(place))
	var operations []portal.APIOperation
	for _, path := range group.Paths {
		if whole || slices.Contains(in.Paths, portal.APIPathChoice(place, path.Path)) {
			operations = append(operations, path.Operations...)
		}
	}
	return operations
}

// slugOfTag makes a slug of a tag's name, which need not have a letter that slugs have.
// It is the same at every import.
func slugOfTag(name string) string {
	if slug := portal.SlugOf(name); slug != "" {
		return slug
	}
	hash := fnv.New32a()
	hash.Write([]byte(name))
	return fmt.Sprintf("tag-%08x", hash.Sum32())
}

// planning is a plan in the making. A pattern is told apart by its shape.
type planning struct {
	in       APISetImport
	wanted   []wantedAPISet
	known    []portal.APISet
	plans    []portal.APISetPlan
	was      []portal.APISet // what the plans change; without an ID for a new one
	document map[string]bool // what the document has, chosen or not
	owners   map[string]int  // which of the plans gets what
}

func newPlanning(in APISetImport, wanted []wantedAPISet, known []portal.APISet) *planning {
	p := &planning{in: in, wanted: wanted, known: known, document: map[string]bool{}, owners: map[string]int{}}
	for _, operation := range in.Outline.Operations {
		if pattern, _, err := portal.RoutePattern(operation.Method, in.Prefix+operation.Path); err == nil {
			p.document[portal.RouteShape(pattern)] = true
		}
	}
	for _, set := range wanted {
		made := portal.APISet{Slug: set.slug, Name: set.name, Description: set.description}
		if at := slices.IndexFunc(known, func(one portal.APISet) bool { return one.Slug == set.slug }); at >= 0 {
			made = known[at]
		}
		p.was = append(p.was, made)
		p.plans = append(p.plans, portal.APISetPlan{Set: made})
	}
	p.share()
	return p
}

// share gives each pattern to one set: to the one that has it already, or else to the
// first that asks for it.
func (p *planning) share() {
	for _, onlyHeld := range []bool{true, false} {
		for i, set := range p.wanted {
			held := shapesOf(p.was[i].Routes)
			for _, operation := range set.operations {
				pattern, _, err := portal.RoutePattern(operation.Method, p.in.Prefix+operation.Path)
				shape := portal.RouteShape(pattern)
				if _, taken := p.owners[shape]; err == nil && !taken && (held[shape] || !onlyHeld) {
					p.owners[shape] = i
				}
			}
		}
	}
}

// plan tells what becomes of one set.
func (p *planning) plan(i int) {
	plan, held := &p.plans[i], shapesOf(p.was[i].Routes)
	plan.Set.Routes = nil
	for _, pattern := range p.was[i].Routes {
		if p.in.Remove && p.gone(i, portal.RouteShape(pattern)) {
			plan.Removed = append(plan.Removed, pattern)
		} else {
			plan.Kept = append(plan.Kept, pattern)
		}
	}
	added := map[string]bool{}
	for _, operation := range p.wanted[i].operations {
		what := operation.Method + " " + p.in.Prefix + operation.Path
		pattern, note, err := portal.RoutePattern(operation.Method, p.in.Prefix+operation.Path)
		shape := portal.RouteShape(pattern)
		switch {
		case err != nil:
			note = what + " is left out: " + err.Error() + "."
		case p.owners[shape] != i:
			note = what + " goes to " + p.wanted[p.owners[shape]].name + ", which has it too: a route belongs to one API set."
		case note != "":
			note = what + " becomes " + pattern + ", which " + note + "."
		}
		if err == nil && p.owners[shape] == i && !held[shape] && !added[shape] {
			added[shape] = true
			plan.Added = append(plan.Added, pattern)
		}
		if note != "" && !slices.Contains(plan.Notes, note) {
			plan.Notes = append(plan.Notes, note)
		}
	}
	plan.Set.Routes = slices.Concat(plan.Kept, plan.Added)
}

// gone tells whether a pattern of a set is not in the document, or goes to another set.
func (p *planning) gone(i int, shape string) bool {
	owner, owned := p.owners[shape]
	return !p.document[shape] || owned && owner != i
}

// checkNames finds what the sets can't be called, and which can't be changed.
func (p *planning) checkNames() {
	for i := range p.plans {
		plan := &p.plans[i]
		set := plan.Set
		conflict := func(format string, args ...any) {
			plan.Conflicts = append(plan.Conflicts, fmt.Sprintf(format, args...))
		}
		if set.Slug == portal.PortalAPI {
			conflict("The slug %s belongs to Key Portal's own API, which an import can't change. Go back, and choose one set with another name.", set.Slug)
			continue
		}
		if set.Retired() {
			conflict("The API set %s was retired. Put it back into use first, or choose one set with another name.", set.Name)
		}
		if plan.New() {
			p.checkNewName(i, conflict)
		}
		for _, other := range p.plans[:i] {
			if other.Set.Slug == set.Slug || portal.Fold(other.Set.Name) == portal.Fold(set.Name) {
				conflict("%s would have the same slug or name. Go back, and import one of the two by itself under a name that you type.", other.Set.Name)
			}
		}
	}
}

func (p *planning) checkNewName(i int, conflict func(string, ...any)) {
	var invalid portal.Invalid
	plan := &p.plans[i]
	plan.Set.Name = invalid.Name("name", "name", plan.Set.Name)
	plan.Set.Description = invalid.Description("description", "description", plan.Set.Description)
	if err := invalid.Err(); err != nil {
		conflict("%s Go back, and choose one set with a name that you type.", err.(*portal.Error).Message)
	}
	for _, other := range p.known {
		if portal.Fold(other.Name) == portal.Fold(plan.Set.Name) {
			conflict("There is an API set with this name already, with the slug %s. Rename that, or go back and choose one set with another name.", other.Slug)
		}
	}
	if len(plan.Added) == 0 {
		conflict("No route is left for this API set. Go back, and leave it out.")
	}
}

// checkRoutes finds patterns that overlap those of the same set or another.
func (p *planning) checkRoutes() {
	sets := slices.DeleteFunc(slices.Clone(p.known), func(set portal.APISet) bool { return portal.HasAPISet(p.was, set) })
	for _, plan := range p.plans {
		sets = append(sets, plan.Set)
	}
	holder := map[string]string{}
	for _, set := range sets {
		for _, pattern := range set.Routes {
			if holder[pattern] == "" {
				holder[pattern] = set.Name
			}
		}
	}
	for _, fault := range portal.RouteFaults(sets) {
		for i := range p.plans {
			if p.plans[i].Set.Slug == fault.Set.Slug {
				p.plans[i].Conflicts = append(p.plans[i].Conflicts, routeConflict(fault, holder[fault.Other]))
			}
		}
	}
}

// routeConflict says of a pattern that can't be in a set what to do.
func routeConflict(fault portal.RouteFault, holder string) string {
	text := fmt.Sprintf("%s can't be used: %s. ", fault.Pattern, fault.Err)
	switch {
	case fault.Other == "":
		return text + "Go back, and leave this path out."
	case holder == fault.Set.Name:
		return text + "Both are in this API set: go back, and leave one of the two out."
	case portal.RouteShape(fault.Pattern) == portal.RouteShape(fault.Other):
		return fmt.Sprintf("%s is in %s already (%s), and a route belongs to one API set. Go back and leave this path out, or edit %[2]s first.", fault.Pattern, holder, fault.Other)
	}
	return text + fmt.Sprintf("That one is in %s. Go back and leave this path out, or edit %[1]s first.", holder)
}

func shapesOf(patterns []string) map[string]bool {
	shapes := map[string]bool{}
	for _, pattern := range patterns {
		shapes[portal.RouteShape(pattern)] = true
	}
	return shapes
}
