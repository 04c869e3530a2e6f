#pragma once
/*
 * The command line: acbuild's words in a table, its flags in another.  Caller:
 * whoever builds an image, with no privilege.  Pure: what it prints, it prints
 * for --help alone.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BD_MAX_LABELS 32u

struct bd_options {
	bool help, debug, no_history;
	const char *work_path, *modify; /* NULL: not said */
	bool read_only, socket_activated, pretty, overwrite, to_dir, net;
	bool insecure;
	uint64_t count, size; /* 0: not said */
	const char *image_id, *key, *working_dir, *engine, *build_mode;
	size_t n_labels;
	const char *labels[BD_MAX_LABELS]; /* NAME=VALUE */
};

struct bd_build;
struct bd_call;

enum {
	BD_NO_BUILD = 1,   /* needs no build in progress */
	BD_NO_EDIT = 2,	   /* leaves the image as it is: no history, no write */
	BD_REST = 4,	   /* flags end before the first argument */
	BD_NO_MODIFY = 8   /* makes no sense with --modify */
};

struct bd_command {
	const char *words; /* "label add" */
	const char *usage; /* of its arguments */
	const char *summary;
	const char *kinds; /* of its arguments, a letter each (words.c); the
			    * last one is that of all that follow */
	int least, most;   /* arguments; most < 0: any number */
	unsigned flags;	   /* a bit for each row of the table of flags */
	unsigned marks;	   /* BD_NO_BUILD, ... */
	int (*act)(struct bd_build *b, const struct bd_call *c);
};

struct bd_call {
	const struct bd_command *command; /* NULL: none was named */
	struct bd_options o;
	size_t n;
	const char **v; /* arguments, and NULL behind them */
};

/* Bits of bd_command.flags; what is global is every command's. */
enum {
	BD_F_READ_ONLY = 1 << 0,
	BD_F_COUNT = 1 << 1,
	BD_F_SOCKET = 1 << 2,
	BD_F_PRETTY = 1 << 3,
	BD_F_OVERWRITE = 1 << 4,
	BD_F_TO_DIR = 1 << 5,
	BD_F_IMAGE_ID = 1 << 6,
	BD_F_LABEL = 1 << 7,
	BD_F_SIZE = 1 << 8,
	BD_F_KEY = 1 << 9,
	BD_F_WORKING_DIR = 1 << 10,
	BD_F_ENGINE = 1 << 11,
	BD_F_NET = 1 << 12,
	BD_F_INSECURE = 1 << 13,
	BD_F_BUILD_MODE = 1 << 14
};

/* Rows end with words == NULL. */
extern const struct bd_command bd_commands[];

#define BD_ERROR 512

/* argv[1..] to a call; c->v has room for argc + 1 pointers.  0, or -EINVAL and
 * error[BD_ERROR] is a line that says what is wrong. */
int bd_parse(int argc, char *const argv[], struct bd_call *c, char *error);

/* Help for a command, or for all: NULL. */
void bd_help(const struct bd_command *command);
