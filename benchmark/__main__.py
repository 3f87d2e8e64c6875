"""`python -m benchmark` is the `launderbench` command."""

import sys

import launderbench

if __name__ == "__main__":
    sys.exit(launderbench.command())
