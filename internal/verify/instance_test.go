package verify_test

import (
	"testing"

	"keyportal/internal/portal"
	"keyportal/internal/store"
	"keyportal/internal/store/storetest"
)

func TestAPlaceIsBoundToTheLicenseThatItsInstanceHasNow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := storetest.NewFixture(t, s)
		other := storetest.License(t, s, f.Organization)
		both, r := twoCheckers(t, s), forBilling(f)
		r.Instance = f.Instance.Name
		expect(t, both, r, "VALID")
		change(t, s, portal.Revision{Noun: portal.NounLicense, NounID: f.License.ID}, func(c *store.Change) error { return c.DeleteInstance(t.Context(), f.Instance.ID) })
		expect(t, both, r, "LICENSE_MISMATCH")
		change(t, s, portal.Revision{Noun: portal.NounLicense, NounID: other.ID}, func(c *store.Change) error {
			_, err := c.InsertInstance(t.Context(), portal.Instance{LicenseID: other.ID, Name: f.Instance.Name, Environment: f.Instance.Environment})
			return err
		})
		expect(t, both, r, "LICENSE_MISMATCH")
		r.Instance = "no such instance"
		expect(t, both, r, "LICENSE_MISMATCH")
		change(t, s, portal.Revision{Noun: portal.NounLicense, NounID: f.License.ID}, func(c *store.Change) error {
			_, err := c.InsertInstance(t.Context(), portal.Instance{LicenseID: f.License.ID, Name: r.Instance, Environment: f.Instance.Environment})
			return err
		})
		expect(t, both, r, "VALID")
	})
}
