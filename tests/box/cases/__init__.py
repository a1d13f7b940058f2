# SPDX-License-Identifier: BSD-2-Clause
"""Cases in raw bytes, by section of their RFC: what is sent, and what must come of it. The tests that run them are test_h1_cases.py,
test_hostile_servers.py, test_h2_cases.py and test_reference.py."""
