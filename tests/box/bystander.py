# SPDX-License-Identifier: BSD-2-Clause
"""A good client beside an attack: it must be served all the time. Its latency is printed; what is asserted of it is generous, since
machines differ."""
import threading
import time

from http1 import Client
from lab import SLOW, note, slowness, wait_until

BEARABLE = 1.0  # seconds: far above any latency that was seen, far below any timeout


class Bystander:
	"""A good client on a connection of its own that asks all the time."""

	def __init__(self, address):
		self.client, self.seconds, self.trouble, self.is_over = Client(address, seconds=20), [], None, False
		self.thread = threading.Thread(target=self.work, daemon=True)

	def ask(self):
		start = time.monotonic()
		answer = self.client.get("/")
		assert answer.status == 200, answer
		return time.monotonic() - start

	def work(self):
		try:
			while not self.is_over:
				self.seconds.append(self.ask())
		except Exception as e:
			self.trouble = e

	@staticmethod
	def p99(seconds):
		return sorted(seconds)[int(len(seconds) * 0.99)]

	def __enter__(self):
		self.alone = self.p99([self.ask() for _ in range(200)])
		self.thread.start()
		return self

	def __exit__(self, *failure):
		if not failure[0]:  # an attack may be over sooner than a figure is had
			wait_until(lambda: self.trouble or len(self.seconds) >= 50, 10, "the good client is served")
		self.is_over = True
		self.thread.join()
		self.client.close()
		if failure[0]:
			return
		assert self.trouble is None, f"the good client: {self.trouble}"
		beside = self.p99(self.seconds)
		note(f"p99 alone {self.alone * 1e3:.2f} ms, beside {beside * 1e3:.2f} ms ({len(self.seconds)} requests)")
		assert beside < BEARABLE * SLOW or beside < BEARABLE * SLOW * slowness(), f"the good client waited for {beside} s"
