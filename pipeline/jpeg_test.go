package pipeline

import (
	"bytes"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"
)

// scribble is a picture in which no dot is like the other.
func scribble(width, height int) *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range picture.Pix {
		picture.Pix[i] = byte(rng.Uint32())
	}
	for i := 3; i < len(picture.Pix); i += 4 {
		picture.Pix[i] = 0xff
	}
	return picture
}

// A picture that was written in strips is, dot by dot, the one that is written at once.
func TestAPictureOfStripsIsThePicture(t *testing.T) {
	for _, size := range []image.Point{
		{1, 1}, {40, stripHeight}, {33, stripHeight + 1}, {50, 2*stripHeight - 1}, {17, 2 * stripHeight}, {8, 20*stripHeight + 3},
	} {
		picture := scribble(size.X, size.Y)
		joined, err := encodeJPEG(picture)
		if err != nil {
			t.Fatal(err)
		}
		var whole bytes.Buffer
		if err := jpeg.Encode(&whole, picture, &jpeg.Options{Quality: 85}); err != nil {
			t.Fatal(err)
		}
		got, err := jpeg.Decode(bytes.NewReader(joined))
		if err != nil {
			t.Fatalf("%v: %v", size, err)
		}
		want, err := jpeg.Decode(&whole)
		if err != nil {
			t.Fatal(err)
		}
		if got.Bounds() != want.Bounds() {
			t.Fatalf("%v: it is %v", size, got.Bounds())
		}
		for y := range size.Y {
			for x := range size.X {
				if got.At(x, y) != want.At(x, y) {
					t.Fatalf("%v: another dot at %d,%d", size, x, y)
				}
			}
		}
	}
}

// What is no JPEG of ours is not made one.
func TestStripsThatAreNone(t *testing.T) {
	good, err := encodeJPEG(scribble(16, 16))
	if err != nil {
		t.Fatal(err)
	}
	for name, strip := range map[string][]byte{"nothing": nil, "text": []byte("a letter"), "cut off": good[:len(good)/2], "without its end": good[:len(good)-2]} {
		if _, err := joinStrips([][]byte{strip, good}, image.Point{16, 2 * stripHeight}); err == nil {
			t.Errorf("%s is a strip", name)
		}
	}
}
