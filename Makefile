# rkt: one makefile, no recursion but for private prefixes, no configure.
#
# A program is a row: its sources, its libraries.  The link lines are the
# table of docs/ARCHITECTURE.md, and `make lint` checks them against the
# programs that came out.

PREFIX ?= /usr
O ?= build
V ?= 0
DESTDIR ?=
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
PYTHON ?= /usr/bin/python3

# Under /usr the system's own /etc and /var; any other prefix keeps to itself.
ifeq ($(PREFIX),/usr)
SYSCONFDIR ?= /etc
LOCALSTATEDIR ?= /var
else
SYSCONFDIR ?= $(PREFIX)/etc
LOCALSTATEDIR ?= $(PREFIX)/var
endif
BINDIR := $(PREFIX)/bin
LIBEXECDIR := $(PREFIX)/libexec/rkt
VENDORDIR := $(PREFIX)/lib/rkt
MANDIR := $(PREFIX)/share/man
VERSION := 2.0.0

# --- flags -----------------------------------------------------------------
WARN := -Wall -Wextra -Wpedantic -Wformat=2 -Wconversion -Wsign-conversion \
	-Wimplicit-fallthrough -Wshadow -Wvla -Walloca -Wundef \
	-Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wcast-qual -Wwrite-strings -Wpointer-arith -Wswitch-enum \
	-Wnull-dereference -Wframe-larger-than=16384 -Wdate-time \
	-Werror=format-security -Werror=implicit \
	-Werror=incompatible-pointer-types -Werror=int-conversion \
	-Werror=return-type
WARN_GCC := -Wtrampolines -Wbidi-chars=any -Wlogical-op -Wduplicated-cond \
	-Wduplicated-branches -Wformat-signedness -Warith-conversion \
	-Wcast-align=strict -Wstack-usage=16384 -Warray-bounds=2 \
	-Wstringop-overflow=4
HARDEN := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
	-fstack-clash-protection -fcf-protection=full -fPIE -fno-strict-overflow \
	-fno-strict-aliasing -fno-delete-null-pointer-checks -fno-common \
	-fvisibility=hidden -fno-plt
HARDEN_GCC := -ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr
WERROR ?= -Werror
CPPFLAGS += -D_GNU_SOURCE -I. -I$(O)/gen
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARN) $(WARN_GCC) $(HARDEN) $(HARDEN_GCC) \
	$(WERROR) -ffile-prefix-map=$(CURDIR)=.
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code \
	-Wl,-z,nodlopen,--as-needed,--no-copy-dt-needed-entries \
	-Wl,--build-id=sha1,--fatal-warnings $(LDFLAGS)

# --- programs --------------------------------------------------------------
# What goes into root is listed by hand; so is what every program shares.
privsep_root_SRCS := privsep/chan.c privsep/codec.c privsep/fds.c \
	privsep/kv.c privsep/log.c privsep/name.c privsep/paths.c \
	privsep/policy.c privsep/proto.c privsep/record.c
privsep_SRCS := $(privsep_root_SRCS) privsep/worker.c
appc_SRCS := $(sort $(wildcard appc/*.c))

launcher_SRCS := $(sort $(wildcard launcher/*.c))
cli_SRCS := $(sort $(wildcard cli/*.c))
fetcher_SRCS := $(sort $(wildcard fetcher/*.c))
verify_SRCS := $(sort $(wildcard verifier/openpgp/*.c))
unpack_SRCS := $(sort $(wildcard verifier/unpack/*.c))
nspawn_SRCS := $(sort $(wildcard stage1/nspawn/*.c))
enter_SRCS := $(sort $(wildcard stage1/enter/*.c))
appexec_SRCS := $(sort $(wildcard stage1/appexec/*.c))

PROGRAMS := rkt conductor fetcher verify second unpack stage1-nspawn \
	stage1-enter appexec rkt-build

rkt_SRCS = $(launcher_SRCS) $(privsep_root_SRCS) privsep/disks.c \
	privsep/sysctl.c
rkt_LIBS = -lkeyutils
conductor_SRCS = $(cli_SRCS) $(appc_SRCS) $(privsep_SRCS) privsep/streams.c \
	privsep/sysctl.c privsep/volume.c
conductor_LIBS = -ljansson -lseccomp -lcap-ng
fetcher_ALL = $(fetcher_SRCS) $(privsep_SRCS)
fetcher_LIBS = -lcurl -lxml2
verify_ALL = $(verify_SRCS) $(privsep_SRCS)
verify_LIBS = -lgpgme -lcrypto
second_ALL = $(sort $(wildcard verifier/second/*.c)) $(addprefix \
	verifier/openpgp/,armour.c packet.c report.c trust.c) $(privsep_SRCS)
second_LIBS = -lcrypto
unpack_ALL = $(unpack_SRCS) $(appc_SRCS) $(privsep_SRCS)
unpack_LIBS = -larchive -ljansson -lcap-ng -lcrypto -lisal -llzma -lzstd -lbz2
stage1-nspawn_SRCS = $(nspawn_SRCS) stage1/common/unit.c privsep/codec.c privsep/fds.c \
	privsep/kv.c privsep/log.c privsep/name.c privsep/paths.c privsep/proto.c \
	privsep/streams.c
stage1-nspawn_LIBS =
stage1-enter_SRCS = $(enter_SRCS) stage1/common/door.c privsep/codec.c \
	privsep/fds.c privsep/log.c privsep/name.c privsep/proto.c \
	privsep/streams.c privsep/worker.c
stage1-enter_LIBS =
appexec_ALL = $(appexec_SRCS) $(addprefix stage1/common/,door.c unit.c) privsep/codec.c \
	privsep/disks.c privsep/fds.c privsep/log.c privsep/name.c privsep/proto.c privsep/streams.c
appexec_LIBS =
appexec_LDFLAGS = -static-pie

rkt-build_SRCS_ALL = $(sort $(wildcard builder/*.c)) $(appc_SRCS) \
	privsep/fds.c privsep/kv.c privsep/log.c privsep/name.c \
	privsep/paths.c privsep/policy.c
rkt-build_LIBS = -larchive -ljansson -lcap-ng

fetcher_CPPFLAGS := -I/usr/include/libxml2

POLICIES := $(sort $(wildcard policies/*.policy))
GEN := $(patsubst policies/%.policy,$(O)/gen/policies/%.h,$(POLICIES))
.SECONDARY: $(GEN)

BINS := $(addprefix $(O)/,$(PROGRAMS))

ifeq ($(V),0)
Q := @
say = @printf '  %-7s %s\n' '$(1)' '$(2)'
endif

.PHONY: all
all: $(BINS)

# --- rules -----------------------------------------------------------------
obj = $(patsubst %.c,$(O)/obj/%.o,$(1))

$(O)/.flags: FORCE
	$(Q)mkdir -p $(O)
	$(Q)echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(PREFIX)' | cmp -s - $@ || \
		echo '$(CC) $(ALL_CFLAGS) $(CPPFLAGS) $(PREFIX)' >$@
FORCE:

$(O)/obj/%.o: %.c $(O)/.flags | $(GEN)
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $($(firstword $(subst /, ,$<))_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(O)/obj/privsep/paths.o: CPPFLAGS += \
	-DRKT_LIBEXECDIR='"$(LIBEXECDIR)"' -DRKT_VENDORDIR='"$(VENDORDIR)"' \
	-DRKT_CONFDIR='"$(SYSCONFDIR)/rkt"' -DRKT_DATADIR='"$(LOCALSTATEDIR)/lib/rkt"' \
	-DRKT_VERSION='"$(VERSION)"'

define program
$(O)/$(1): $$(call obj,$$($(1)_SRCS_ALL))
	$$(call say,LD,$(1))
	$$(Q)$$(CC) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) $$($(1)_LDFLAGS) -o $$@ $$^ $$($(1)_LIBS)
endef
rkt_SRCS_ALL = $(rkt_SRCS)
conductor_SRCS_ALL = $(conductor_SRCS)
fetcher_SRCS_ALL = $(fetcher_ALL)
verify_SRCS_ALL = $(verify_ALL)
second_SRCS_ALL = $(second_ALL)
unpack_SRCS_ALL = $(unpack_ALL)
stage1-nspawn_SRCS_ALL = $(stage1-nspawn_SRCS)
stage1-enter_SRCS_ALL = $(stage1-enter_SRCS)
appexec_SRCS_ALL = $(appexec_ALL)
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# Seccomp policies: text in, a BPF array in a header out (policies/mkpolicy.c).
$(O)/mkpolicy: policies/mkpolicy.c
	$(call say,HOSTCC,$<)
	$(Q)mkdir -p $(O)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 -O1 -Wall -Wextra -o $@ $< -lseccomp
$(O)/gen/policies/%.h: policies/%.policy $(O)/mkpolicy
	$(call say,POLICY,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(O)/mkpolicy $* $< >$@.tmp && mv $@.tmp $@

.PHONY: clean
clean:
	rm -rf $(O)

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)

# --- install ---------------------------------------------------------------
# The stage1 tree is made from this machine's own systemd, and belongs at rest
# to the foreign id range; its parent is root's alone.
.PHONY: install uninstall
install: all
	$(call say,INSTALL,$(PREFIX))
	$(Q)install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBEXECDIR) \
		$(DESTDIR)$(VENDORDIR) $(DESTDIR)$(MANDIR)
	$(Q)install -m 0755 $(O)/rkt $(O)/rkt-build $(DESTDIR)$(BINDIR)
	$(Q)install -m 0755 $(addprefix $(O)/,$(filter-out rkt appexec rkt-build,$(PROGRAMS))) \
		$(DESTDIR)$(LIBEXECDIR)
	$(Q)install -m 0644 policies/policy.default $(DESTDIR)$(VENDORDIR)/policy
	$(Q)install -m 0644 policies/policy.production $(DESTDIR)$(VENDORDIR)/
	$(Q)install -d $(DESTDIR)$(PREFIX)/lib/sysusers.d
	$(Q)install -m 0644 policies/sysusers.conf \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/rkt.conf
	$(Q)install -d -m 0700 $(DESTDIR)$(VENDORDIR)/stage1
	$(Q)install -d -m 0755 $(DESTDIR)$(VENDORDIR)/stage1/nspawn
	$(Q)sh stage1/nspawn/assemble.sh $(DESTDIR)$(VENDORDIR)/stage1/nspawn/rootfs $(O)/appexec
	$(Q)chown -R -h 2147352576:2147352576 $(DESTDIR)$(VENDORDIR)/stage1/nspawn/rootfs
	$(Q)for m in $(wildcard docs/man/*.[1-8]); do \
		s=$${m##*.}; install -d $(DESTDIR)$(MANDIR)/man$$s; \
		install -m 0644 $$m $(DESTDIR)$(MANDIR)/man$$s; done
	$(Q)[ -n '$(DESTDIR)' ] || sh policies/users.sh add $(PREFIX)

# The data directory and the administrator's configuration stay.
uninstall:
	$(call say,REMOVE,$(PREFIX))
	$(Q)[ -n '$(DESTDIR)' ] || sh policies/users.sh remove $(PREFIX)
	$(Q)rm -f $(DESTDIR)$(BINDIR)/rkt $(DESTDIR)$(BINDIR)/rkt-build
	$(Q)for m in $(notdir $(wildcard docs/man/*.[1-8])); do \
		rm -f $(DESTDIR)$(MANDIR)/man$${m##*.}/$$m; done
	$(Q)rm -rf $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(VENDORDIR)/stage1
	$(Q)rm -f $(DESTDIR)$(PREFIX)/lib/sysusers.d/rkt.conf
	$(Q)rm -f $(DESTDIR)$(VENDORDIR)/policy $(DESTDIR)$(VENDORDIR)/policy.production
	$(Q)rmdir $(DESTDIR)$(VENDORDIR) 2>/dev/null || true

# --- tests -----------------------------------------------------------------
# Each room's own rules; every target is listed by `make help`.
TEST_O ?= $(abspath $(O))/check
TEST_PREFIX ?= $(TEST_O)/root
-include tests/tests.mk fuzz/fuzz.mk tests/lint/lint.mk tests/bench/bench.mk tests/vm/vm.mk

.PHONY: deps quickstart check help
# Debian packages, where root builds on a Debian-family machine.
deps:
	$(Q)sh tests/deps.sh

# The demo's own prefix: nothing outside the build folder but service users.
quickstart: deps
	$(Q)$(MAKE) --no-print-directory O=$(abspath $(O))/quickstart \
		PREFIX=$(abspath $(O))/quickstart/root install
	$(Q)PREFIX=$(abspath $(O))/quickstart/root RKT_BUILD=$(abspath $(O))/quickstart \
		sh tests/quickstart/quickstart.sh
	$(Q)$(MAKE) --no-print-directory O=$(abspath $(O))/quickstart \
		PREFIX=$(abspath $(O))/quickstart/root uninstall

# Everything.  The last line counts all suites.
SUITES ?= unit lint sandbox fuzz-replay hostile stage1 functional vm
check: deps $(if $(filter vm,$(SUITES)),vm-bins)
	$(Q)$(MAKE) --no-print-directory O=$(TEST_O) PREFIX=$(TEST_PREFIX) \
		install check-bins
	$(Q)RKT_PREFIX=$(TEST_PREFIX) RKT_STAGE1_BUILD=$(TEST_O) O=$(TEST_O) RKT_VM=$(VM_O) \
		PYTHON=$(PYTHON) sh tests/run.sh $(SUITES); r=$$?; \
		$(MAKE) --no-print-directory -s O=$(TEST_O) PREFIX=$(TEST_PREFIX) \
			uninstall >/dev/null; exit $$r
.PHONY: check-bins
check-bins: all test-bins sandbox-bins fuzz-replay-bins $(O)/protocol

help:
	@echo 'make              build into $(O)/'
	@echo 'make quickstart   install what is needed, build, and show it working'
	@echo 'make check        install what the tests need, and run all of them'
	@echo 'make install PREFIX=/usr | uninstall'
	@echo 'make unit lint tcb fuzz SECONDS=60 fuzz-replay mutants bench vm'
