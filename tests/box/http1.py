# SPDX-License-Identifier: BSD-2-Clause
"""HTTP/1 with bare hands: a client that sends exactly the bytes it is given and reads strictly, and an origin that answers with
exactly the bytes it is told to. Neither mends anything, so that what steerway does stays visible."""
import socket
import ssl
import threading

from lab import PATIENCE


class Closed(AssertionError):
	"""The peer closed where bytes were due."""


class Message:
	"""A head and its body."""

	def __init__(self, start_line, fields, raw_head):
		self.start_line, self.fields, self.raw_head = start_line, fields, raw_head
		self.body, self.raw_body, self.interim, self.trailers = b"", b"", [], []
		parts = start_line.split(" ", 2)
		if start_line.startswith("HTTP/"):
			self.version, self.status = parts[0], int(parts[1])
			self.reason = parts[2] if len(parts) > 2 else ""
		else:
			self.method, self.target, self.version = parts

	def all(self, name):
		return [v for n, v in self.fields if n.lower() == name.lower()]

	def get(self, name, default=None):
		found = self.all(name)
		return found[0] if found else default

	def has_token(self, name, token):
		return any(t.strip().lower() == token for v in self.all(name) for t in v.split(","))

	def __repr__(self):
		return f"<{self.start_line!r} {self.fields!r} {len(self.body)} bytes>"


class Wire:
	"""A socket read as HTTP."""

	def __init__(self, sock):
		self.sock, self.buffer = sock, b""

	def send(self, data):
		self.sock.sendall(data)

	def more(self):
		try:
			data = self.sock.recv(65536)
		except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
			data = b""
		except TimeoutError:
			raise AssertionError(f"silence; so far {self.buffer[:200]!r}")
		if not data:
			raise Closed(f"closed after {self.buffer[:200]!r}")
		self.buffer += data

	def take(self, n):
		parts, left = [], n
		while left:
			if not self.buffer:
				self.more()
			part, self.buffer = self.buffer[:left], self.buffer[left:]
			parts.append(part)
			left -= len(part)
		return b"".join(parts)

	def until(self, mark):
		while mark not in self.buffer:
			self.more()
		at = self.buffer.index(mark) + len(mark)
		data, self.buffer = self.buffer[:at], self.buffer[at:]
		return data

	def rest(self):
		"""All up to the peer's close."""
		try:
			while True:
				self.more()
		except Closed:
			data, self.buffer = self.buffer, b""
			return data

	def head(self):
		raw = self.until(b"\r\n\r\n")
		start_line, *lines = raw[:-4].decode("latin-1").split("\r\n")
		fields = []
		for line in lines:
			name, colon, value = line.partition(":")
			assert colon and name == name.strip(), f"odd field line {line!r}"
			fields.append((name, value.strip(" \t")))
		return Message(start_line, fields, raw)

	def chunked(self, message):
		parts = []
		while True:
			line = self.until(b"\r\n")
			size = int(line.split(b";")[0], 16)
			message.raw_body += line
			if size == 0:
				break
			data = self.take(size)
			end = self.take(2)
			assert end == b"\r\n", f"chunk ends in {end!r}"
			parts.append(data)
			message.raw_body += data + end
		while (line := self.until(b"\r\n")) != b"\r\n":
			message.trailers.append(line)
			message.raw_body += line
		message.raw_body += b"\r\n"
		message.body = b"".join(parts)

	def is_closed(self, seconds=5):
		"""Waits for the peer's close. Bytes instead of it are an error."""
		if self.buffer:
			raise AssertionError(f"bytes where a close was due: {self.buffer[:200]!r}")
		self.sock.settimeout(seconds * PATIENCE)
		try:
			data = self.sock.recv(65536)
		except TimeoutError:
			return False
		except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
			return True
		assert data == b"", f"bytes where a close was due: {data[:200]!r}"
		return True

	def stays_open(self, seconds=0.2):
		"""Nothing comes within `seconds`, neither bytes nor a close."""
		before = self.sock.gettimeout()
		self.sock.settimeout(seconds)
		try:
			data = self.sock.recv(65536)
		except TimeoutError:
			return True
		finally:
			self.sock.settimeout(before)
		self.buffer += data
		return False

	def close(self):
		self.sock.close()

	def reset(self):
		"""Closes with RST."""
		self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
		self.sock.close()

	def __enter__(self):
		return self

	def __exit__(self, *_):
		self.close()


class Client(Wire):
	def __init__(self, address, tls=None, sni=None, seconds=10, receive_buffer=None, segment=None):
		family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
		sock = socket.socket(family, socket.SOCK_STREAM)
		if receive_buffer:
			sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
		if segment:  # the peer's kernel sizes its send buffer by it: 2.5 MB at loopback's own 64 KiB
			sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
		sock.settimeout(seconds * PATIENCE)
		sock.connect(address)
		sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
		if tls:
			sock = tls.wrap_socket(sock, server_hostname=sni, suppress_ragged_eofs=False)
		super().__init__(sock)

	def ask(self, method="GET", target="/", host="app.test", fields=(), body=b"", version="HTTP/1.1"):
		lines = [f"{method} {target} {version}"]
		if host is not None:
			lines.append(f"Host: {host}")
		lines += [f"{n}: {v}" for n, v in fields]
		if body and not any(n.lower() in ("content-length", "transfer-encoding") for n, _ in fields):
			lines.append(f"Content-Length: {len(body)}")
		self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

	def response(self, method="GET"):
		"""The next final response; 1xx before it stand in .interim."""
		interim = []
		while True:
			message = self.head()
			if message.status >= 200 or message.status == 101:
				break
			interim.append(message)
		message.interim = interim
		lengths, codings = message.all("Content-Length"), message.all("Transfer-Encoding")
		assert not (lengths and codings), f"length and coding in one response: {message.fields}"
		assert len(lengths) < 2 and len(codings) < 2, f"repeated framing: {message.fields}"
		if method == "HEAD" or message.status in (204, 304, 101):
			return message
		if codings:
			assert codings == ["chunked"], codings
			self.chunked(message)
		elif lengths:
			message.body = self.take(int(lengths[0]))
		else:
			message.body = self.rest()
		return message

	def get(self, target="/", **more):
		self.ask("GET", target, **more)
		return self.response()


def fetch(address, target="/", method="GET", **more):
	"""One request on a connection of its own."""
	client_options = {k: more.pop(k) for k in ("tls", "sni", "seconds") if k in more}
	with Client(address, **client_options) as c:
		c.ask(method, target, **more)
		return c.response(method)


def chunks(*parts):
	return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def ok(body=b"hello", fields=b""):
	return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s" % (len(body), fields, body)


class OriginConnection(Wire):
	"""The server's side of a connection."""

	def __init__(self, sock, number):
		super().__init__(sock)
		self.number, self.served, self.ended = number, 0, threading.Event()

	def wait_ended(self, seconds=10):
		"""Until what served it is done with it: it was closed from either side."""
		assert self.ended.wait(seconds * PATIENCE), f"connection {self.number} lives on"

	def request(self, with_body=True):
		"""The next request, or None when the client closed between requests."""
		try:
			message = self.head()
		except Closed:
			if self.buffer:
				raise
			return None
		self.served += 1
		if with_body:
			self.body(message)
		return message

	def body(self, message):
		if message.has_token("Transfer-Encoding", "chunked"):
			self.chunked(message)
		elif message.get("Content-Length"):
			message.body = self.take(int(message.get("Content-Length")))
		return message


class RawOrigin:
	"""Serves every connection with `serve(connection)`, in a thread of its own. Without one it answers 200 to what it can read.
	What arrived stands in .requests (messages) and .connections."""

	def __init__(self, lab, serve=None, ip=None, tls=None, port=None):
		self.serve, self.tls = serve or self.answer, tls
		self.requests, self.connections, self.troubles = [], [], []
		self.lock, self.arrived = threading.Lock(), threading.Condition()
		self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
		self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		self.address = (ip or lab.ip, port or lab.port())
		self.listener.bind(self.address)
		self.listener.listen(1024)
		self.is_closing = False
		lab.on_close(self.close)
		threading.Thread(target=self.accept, daemon=True).start()

	@property
	def text(self):
		return "%s:%d" % self.address

	def accept(self):
		while True:
			try:
				sock, _ = self.listener.accept()
			except OSError:
				return
			sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a reset takes along what has not left yet
			with self.lock:
				connection = OriginConnection(sock, len(self.connections))
				self.connections.append(connection)
			threading.Thread(target=self.guard, args=(connection,), daemon=True).start()

	def guard(self, connection):
		try:
			connection.sock.settimeout(60 * PATIENCE)
			if self.tls:
				connection.sock = self.tls.wrap_socket(connection.sock, server_side=True)
			self.serve(connection)
		except (AssertionError, OSError) as e:
			self.troubles.append(e)
		finally:
			connection.close()
			connection.ended.set()

	def note(self, message):
		with self.arrived:
			self.requests.append(message)
			self.arrived.notify_all()
		return message

	def answer(self, connection):
		while request := connection.request():
			self.note(request)
			connection.send(ok(b"" if request.method == "HEAD" else b"hello"))

	def wait(self, n, seconds=5):
		"""The n-th request (from 1)."""
		with self.arrived:
			assert self.arrived.wait_for(lambda: len(self.requests) >= n, seconds * PATIENCE), \
				f"{len(self.requests)} requests, not {n}: {self.troubles}"
			return self.requests[n - 1]

	def close(self):
		self.is_closing = True
		try:
			self.listener.shutdown(socket.SHUT_RDWR)
		except OSError:
			pass
		self.listener.close()
		for c in self.connections:
			try:
				c.sock.shutdown(socket.SHUT_RDWR)
			except OSError:
				pass
