# Ratios against peers on this machine, in one run.  Never a test.
.PHONY: bench
bench: deps
	$(Q)$(MAKE) --no-print-directory O=$(TEST_O) PREFIX=$(TEST_PREFIX) install
	$(Q)sh tests/deps.sh podman runc skopeo umoci
	$(Q)$(PYTHON) tests/bench/bench.py $(TEST_PREFIX) $(TEST_O)/bench.json
	$(Q)$(PYTHON) tests/bench/pods.py $(TEST_PREFIX) $(TEST_O)/bench-pods.json
	$(Q)$(MAKE) --no-print-directory -s O=$(TEST_O) PREFIX=$(TEST_PREFIX) uninstall
