#pragma once
/*
 * A launcher's session in a fake host, with the other ends in the test's
 * hands: the conductor's words are queued before ln_serve runs, workers answer
 * as soon as they are started.
 *
 * In the trust store KEY_A speaks for example.com; KEY_M is masked for it;
 * KEY_N stands nowhere.
 */
#include "tests/unit/test.h"

#include "launcher/plan.h"
#include "launcher/session.h"
#include "launcher/store.h"
#include "privsep/record.h"
#include "tests/unit/launcher/fake_sys.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_M "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEY_N "cccccccccccccccccccccccccccccccccccccccc"
#define UUID "01234567-89ab-cdef-0123-456789abcdef"
#define NAME "example.com/hello"

/* Images that are named by the byte their id repeats. */
enum { IMAGE_NEW = 0x11, IMAGE_GOOD = 0x22, IMAGE_UNSIGNED = 0x33,
	IMAGE_MASKED = 0x44, IMAGE_OTHER = 0x55, RAW = 0x77, TREE = 0x99 };

/* What the workers say, and how they end. */
struct script {
	const char *fetched[PS_FETCH_SLOTS]; /* what the fetcher writes */
	int fetcher_ends;
	struct ps_msg_VERDICT verdict;
	int verify_ends;
	struct ps_msg_VERDICT second; /* site policy: verifiers 2 */
	int second_ends;
	struct ps_msg_UNPACKED unpacked;
	struct ps_msg_TREE tree;
	int unpack_ends;
	struct ps_msg_KEYLIST keys;
	int exported; /* descriptor to send; -1: a sealed key */
	bool existing; /* after UNPACKED the tree in the store is digested */
	bool unpack_said;
	bool silent; /* workers say nothing, and their edge closes */
};

struct world {
	struct ln_session s;
	struct ps_chan conductor; /* its end */
	struct script script;
	unsigned fds; /* open before it began */
	bool keep;    /* the host stays as it is when the next one begins */
};
extern struct world world;

/* Once a program. */
int world_set_up(void **state);
int world_tear_down(void **state);
/* Around one test: a session with world_words as its argv. */
extern char *const *world_words;
int world_open(void **state);
int world_close(void **state);
#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
/* A session with this argv (NULL ends it), HELLO said and heard.  */
void world_begin(char *const argv[]);
/* The same, but the conductor has said nothing yet. */
void world_begin_mute(char *const argv[]);
/* world_end, and the next session in the same host. */
void world_again(char *const argv[]);
/* Closes all; anything still open is a leak, and aborts. */
void world_end(void);

/* The conductor speaks. */
#define SAY(NAME, ...)                                                       \
	assert_int_equal(PS_SEND(&world.conductor, NAME,                     \
	    (&(struct ps_msg_##NAME){ __VA_ARGS__ }), NULL, 0), 0)
/* ln_serve until all that was said is answered; its result. */
int world_serve(void);
/* The next answer; 0 if there is none. */
uint16_t world_hear(struct ps_frame **ret);
/* The next answer is of this type; false and a message otherwise. */
void world_expect(uint16_t type);
/* It is REFUSED with this code. */
void world_refused(uint32_t code);

/* The words of a command line that has none with a space; four at a time. */
struct ln_argv world_line(const char *line);

/* An image in the store. */
void world_image(uint8_t id, const char *name, const char *signer);
/* A plan that is good for `rkt run IMAGE`. */
void world_plan(struct ln_plan *ret, uint8_t id);
/* Its bytes; their length. */
size_t world_plan_bytes(const struct ln_plan *plan, uint8_t *to, size_t size);
/* One more app (a copy of the first), volume, mount. */
void world_add_app(struct ln_plan *plan, const char *name, uint8_t id);
struct ps_msg_PLAN_VOLUME *world_add_volume(struct ln_plan *plan,
    const char *name, uint8_t kind, const char *source);
void world_add_mount(struct ps_msg_PLAN_APP *app, const char *volume,
    const char *target);
/* START_POD with it. */
void world_start_pod(const struct ln_plan *plan);
void world_start_how(const struct ln_plan *plan, uint8_t how);

/* The trace is what expect/NAME.trace says (UPDATE=1 writes it). */
void world_trace_is(const char *name);
