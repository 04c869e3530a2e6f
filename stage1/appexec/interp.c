/*
 * Why a program that is there cannot be executed: the interpreter that it names
 * is not.  Runs as the app, in its root, before the app's filter.  HOSTILE: the
 * program's first bytes.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "privsep/attr.h"
#include "stage1/appexec/appexec.h"

#define HEAD 4096u /* bytes that are looked at; the kernel takes 256 of a #! */

/* "#!", blanks, a path, and what ends it. */
static bool
of_script(char *head, size_t n, const char **ret)
{
	size_t at = 2, end;

	if (n < 3 || head[0] != '#' || head[1] != '!')
		return false;
	while (at < n && (head[at] == ' ' || head[at] == '\t'))
		at++;
	for (end = at; end < n && !strchr(" \t\n", head[end]); end++)
		;
	if (end == n || end == at)
		return false;
	head[end] = '\0';
	*ret = head + at;
	return true;
}

static bool
of_elf(char *head, size_t n, const char **ret)
{
	Elf64_Ehdr e;
	Elf64_Phdr p;

	if (n < sizeof(e))
		return false;
	memcpy(&e, head, sizeof(e));
	if (memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
	    e.e_ident[EI_CLASS] != ELFCLASS64 || e.e_phentsize != sizeof(p))
		return false;
	for (size_t i = 0; i < e.e_phnum; i++) {
		if (e.e_phoff > n || (i + 1) * sizeof(p) > n - e.e_phoff)
			return false;
		memcpy(&p, head + e.e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type != PT_INTERP)
			continue;
		if (p.p_offset >= n || p.p_filesz < 2 ||
		    p.p_filesz > n - p.p_offset ||
		    head[p.p_offset + p.p_filesz - 1] != '\0')
			return false;
		*ret = head + p.p_offset;
		return true;
	}
	return false;
}

/* It is said in the app's log: plain words alone. */
static bool
is_plain(const char *s)
{
	while (*s > ' ' && *s < 0x7f)
		s++;
	return *s == '\0';
}

const char *
s1_missing_interpreter(const char *program)
{
	static char head[HEAD];
	_cleanup_fd_ int fd =
	    open(program, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);
	const char *path = NULL;

	if (n <= 0 || (!of_script(head, (size_t)n, &path) &&
			  !of_elf(head, (size_t)n, &path)) ||
	    !is_plain(path))
		return NULL;
	return access(path, F_OK) < 0 && errno == ENOENT ? path : NULL;
}
