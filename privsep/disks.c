/*
 * Lines "   8        0  500107608 sda", below a heading.  Runs as root in the
 * launcher, and as the pod's root in appexec.
 */
#include "privsep/disks.h"

#include <stdio.h>
#include <string.h>

bool
ps_next_disk(const char **text, char ret[32])
{
	static const char digits[] = "0123456789";

	while (**text != '\0') {
		const char *major = *text + strspn(*text, " ");
		int n = (int)strspn(major, digits);
		const char *minor = major + n + strspn(major + n, " ");
		int m = (int)strspn(minor, digits);

		*text += strcspn(*text, "\n");
		*text += **text == '\n';
		if (n > 0 && n < 12 && m > 0 && m < 12) {
			(void)snprintf(ret, 32, "%.*s:%.*s", n, major, m, minor);
			return true;
		}
	}
	return false;
}
