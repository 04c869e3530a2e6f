# Tests: built with gcc, ASan and UBSan, apart from the programs' own objects.
# Included by the Makefile.  A test says what it links on its first lines (see
# tests/link.sh).

SAN := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
TEST_WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wvla $(WERROR)
TEST_CFLAGS := -std=gnu11 -O1 -g $(TEST_WARN) -fno-strict-aliasing
TEST_PATHS := -DRKT_LIBEXECDIR='"/usr/libexec/rkt"' \
	-DRKT_VENDORDIR='"/usr/lib/rkt"' -DRKT_CONFDIR='"/etc/rkt"' \
	-DRKT_DATADIR='"/var/lib/rkt"' -DRKT_VERSION='"$(VERSION)"'

# Sets for @room: a room without its main.c, and root's without its system
# calls, for which tests/unit/launcher/fake_sys.c stands.
export SET_privsep := $(privsep_SRCS) privsep/disks.c privsep/streams.c privsep/sysctl.c privsep/volume.c
export SET_appc := $(appc_SRCS)
export SET_launcher := $(filter-out launcher/main.c launcher/sys.c \
	launcher/sys_spawn.c,$(launcher_SRCS)) \
	$(addprefix tests/unit/launcher/,fake_sys.c fake_files.c fake_mount.c \
	fake_proc.c fake_host.c world.c)
export SET_cli := $(filter-out cli/main.c,$(cli_SRCS))
export SET_fetcher := $(filter-out fetcher/main.c,$(fetcher_SRCS))
export SET_verify := $(filter-out verifier/openpgp/main.c,$(verify_SRCS))
export SET_unpack := $(filter-out verifier/unpack/main.c,$(unpack_SRCS))
export LIBS_appc := -ljansson -lcap-ng
export LIBS_launcher := -Wl,--wrap=fstat -Wl,--wrap=poll -Wl,--wrap=access
export LIBS_cli := -ljansson -lseccomp -lcap-ng
export LIBS_fetcher := $(fetcher_LIBS)
export LIBS_verify := $(verify_LIBS)
export LIBS_unpack := $(unpack_LIBS)

TEST_SRCS := $(sort $(wildcard tests/unit/*/t_*.c tests/sandbox/t_*.c \
	tests/hostile/t_*.c))
TEST_BINS := $(patsubst tests/%.c,$(O)/test/%,$(TEST_SRCS))

.PHONY: unit test-bins
test-bins: $(TEST_BINS)
unit: test-bins
	$(Q)O=$(O) sh tests/run.sh unit-c

$(O)/san/%.o: %.c tests/tests.mk | $(GEN)
	$(call say,CC-SAN,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $($(firstword $(subst /, ,$<))_CPPFLAGS) \
		$(TEST_PATHS) $(TEST_CFLAGS) $(SAN) -MMD -MP -c $< -o $@

$(TEST_BINS):
	$(call say,LD-SAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SAN) -o $@ $^ $(LINK_LIBS) -lcmocka

# A file more or less in a room, and every fragment is made again.
$(O)/test/.sets: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)env | grep -E '^(SET|LIBS)_' | LC_ALL=C sort | cmp -s - $@ || \
		env | grep -E '^(SET|LIBS)_' | LC_ALL=C sort >$@

$(O)/test/%.mk: tests/%.c tests/link.sh $(O)/test/.sets
	$(Q)mkdir -p $(@D)
	$(Q)sh tests/link.sh $(O)/test/$* $< $(O)/san $(O)/gen >$@

TEST_GOALS := $(filter unit check-bins test-bins mutants fuzz% $(O)/test/% \
	$(O)/fuzz/%,$(MAKECMDGOALS))
ifneq ($(TEST_GOALS),)
-include $(addsuffix .mk,$(TEST_BINS))
-include $(shell find $(O)/san -name '*.d' 2>/dev/null)
endif

.PHONY: mutants
mutants:
	$(Q)O=$(O) sh tests/hostile/mutants.sh
