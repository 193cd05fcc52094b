package certificate

// BadFor is how long files that are bad are not read again while they stay the same.
var BadFor = &badFor
