# SPDX-License-Identifier: BSD-2-Clause
"""The loads: a row each, with the most that steerway may cost as a share of the best peer (issue 3's table)."""


class Row:
	"""`tool` is `load` (bench/load.c, with these options) or `h2load`. `port`: clear, tls, h2, h2s. `base`: the row whose best peer is the
	measure, where it is another. `counted`: requests of the run under strace; a fifth of it under callgrind."""

	warm = 20  # requests before those that are counted

	def __init__(self, key, title, target, tool="load", options=(), port="clear", back="h1", counted=5000, base=None, idle=0):
		self.key, self.title, self.target, self.tool, self.options, self.port, self.back = key, title, target, tool, options, port, back
		self.counted, self.base, self.idle = counted, base or key, idle

	def is_picked(self, patterns):
		return not patterns or any(p.lower() in f"{self.key} {self.title}".lower() for p in patterns)

	def is_for(self, running):
		return running.back == self.back and (self.tool == "load" or running.has_h2)


KEPT = ["-c", "64"]
ROWS = [
	Row("h1", "h1 keep-alive, small", 0.80, options=KEPT),
	Row("tls", "TLS 1.3 keep-alive, small", 0.80, options=[*KEPT, "-T"], port="tls"),
	Row("h2", "h2 (16 x 32) to h1", 0.80, tool="h2load", options=["-c", "16", "-m", "32"], port="h2"),
	Row("h2s", "h2 over TLS (16 x 32) to h1", 0.80, tool="h2load", options=["-c", "16", "-m", "32"], port="h2s"),
	Row("h1-h2c", "h1 to h2c origin (multiplexed)", 0.60, options=KEPT, back="h2", base="h1"),
	Row("full", "full handshake P-256", 0.92, options=["-c", "16", "-N", "-T", "-w", "100"], port="tls", counted=200),
	Row("resumed", "resumed TLS connection", 0.85, options=["-c", "16", "-N", "-T", "-R", "-w", "100"], port="tls", counted=200),
	Row("new", "new clear-text connection", 0.90, options=["-c", "16", "-N", "-w", "500"], counted=1000),
	Row("1m", "1 MiB clear text", 0.55, options=["-c", "16", "-u", "/1m", "-w", "100"], counted=200),
	Row("1m-tls", "1 MiB TLS", 0.85, options=["-c", "16", "-u", "/1m", "-w", "100", "-T"], port="tls", counted=100),
	Row("idle", "bytes an idle h1 connection", 1.0, idle=8000),
	Row("idle-tls", "bytes an idle TLS connection", 0.85, options=["-T"], port="tls", idle=3000),
]
