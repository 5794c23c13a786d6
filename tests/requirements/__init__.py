"""What the protocol asks of a server that offers tools, a row a sentence, and the tests that prove each row.

`python -m tests.requirements` prints the table; `test_manifest.py` keeps rows and tests together.
"""
