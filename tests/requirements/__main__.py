"""Prints the table."""

import sys

from tests.requirements.report import report

if __name__ == "__main__":
    sys.stdout.write("\n".join(report()) + "\n")
