#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Computes the perfect hash of the known field names (field.c) from tables/http_fields.h and writes field_slots.h.

The key is the length and three bytes; the multiplier is searched until no two names share a slot. The unit test of
field.c fails when the result is stale."""
import pathlib
import random
import re

here = pathlib.Path(__file__).resolve().parent
rows = re.findall(r'^HTTP_FIELD\((\w+), "([^"]+)"', (here / "../../include/steerway/tables/http_fields.h").read_text(), re.M)
BITS = 9


def key(name):
    first, middle, last = (ord(name[i]) | 0x20 for i in (0, len(name) // 2, -2))
    return len(name) | first << 8 | middle << 16 | last << 24


assert rows and len(rows) <= 127 and all(re.fullmatch(r"[a-z0-9-]{2,31}", name) for _, name in rows)
keys = {key(name): id for id, name in rows}
assert len(keys) == len(rows), "two names have one key: take other letters"
rand = random.Random(1)
while True:
    factor = rand.getrandbits(32) | 1
    slots = {(k * factor & 0xFFFFFFFF) >> (32 - BITS): id for k, id in keys.items()}
    if len(slots) == len(rows):
        break
rows = "".join(f" \\\n\t[{slot}] = HTTP_FIELD_{slots[slot]}," for slot in sorted(slots))
(here / "field_slots.h").write_text(
    "/* SPDX-License-Identifier: BSD-2-Clause */\n"
    "/* Written by field_slots.py from tables/http_fields.h: the perfect hash of the known names. */\n"
    f"#define FIELD_HASH_FACTOR UINT32_C({factor:#x})\n"
    f"#define FIELD_HASH_SHIFT {32 - BITS}\n"
    f"#define FIELD_SLOTS {rows}\n")
