# SPDX-License-Identifier: BSD-2-Clause
"""Server cookies as RFC 9018 has them, made here by its text: whoever knows the secret can make and check them, on any node."""
import socket
import struct
import time

import dns
from dns_text import Message, ask_wire
from lab import cases, wait_until
from test_dns import House

SECRET, OLDER, STRANGE = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962", "dd3bdf9344b678b185a6f5cb60fca715"
CLIENT = bytes.fromhex("2464c4abcf10c957")
MASK = (1 << 64) - 1


def rotate(x, n):
	return (x << n | x >> (64 - n)) & MASK


def sip_rounds(v, n):
	v0, v1, v2, v3 = v
	for _ in range(n):
		v0, v2 = (v0 + v1) & MASK, (v2 + v3) & MASK
		v1, v3 = rotate(v1, 13) ^ v0, rotate(v3, 16) ^ v2
		v0 = rotate(v0, 32)
		v2, v0 = (v2 + v1) & MASK, (v0 + v3) & MASK
		v1, v3 = rotate(v1, 17) ^ v2, rotate(v3, 21) ^ v0
		v2 = rotate(v2, 32)
	return [v0, v1, v2, v3]


def siphash24(key, data):
	"""By Aumasson and Bernstein's text; 8 bytes, the lowest first."""
	k0, k1 = struct.unpack("<2Q", key)
	v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]
	data += bytes(7 - len(data) % 8) + bytes([len(data) & 0xFF])
	for (word,) in struct.iter_unpack("<Q", data):
		v[3] ^= word
		v = sip_rounds(v, 2)
		v[0] ^= word
	v[2] ^= 0xFF
	v0, v1, v2, v3 = sip_rounds(v, 4)
	return struct.pack("<Q", v0 ^ v1 ^ v2 ^ v3)


def server_cookie(secret, client, ip, at):
	head = struct.pack("!BxxxI", 1, at & 0xFFFFFFFF)
	address = bytes(map(int, ip.split(".")))
	return head + siphash24(bytes.fromhex(secret), client + head + address)


class Server:
	def __init__(self, lab, *secrets, require=True):
		self.secrets = lab.write("cookies", "\n".join(secrets) + "\n")
		self.house = House(lab, dns={"cookies": {"secret": str(self.secrets), "require": require}})
		self.daemon, self.address = self.house.daemon, self.house.address
		self.ip = self.client_ip()

	def client_ip(self):
		"""The address that our packets come from."""
		with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
			s.connect(self.address)
			return s.getsockname()[0]

	def ask(self, cookie, tcp=False):
		"""The answer, and the cookie in it."""
		query = ask_wire("app.example.test", "A", ident=7, edns=1232, options=struct.pack("!2H", 10, len(cookie)) + cookie)
		wire = dns.exchange_tcp(self.address, query)[0] if tcp else dns.exchange_udp(self.address, query)
		answer = Message(wire)
		return answer, dict(answer.options()).get(10, b"")

	def judge(self, secret, age, client=CLIENT, ip=None):
		"""What becomes of a cookie that is `age` seconds old: its code, and whether a newer one came back."""
		sent = client + server_cookie(secret, client, ip or self.ip, int(time.time()) - age)
		answer, back = self.ask(sent)
		assert len(back) == 24 and back[:8] == client, back.hex()
		return answer.rcode, back != sent


def shared(lab):
	return Server(lab, SECRET, OLDER)


def test_the_hash_is_that_of_the_rfc():
	"""RFC 9018 A.1 and A.3: this file's own arithmetic."""
	assert server_cookie(SECRET, CLIENT, "198.51.100.100", 1559731985).hex() == "010000005cf79f111f8130c3eee29480"
	assert server_cookie(SECRET, CLIENT, "198.51.100.100", 1559734385).hex() == "010000005cf7a871d4a564a1442aca77"
	assert server_cookie(SECRET, bytes.fromhex("fc93fc62807ddb86"), "203.0.113.203", 1559727985).hex()[:16] == "010000005cf78f71"


def test_made_as_the_rfc_says(shared):
	"""RFC 9018 4: version, reserved, time, hash over client cookie, head and address."""
	answer, cookie = shared.ask(CLIENT)
	assert answer.rcode == "BADCOOKIE" and not answer.answer, answer
	at = struct.unpack("!I", cookie[12:16])[0]
	assert abs(at - time.time()) < 60, at
	assert cookie == CLIENT + server_cookie(SECRET, CLIENT, shared.ip, at)
	answer, again = shared.ask(cookie)
	assert answer.rcode == "NOERROR" and answer.answer and again == cookie, answer


@cases(("fresh", 0, "NOERROR", False), ("20 minutes old", 1200, "NOERROR", False), ("40 minutes old: good, and a new one", 2400, "NOERROR", True),
       ("59 minutes old", 3540, "NOERROR", True), ("61 minutes old", 3660, "BADCOOKIE", True), ("a day old", 86400, "BADCOOKIE", True),
       ("4 minutes ahead", -240, "NOERROR", False), ("6 minutes ahead", -360, "BADCOOKIE", True), ("half the clock ahead", -(1 << 31) + 9, "BADCOOKIE", True))
def test_age(age, rcode, is_renewed, shared):
	"""RFC 9018 4.3."""
	assert shared.judge(SECRET, age) == (rcode, is_renewed)


def test_only_its_own_client(shared):
	assert shared.judge(SECRET, 0, ip="198.51.100.100")[0] == "BADCOOKIE", "another address's cookie"
	cookie = shared.ask(CLIENT)[1]
	assert shared.ask(b"another!" + cookie[8:])[0].rcode == "BADCOOKIE", "another client cookie"
	for at in range(8, 24):
		bent = bytearray(cookie)
		bent[at] ^= 1
		answer, back = shared.ask(bytes(bent))
		if at < 9 or at > 11:
			assert answer.rcode == "BADCOOKIE" and back == cookie[:12] + back[12:], f"byte {at}: {answer}"


def test_counted_and_not_over_tcp(shared):
	"""RFC 7873 5.2.3: over TCP the address is proven."""
	before = shared.daemon.metric("steerway_gslb_badcookie_total")
	assert shared.ask(CLIENT, tcp=True)[0].answer
	assert shared.ask(CLIENT)[0].rcode == "BADCOOKIE"
	shared.daemon.wait_metric("steerway_gslb_badcookie_total", before + 1)
	assert Message(dns.exchange_udp(shared.address, ask_wire("app.example.test", "A"))).answer, "a client that speaks no cookies is served"


def test_rollover(lab):
	"""RFC 9018 5: a new secret is known everywhere before it is used, and the old one as long as its cookies last."""
	server = Server(lab, SECRET)
	assert server.judge(OLDER, 0)[0] == "BADCOOKIE"
	server.secrets.write_text(f"{SECRET}\n{OLDER}\n")
	server.daemon.reload()
	wait_until(lambda: server.judge(OLDER, 0) == ("NOERROR", True), 2, "the second secret is known, and cookies made with the first")
	assert server.judge(STRANGE, 0)[0] == "BADCOOKIE"
	server.secrets.write_text(f"{OLDER}\n{SECRET}\n")
	server.daemon.reload()
	wait_until(lambda: server.judge(OLDER, 0) == ("NOERROR", False), 2, "the first secret makes cookies")
	assert server.judge(SECRET, 0) == ("NOERROR", True)
	server.secrets.write_text(f"{OLDER}\n")
	server.daemon.reload()
	wait_until(lambda: server.judge(SECRET, 0)[0] == "BADCOOKIE", 2, "the old secret is forgotten")


@cases(("no digits", "secret\n"), ("too short", SECRET[:30] + "\n"), ("too long", SECRET + "00\n"), ("empty", ""))
def test_bad_secret(text, lab):
	"""The old ones serve on."""
	server = Server(lab, SECRET)
	server.secrets.write_text(text)
	refused = server.daemon.reload(check=False)
	said = refused.stdout + refused.stderr
	assert refused.returncode != 0 and "cookies" in said, said
	assert server.judge(SECRET, 0)[0] == "NOERROR"
