# Ratios against peers on this machine, in one run.  Never a test.
.PHONY: bench
bench: deps
	$(Q)$(MAKE) --no-print-directory O=$(TEST_O) PREFIX=$(TEST_PREFIX) install
	$(Q)sh tests/deps.sh podman crun skopeo umoci
	$(Q)$(PYTHON) tests/bench/bench.py $(TEST_PREFIX) $(TEST_O)/bench.json
	$(Q)unshare --mount sh -c 'test ! -d /sys/fs/cgroup/unified || \
		umount -l /sys/fs/cgroup/unified; exec "$$@"' - \
		$(PYTHON) tests/bench/pods.py $(TEST_PREFIX) $(TEST_O)/bench-pods.json
	$(Q)$(MAKE) --no-print-directory -s O=$(TEST_O) PREFIX=$(TEST_PREFIX) uninstall
