#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Closed-loop HTTP load that accounts for every single request.

	load.py HOST:PORT --connections 64 [--path P] [--host H] [--pause-ms N]

Runs until its standard input ends, then lets requests in progress finish and prints one JSON object: requests, ok, statuses,
failures (text of the first 20, and their number), closed_idle (a kept connection that was closed without a word before the next
request got a byte back), reconnects (asked for by Connection: close), in_flight_max, sites (by X-Site), first and last failure
in monotonic seconds, and the longest time between two successes. A failure is anything but a whole 2xx answer.
"""
import argparse
import asyncio
import json
import sys
import time


class Load:
	def __init__(self, args):
		host, _, port = args.address.rpartition(":")
		self.address, self.args = (host, int(port)), args
		self.stopping = False
		self.requests = self.ok = self.closed_idle = self.reconnects = self.n_failures = 0
		self.statuses, self.sites, self.failures = {}, {}, []
		self.first_failure = self.last_failure = None
		self.last_ok, self.longest_gap = time.monotonic(), 0.0
		self.head = (f"GET {args.path} HTTP/1.1\r\nHost: {args.host}\r\nUser-Agent: load\r\n\r\n").encode()

	def fail(self, why):
		self.n_failures += 1
		now = time.monotonic()
		self.first_failure = self.first_failure or now
		self.last_failure = now
		if len(self.failures) < 20:
			self.failures.append(f"{now:.3f} {why}")

	async def answer(self, reader):
		"""(status, site, may the connection be used again)."""
		head = await reader.readuntil(b"\r\n\r\n")
		lines = head.decode("latin-1").split("\r\n")
		status = int(lines[0].split(" ")[1])
		fields = dict((n.lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines[1:] if line))
		keep = fields.get("connection", "").lower() != "close"
		if "content-length" in fields:
			await reader.readexactly(int(fields["content-length"]))
		elif fields.get("transfer-encoding") == "chunked":
			while size := int(await reader.readuntil(b"\r\n"), 16):
				await reader.readexactly(size + 2)
			await reader.readuntil(b"\r\n")
		else:
			await reader.read()
			keep = False
		return status, fields.get("x-site", "?"), keep

	async def client(self):
		reader = writer = None
		served = 0
		while not self.stopping:
			try:
				if writer is None:
					reader, writer = await asyncio.wait_for(asyncio.open_connection(*self.address), self.args.timeout)
					served = 0
			except (OSError, asyncio.TimeoutError) as e:
				self.fail(f"connect: {e!r}")
				await asyncio.sleep(0.05)
				continue
			try:
				self.requests += 1
				writer.write(self.head)
				status, site, keep = await asyncio.wait_for(self.answer(reader), self.args.timeout)
			except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, IndexError) as e:
				partial = getattr(e, "partial", b"")
				if served and isinstance(e, (asyncio.IncompleteReadError, ConnectionResetError)) and not partial:
					self.closed_idle += 1
				self.fail(f"{e!r} after {served} on this connection")
				writer.close()
				writer = None
				continue
			self.statuses[status] = self.statuses.get(status, 0) + 1
			served += 1
			if 200 <= status < 300:
				self.ok += 1
				self.sites[site] = self.sites.get(site, 0) + 1
				now = time.monotonic()
				self.longest_gap, self.last_ok = max(self.longest_gap, now - self.last_ok), now
			else:
				self.fail(f"status {status}")
			if not keep:
				self.reconnects += 1
				writer.close()
				writer = None
			if self.args.pause_ms:
				await asyncio.sleep(self.args.pause_ms / 1000)
		if writer:
			writer.close()

	async def run(self):
		loop = asyncio.get_running_loop()
		ended = asyncio.Event()

		def on_input():
			if not sys.stdin.buffer.raw.read(4096):
				loop.remove_reader(sys.stdin)
				ended.set()
		loop.add_reader(sys.stdin, on_input)
		clients = [asyncio.create_task(self.client()) for _ in range(self.args.connections)]
		await ended.wait()
		self.stopping = True
		await asyncio.gather(*clients)
		print(json.dumps({
			"requests": self.requests, "ok": self.ok, "statuses": self.statuses, "n_failures": self.n_failures,
			"failures": self.failures, "closed_idle": self.closed_idle, "reconnects": self.reconnects, "sites": self.sites,
			"first_failure": self.first_failure, "last_failure": self.last_failure, "longest_gap": self.longest_gap}))


def main():
	parser = argparse.ArgumentParser()
	parser.add_argument("address")
	parser.add_argument("--connections", type=int, default=64)
	parser.add_argument("--path", default="/13")
	parser.add_argument("--host", default="app.test")
	parser.add_argument("--pause-ms", type=float, default=0)
	parser.add_argument("--timeout", type=float, default=30)
	asyncio.run(Load(parser.parse_args()).run())


class Running:
	"""A load under way, for tests: stop() gives its account."""

	def __init__(self, lab, address, connections=64, **options):
		import subprocess
		from lab import _die_with_parent
		words = [w for k, v in options.items() for w in (f"--{k.replace('_', '-')}", str(v))]
		self.process = subprocess.Popen([sys.executable, __file__, "%s:%d" % address, "--connections", str(connections), *words],
		                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=_die_with_parent)
		self.account = None
		lab.on_close(self.end)

	def end(self):
		if self.process.poll() is None:
			self.process.kill()
			self.process.wait()

	def stop(self):
		output = self.process.communicate(timeout=120)[0]
		assert self.process.returncode == 0, "the load generator failed"
		self.account = json.loads(output)
		assert self.account["requests"] > 0, "no request was made"
		return self.account


if __name__ == "__main__":
	main()
