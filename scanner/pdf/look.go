package pdf

import (
	"image"
	"image/color"
)

// lookSide is how many cells a Look has in each direction.
const lookSide = 64

// Look is a small grey picture of a page, fine enough to tell whether another
// program draws the same page and too coarse to read a word of it. It stays in
// memory: it is of the letter's content.
type Look struct {
	// Gray holds 64 rows of 64 cells, from the top left of the page as a reader
	// sees it: the mean of the cell, 0 black to 255 white.
	Gray []byte `json:"gray"`
	// Inks is set of a picture in inks (CMYK): programs mix them to shades of
	// their own.
	Inks bool `json:"inks,omitempty"`
}

// LookOf is the look of a page that is already a picture.
func LookOf(img image.Image) Look {
	bounds := img.Bounds()
	m := newLookMaker(bounds.Dx(), bounds.Dy(), 1)
	row := make([]byte, bounds.Dx())
	for y := range bounds.Dy() {
		switch img := img.(type) {
		case *image.Gray:
			copy(row, img.Pix[y*img.Stride:])
		case *image.RGBA:
			for x := range row {
				p := img.Pix[y*img.Stride+4*x:]
				row[x] = byte(luma(float64(p[0]), float64(p[1]), float64(p[2])) + 0.5)
			}
		default:
			for x := range row {
				row[x] = color.GrayModel.Convert(img.At(bounds.Min.X+x, bounds.Min.Y+y)).(color.Gray).Y
			}
		}
		m.planes[0].row(y, row, 1)
	}
	return m.look(grey, 1)
}

// lookMaker gathers a Look from the samples of a picture while they pass by. A
// picture in colour is gathered by components, which may differ in size as those
// of a JPEG do, and their means are made grey in the end.
type lookMaker struct{ planes []lookPlane }

// lookPlane gathers one component. A cell averages the samples that it covers,
// those at its edges by the part that lies inside, so that the look of a page
// does not depend on its resolution. Lengths are counted in 64ths of a sample:
// width of them is a cell.
type lookPlane struct {
	width, height int // samples
	sums          [lookSide * lookSide]uint64
}

func newLookMaker(width, height, planes int) *lookMaker {
	m := &lookMaker{planes: make([]lookPlane, planes)}
	for i := range m.planes {
		m.planes[i].width, m.planes[i].height = width, height
	}
	return m
}

// row takes row y: every step-th byte is a sample of this plane. Rows and
// samples beyond the plane's size, as in the padding of a JPEG's blocks, are
// left out.
func (p *lookPlane) row(y int, samples []byte, step int) {
	var line [lookSide]uint64
	for c := range line {
		start, end := c*p.width, (c+1)*p.width
		first, last := start/lookSide, (end-1)/lookSide
		if first == last {
			line[c] = uint64(samples[first*step]) * uint64(p.width)
			continue
		}
		sum := uint64(0)
		for x := first + 1; x < last; x++ {
			sum += uint64(samples[x*step])
		}
		line[c] = sum*lookSide + uint64(samples[first*step])*uint64((first+1)*lookSide-start) +
			uint64(samples[last*step])*uint64(end-last*lookSide)
	}
	p.add(y, &line)
}

// runs takes row y of a picture in two colours as the places where it changes,
// as the fax decoder has it; what lies between an even place and the next counts
// as 255.
func (p *lookPlane) runs(y int, changes []int32) {
	if int(changes[0]) >= p.width {
		return // a blank row
	}
	var line [lookSide]uint64
	c := 0
	for i := 0; i+1 < len(changes) && int(changes[i]) < p.width; i += 2 {
		start, end := int(changes[i])*lookSide, int(changes[i+1])*lookSide
		for start < end {
			for (c+1)*p.width <= start {
				c++
			}
			n := min(end, (c+1)*p.width) - start
			line[c] += uint64(n) * 0xff
			start += n
		}
	}
	p.add(y, &line)
}

// add adds row y, summed up by cells, to the rows of cells that it crosses.
func (p *lookPlane) add(y int, line *[lookSide]uint64) {
	if y >= p.height {
		return
	}
	start, end := y*lookSide, (y+1)*lookSide
	for r := start / p.height; r < lookSide && r*p.height < end; r++ {
		part := uint64(min(end, (r+1)*p.height) - max(start, r*p.height))
		for c, sum := range line {
			p.sums[r*lookSide+c] += sum * part
		}
	}
}

// look ends the gathering: grey makes one value of the components' means, each 0
// to 255, and orientation (1 to 8 as in TIFF, tag 274) turns the page upright.
func (m *lookMaker) look(grey func(mean [4]float64) float64, orientation int) Look {
	stored := make([]byte, lookSide*lookSide)
	for i := range stored {
		var mean [4]float64
		for n := range m.planes {
			p := &m.planes[n]
			mean[n] = float64(p.sums[i]) / float64(p.width) / float64(p.height)
		}
		stored[i] = byte(min(max(grey(mean), 0), 255) + 0.5)
	}
	return Look{Gray: upright(stored, orientation), Inks: len(m.planes) == 4}
}

// upright turns a stored look as a viewer turns the stored picture.
func upright(stored []byte, orientation int) []byte {
	const last = lookSide - 1
	turned := make([]byte, len(stored))
	for i := range turned {
		row, column := i/lookSide, i%lookSide
		if orientation >= 5 && orientation <= 8 { // lies on its side
			row, column = column, row
		}
		switch orientation { // as stored: counted from the right, from the bottom
		case 2, 8:
			column = last - column
		case 3, 7:
			row, column = last-row, last-column
		case 4, 6:
			row = last - row
		}
		turned[i] = stored[row*lookSide+column]
	}
	return turned
}

// luma is the grey of a colour (ITU-R BT.601).
func luma(red, green, blue float64) float64 { return 0.299*red + 0.587*green + 0.114*blue }

func grey(mean [4]float64) float64     { return mean[0] }
func negative(mean [4]float64) float64 { return 255 - mean[0] }
func greyOfRGB(m [4]float64) float64   { return luma(m[0], m[1], m[2]) }

// greyOfCMYK is the grey of ink on paper, ink 255 being all of it. Viewers draw
// inks as a press prints them, which is far from one minus ink; the polynomial
// is pdf.js's fit of Adobe's conversion.
func greyOfCMYK(mean [4]float64) float64 {
	c, m, y, k := mean[0]/255, mean[1]/255, mean[2]/255, mean[3]/255
	red := 255 +
		c*(-4.387332384609988*c+54.48615194189176*m+18.82290502165302*y+212.25662451639585*k-285.2331026137004) +
		m*(1.7149763477362134*m-5.6096736904047315*y-17.873870861415444*k-5.497006427196366) +
		y*(-2.5217340131683033*y-21.248923337353073*k+17.5119270841813) +
		k*(-21.86122147463605*k-189.48180835922747)
	green := 255 +
		c*(8.841041422036149*c+60.118027045597366*m+6.871425592049007*y+31.159100130055922*k-79.2970844816548) +
		m*(-15.310361306967817*m+17.575251261109482*y+131.35250912493976*k-190.9453302588951) +
		y*(4.444339102852739*y+9.8632861493405*k-24.86741582555878) +
		k*(-20.737325471181034*k-187.80453709719578)
	blue := 255 +
		c*(0.8842522430003296*c+8.078677503112928*m+30.89978309703729*y-0.23883238689178934*k-14.183576799673286) +
		m*(10.49593273432072*m+63.02378494754052*y+50.606957656360734*k-112.23884253719248) +
		y*(0.03296041114873217*y+115.60384449646641*k-193.58209356861505) +
		k*(-22.33816807309886*k-180.12613974708367)
	clamp := func(v float64) float64 { return min(max(v, 0), 255) }
	return luma(clamp(red), clamp(green), clamp(blue))
}
