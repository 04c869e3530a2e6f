# rkt on a Debian host of its own, in qemu: `make vm`.  Included by the
# Makefile.  Debian's packages are fetched and the root image is made once, in
# $(O)/vm; without qemu or packages the tests are skipped, and say why.
VM_O := $(abspath $(O))/vm

.PHONY: vm
vm: deps
	$(Q)$(MAKE) --no-print-directory O=$(VM_O)/build PREFIX=/usr DESTDIR= all
	$(Q)O=$(abspath $(O)) RKT_VM=$(VM_O) PYTHON=$(PYTHON) sh tests/run.sh vm
