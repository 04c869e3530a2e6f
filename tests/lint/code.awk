# Lines of code, blank and comment lines not counted: "N file" for each file.
# With -v strip=1 it prints file:line:text without comments and literals.
function flush() {
	if (file != "" && !strip)
		print n, file
	n = 0
	comment = 0
}
FNR == 1 {
	flush()
	file = FILENAME
}
{
	out = ""
	line = $0
	while (line != "") {
		if (comment) {
			at = index(line, "*/")
			if (at == 0) {
				line = ""
				break
			}
			line = substr(line, at + 2)
			comment = 0
			continue
		}
		if (!match(line, /\/\*|\/\/|"|'/)) {
			out = out line
			break
		}
		out = out substr(line, 1, RSTART - 1)
		mark = substr(line, RSTART, RLENGTH)
		line = substr(line, RSTART + RLENGTH)
		if (mark == "/*") {
			comment = 1
		} else if (mark == "//") {
			break
		} else {
			out = out mark
			while (line != "") {
				c = substr(line, 1, 1)
				line = substr(line, c == "\\" ? 3 : 2)
				if (c == mark)
					break
			}
			out = out mark
		}
	}
	if (out ~ /[^ \t]/) {
		n++
		if (strip)
			print FILENAME ":" FNR ":" out
	}
}
END {
	flush()
}
