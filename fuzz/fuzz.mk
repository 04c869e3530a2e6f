# Fuzzing.  Included by the Makefile after tests/tests.mk.  A target says what
# it links on its first lines, as tests do (tests/link.sh).
#
#	make fuzz SECONDS=n	clang's libFuzzer, each target n seconds
#	make fuzz-replay	every corpus file again, with gcc

SECONDS ?= 60
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_SRCS := $(sort $(wildcard fuzz/fuzz_*.c))
FUZZ_NAMES := $(patsubst fuzz/%.c,%,$(FUZZ_SRCS))
FUZZ_BINS := $(addprefix $(O)/fuzz/,$(FUZZ_NAMES))
REPLAY_BINS := $(addprefix $(O)/fuzz/replay/,$(FUZZ_NAMES))

.PHONY: fuzz fuzz-bins fuzz-replay fuzz-replay-bins
fuzz-bins: $(FUZZ_BINS)
fuzz: fuzz-bins
	$(Q)O=$(O) sh fuzz/run.sh $(SECONDS) $(FUZZ_NAMES)
fuzz-replay-bins: $(REPLAY_BINS)
fuzz-replay: fuzz-replay-bins
	$(Q)O=$(O) sh tests/run.sh fuzz-replay

$(O)/fuzz/obj/%.o: %.c fuzz/fuzz.mk | $(GEN)
	$(call say,CC-FUZZ,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $($(firstword $(subst /, ,$<))_CPPFLAGS) \
		$(TEST_PATHS) -std=gnu11 -O1 -g -Wall -Wextra $(FUZZ_SAN) \
		-fsanitize=fuzzer-no-link -fno-strict-aliasing -MMD -MP -c $< -o $@

$(FUZZ_BINS):
	$(call say,LD-FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_SAN) -fsanitize=fuzzer -o $@ $^ $(LINK_LIBS)

$(REPLAY_BINS): $(O)/san/fuzz/main.o
	$(call say,LD-SAN,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SAN) -o $@ $^ $(LINK_LIBS)

$(O)/fuzz/%.mk: fuzz/%.c tests/link.sh $(O)/test/.sets
	$(Q)mkdir -p $(@D)
	$(Q)sh tests/link.sh $(O)/fuzz/$* $< $(O)/fuzz/obj $(O)/gen >$@
	$(Q)sh tests/link.sh $(O)/fuzz/replay/$* $< $(O)/san $(O)/gen >>$@

ifneq ($(TEST_GOALS),)
-include $(addsuffix .mk,$(FUZZ_BINS))
-include $(shell find $(O)/fuzz/obj -name '*.d' 2>/dev/null)
endif
