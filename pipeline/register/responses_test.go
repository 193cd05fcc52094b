package register

import "letterlock/scanner/letter"

// draft is an answer to the letter that the person has uploaded and opened.
func (d *desk) draft(to letter.ID, by int64) letter.ID {
	d.t.Helper()
	ctx := d.t.Context()
	m := d.manifest()
	m.Site, m.Helpline = ResponseSite, d.letter(to).Helpline
	d.must(d.FileResponse(ctx, m, to, by))
	l := d.letter(m.ID)
	d.must(d.Verified(ctx, &l, "v1", false))
	d.opens(m.ID, by)
	return m.ID
}

// answered is one that the person has kept.
func (d *desk) answered(to letter.ID, by int64) letter.ID {
	d.t.Helper()
	id := d.draft(to, by)
	d.must(d.KeepResponse(d.t.Context(), id, AddressAsked, false, by))
	return id
}
