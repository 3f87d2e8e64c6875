"""The attack contract: base class, spelling, application, suites and conformance checks."""
