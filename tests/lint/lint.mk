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

# The sandbox matrix: each worker's own objects, main.c included, with a probe
# linked in that acts when the worker has closed its doors (tests/sandbox).
sandbox_O := $(abspath $(O))/sandbox
PROBES := $(addprefix $(O)/sandbox/libexec/,conductor fetcher verify second unpack \
	stage1-enter)
.PHONY: sandbox-bins
sandbox-bins: $(PROBES) $(O)/sandbox/matrix
sandbox: sandbox-bins
	$(Q)O=$(O) sh tests/run.sh sandbox

$(O)/sandbox/obj/%.o: tests/sandbox/%.c $(O)/.flags
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 $(CFLAGS) -Wall -Wextra $(WERROR) \
		-fPIE -MMD -MP -c $< -o $@
-include $(wildcard $(O)/sandbox/obj/*.d)
$(O)/sandbox/obj/paths.o: privsep/paths.c $(O)/.flags
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -DRKT_LIBEXECDIR='"$(sandbox_O)/libexec"' \
		-DRKT_VENDORDIR='"/nonexistent"' -DRKT_CONFDIR='"/nonexistent"' \
		-DRKT_DATADIR='"/nonexistent"' -DRKT_VERSION='"0"' -c $< -o $@

define probe
$(O)/sandbox/libexec/$(1): $$(call obj,$$($(1)_SRCS_ALL)) \
		$(O)/sandbox/obj/probe.o $(O)/sandbox/obj/acts.o
	$$(call say,LD,probe $(1))
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -Wl,--wrap=ps_seccomp \
		-Wl,--wrap=ps_worker_enter -o $$@ $$^ $$($(1)_LIBS)
endef
$(foreach p,conductor fetcher verify second unpack stage1-enter,$(eval $(call probe,$(p))))

matrix_SRCS := launcher/workers.c launcher/words.c launcher/files.c launcher/sys.c \
	launcher/sys_spawn.c launcher/users.c $(filter-out privsep/paths.c,$(privsep_root_SRCS))
$(O)/sandbox/matrix: $(call obj,$(matrix_SRCS)) \
		$(O)/sandbox/obj/matrix.o $(O)/sandbox/obj/acts.o \
		$(O)/sandbox/obj/inspect.o $(O)/sandbox/obj/pod.o \
		$(call obj,stage1/common/door.c) \
		$(O)/sandbox/obj/paths.o
	$(call say,LD,matrix)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -Wl,--wrap=sys_wait \
		-Wl,--wrap=sys_kill -o $@ $^ -lkeyutils
