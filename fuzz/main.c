/*
 * Replays a corpus without libFuzzer: every file of each directory or name on
 * the command line through the target, with gcc's sanitizers.  Runs as
 * whoever tests; the files are hostile by design.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define MAX_SIZE (1u << 21)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The bytes in a buffer of just their size, so that ASan sees the end. */
static int
replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *all = malloc(MAX_SIZE), *data;
	size_t n;

	if (!f || !all)
		return 1;
	n = fread(all, 1, MAX_SIZE, f);
	(void)fclose(f);
	data = realloc(all, n ? n : 1);
	(void)fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput(data, n);
	free(data);
	return 0;
}

static int
replay_dir(const char *path, unsigned *count)
{
	struct dirent **list;
	int n = scandir(path, &list, NULL, alphasort), bad = 0;
	char file[4096];

	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.') {
			(void)snprintf(file, sizeof(file), "%s/%s", path,
			    list[i]->d_name);
			bad |= replay(file);
			++*count;
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return bad;
}

int
main(int argc, char **argv)
{
	unsigned count = 0;
	int bad = 0;

	if (LLVMFuzzerInitialize)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			bad |= replay_dir(argv[i], &count);
		} else {
			bad |= replay(argv[i]);
			count++;
		}
	}
	(void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	(void)printf("%s - %u files replayed\n", bad ? "not ok" : "ok", count);
	return bad;
}
