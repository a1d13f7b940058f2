# SPDX-License-Identifier: BSD-2-Clause
"""Writes a MaxMind DB (format 2.0) for tests: networks with a place each. As a command: mmdb.py FILE [4|6], with lines
`192.0.2.0/24 {"country": {"iso_code": "DE"}}` on its standard input."""

import ipaddress
import json
import struct
import sys


def control(kind, size):
    first = kind if kind <= 7 else 0
    assert size < 285
    head = bytes([first << 5 | min(size, 29)])
    if kind > 7:
        head += bytes([kind - 7])
    return head + (bytes([size - 29]) if size >= 29 else b"")


def number(kind, value):
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return control(kind, len(data)) + data


def encode(value):
    """Text, float, dict and list; whole numbers as uint32."""
    if isinstance(value, str):
        data = value.encode()
        return control(2, len(data)) + data
    if isinstance(value, float):
        return control(3, 8) + struct.pack(">d", value)
    if isinstance(value, int):
        return number(6, value)
    if isinstance(value, dict):
        return control(7, len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    return control(11, len(value)) + b"".join(map(encode, value))


def metadata(n_nodes, version):
    fields = {"database_type": encode("Test"), "description": control(7, 0), "languages": control(11, 0), "node_count": number(6, n_nodes),
              "record_size": number(5, 32), "ip_version": number(5, version), "binary_format_major_version": number(5, 2),
              "binary_format_minor_version": number(5, 0), "build_epoch": number(9, 1)}
    return b"\xab\xcd\xefMaxMind.com" + control(7, len(fields)) + b"".join(encode(k) + v for k, v in fields.items())


class Tree:
    """A node is a list of two records; a record is None, a node's number, or ("data", offset)."""

    def __init__(self, version):
        self.version = version
        self.nodes = [[None, None]]
        self.data = b""
        self.offsets = {}

    def bits(self, net):
        width = 32 if self.version == 4 else 128
        value = int(net.network_address)  # IPv4 in the tree of IPv6 stands below ::/96
        length = net.prefixlen + (96 if self.version == 6 and net.version == 4 else 0)
        return [value >> (width - 1 - i) & 1 for i in range(length)]

    def put(self, bits, record):
        node = 0
        for bit in bits[:-1]:
            below = self.nodes[node][bit]
            if not isinstance(below, int):
                self.nodes.append([below, below])  # what held for the whole holds for both halves
                self.nodes[node][bit] = below = len(self.nodes) - 1
            node = below
        self.nodes[node][bits[-1]] = record

    def add(self, network, place):
        """Wider networks first."""
        encoded = encode(place)
        if encoded not in self.offsets:
            self.offsets[encoded] = len(self.data)
            self.data += encoded
        self.put(self.bits(ipaddress.ip_network(network)), ("data", self.offsets[encoded]))

    def node_at(self, network):
        node = 0
        for bit in self.bits(ipaddress.ip_network(network)):
            node = self.nodes[node][bit]
        return node

    def alias(self, network, of):
        self.put(self.bits(ipaddress.ip_network(network)), self.node_at(of))

    def write(self, path):
        n = len(self.nodes)
        tree = b""
        for node in self.nodes:
            for record in node:
                tree += struct.pack(">I", n if record is None else record if isinstance(record, int) else n + 16 + record[1])
        with open(path, "wb") as out:
            out.write(tree + bytes(16) + self.data + metadata(n, self.version))


def write(path, places, version=6):
    """places: {"192.0.2.0/24": {...}, ...}"""
    tree = Tree(version)
    for network in sorted(places, key=lambda text: ipaddress.ip_network(text).prefixlen):
        tree.add(network, places[network])
    if version == 6 and any("." in network for network in places):
        tree.alias("::ffff:0:0/96", "::/96")  # as MaxMind's own have it
    tree.write(path)


if __name__ == "__main__":
    LINES = [line.split(" ", 1) for line in sys.stdin.read().splitlines()]
    write(sys.argv[1], {network: json.loads(place) for network, place in LINES}, int(sys.argv[2]) if len(sys.argv) > 2 else 6)
