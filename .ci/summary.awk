# Reads 'go test -v' of many packages. It shows a line for each package that
# passed, everything about one that did not, why tests were skipped, and at the
# end, alone on a line: N passed, N failed, N skipped.

/^ *--- PASS: / { passed++; next }
/^ *--- FAIL: / { failed++; here++ }
/^ *--- SKIP: / { skipped++ }
/^=== (RUN|PAUSE|CONT|NAME) / { next }
/: needs / { what = $0; sub(/^.*: needs /, "", what); needs[what] = 1 }

# A package ends.
/^(ok  |FAIL|\?   )\t/ {
	if (/^FAIL/) {
		if (!here) failed++ # it did not build, or ended before its tests did
		printf "%s", kept
	}
	print
	fflush()
	kept = ""
	here = 0
	next
}

{ kept = kept $0 "\n" }

END {
	printf "%s\n", kept
	if (skipped) for (what in needs) print "skipped, because it needs " what
	printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
}
