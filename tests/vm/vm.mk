# rkt on a Debian host of its own, in qemu: `make vm`, and a suite of `make
# check`.  Included by the Makefile.  The host is made of Debian's packages
# once, and kept in $(O)/vm; where they cannot be had the tests fail and say so.
VM_O := $(abspath $(O))/vm

.PHONY: vm vm-bins
vm: vm-bins
	$(Q)O=$(abspath $(O)) RKT_VM=$(VM_O) PYTHON=$(PYTHON) sh tests/run.sh vm

# What is installed there: PREFIX=/usr, as packages have it.
vm-bins: deps
	$(Q)$(MAKE) --no-print-directory O=$(VM_O)/build PREFIX=/usr DESTDIR= all
