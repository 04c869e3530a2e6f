# Ratios against peers on this machine, in one run.  Never a test.
.PHONY: bench
bench: deps
	$(Q)$(MAKE) --no-print-directory O=$(TEST_O) PREFIX=$(TEST_PREFIX) install
	$(Q)$(PYTHON) tests/bench/bench.py $(TEST_PREFIX) $(TEST_O)/bench.json
	$(Q)$(MAKE) --no-print-directory -s O=$(TEST_O) PREFIX=$(TEST_PREFIX) uninstall
