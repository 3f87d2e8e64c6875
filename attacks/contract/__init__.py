"""The attack contract: base class, spelling, laundering, suites and conformance checks."""
