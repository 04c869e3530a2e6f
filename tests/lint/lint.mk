# Lint, the TCB table, the protocol's text and the sandbox matrix.  Included
# by the Makefile, whose variables it reads; the scripts stand alone then.

.PHONY: lint tcb sandbox
all: $(O)/lint/programs
lint: all $(O)/protocol
	$(Q)O=$(O) sh tests/run.sh lint

tcb: all
	$(Q)sh tests/lint/tcb.sh O=$(O)

# What each program is linked from, and how a file is compiled.
$(O)/lint/programs: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' $(foreach p,$(PROGRAMS),'$(p) $($(p)_SRCS_ALL)') >$@
	$(Q)printf '%s\n' '$(strip $(CC) $(CPPFLAGS) $(fetcher_CPPFLAGS) -std=gnu11 $(WARN) $(WARN_GCC))' >$(@D)/compile

# The .def files as text: docs/PROTOCOL.md is committed, a lint compares it.
$(O)/protocol: docs/protocol.c $(wildcard privsep/*.def) privsep/proto.c \
		privsep/proto.h privsep/limits.h privsep/log.h
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(O)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 -O1 -Wall -Wextra -o $@ docs/protocol.c \
		privsep/proto.c privsep/codec.c privsep/name.c

.PHONY: docs/PROTOCOL.md
docs/PROTOCOL.md: $(O)/protocol
	$(Q)$(O)/protocol >$@.tmp && mv $@.tmp $@
