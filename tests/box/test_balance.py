# SPDX-License-Identifier: BSD-2-Clause
"""Where requests go: each algorithm's shares by weight, keys that stay, slow servers, slow start, panic, and sticky sessions over drain
and death."""
import re
import threading
import time
from collections import Counter

from edge import CALM, HTTP_CHECK, Edge
from http1 import RawOrigin, ok
from lab import SLOW, cases, wait_until


def named(lab, name, state=None):
	"""An origin that answers with its name; /health by `state` (a dict with "up"), everything after state["delay"]."""
	def serve(c):
		while request := c.request():
			if request.target == "/health":
				up = state is None or state.get("up", True)
				c.send(ok(b"ok") if up else b"HTTP/1.1 500 Down\r\nContent-Length: 0\r\n\r\n")
				continue
			if state and state.get("delay"):
				time.sleep(state["delay"])
			c.send(ok(name.encode()))
	return RawOrigin(lab, serve)


def ask(edge, n, client=None, **more):
	"""Answers' bodies, counted."""
	counts = Counter()
	with edge.client(seconds=30) as c:
		for i in range(n):
			answer = c.get(f"/{i}", **more)
			assert answer.status == 200, answer
			counts[answer.body.decode()] += 1
	return counts


def weighted(lab, balance, weights, **pool):
	origins = [named(lab, f"s{i}") for i in range(len(weights))]
	rows = [{"name": f"s{i}", "address": o.text, "site": "cloud", "weight": w} for i, (o, w) in enumerate(zip(origins, weights))]
	return Edge(lab, {"cloud": []}, pool={"balance": balance, "servers": rows, **pool}, workers=1)


@cases(*[(b, b, exact) for b, exact in (("round_robin", True), ("least_requests", True), ("random", False), ("p2c", False))])
def test_shares(balance, exact, lab):
	"""1 : 2 : 5 over 800 requests: to the number where that is promised. (ewma leans to the faster ones: its shares are simulated.)"""
	counts = ask(weighted(lab, balance, [1, 2, 5]), 800)
	if exact:
		assert counts == {"s0": 100, "s1": 200, "s2": 500}, counts
	else:
		assert 50 < counts["s0"] < 160 and 140 < counts["s1"] < 270 and 420 < counts["s2"] < 580, counts


@cases(("header", "header", "X-Tenant", lambda v: [("X-Tenant", v)]), ("header in other case", "header", "x-tenant", lambda v: [("X-TENANT", v)]),
       ("cookie", "cookie", "tenant", lambda v: [("Cookie", f"a=b; tenant={v}; c=d")]))
def test_hash_of(key, name, fields, lab):
	edge = weighted(lab, "hash", [1] * 4, hash_key=key, hash_name=name, load_factor=10)
	seen = set()
	with edge.client() as c:
		for tenant in range(40):
			bodies = {c.get("/", fields=fields(str(tenant))).body for _ in range(3)}
			assert len(bodies) == 1, (tenant, bodies)
			seen |= bodies
		# Without the key: the client's address, which is one here.
		assert len({c.get(f"/{i}").body for i in range(20)}) == 1
	assert len(seen) == 4, seen


def test_ewma_avoids_a_slow_server(lab):
	states = [{"delay": 0.002}, {"delay": 0.002}, {"delay": 0.5}]
	origins = [named(lab, f"s{i}", s) for i, s in enumerate(states)]
	edge = Edge(lab, {"cloud": origins}, pool={"balance": "ewma"}, workers=1)
	ask(edge, 20)
	counts = ask(edge, 100)
	assert counts["s2"] < 10, counts


def test_slow_start(lab):
	"""A server that comes up gets a tenth of its share at first, and all of it in the end."""
	edge = weighted(lab, "round_robin", [1, 1], slow_start="4s")
	assert ask(edge, 100)["s1"] == 50
	edge.daemon.ctl("maint", "server", "app/s1")
	assert ask(edge, 50) == {"s0": 50}
	edge.daemon.ctl("ready", "server", "app/s1")
	first = ask(edge, 110)
	assert 5 <= first["s1"] <= 35, first
	wait_until(lambda: ask(edge, 100)["s1"] == 50, 12, "its whole share", step=0.2)
	assert edge.daemon.ctl_json("show", "servers")[1]["share"] == "100%"


def test_panic(lab):
	"""With too few servers up all take requests, but the one in maintenance; back above the threshold the verdicts count again."""
	states = [{} for _ in range(5)]
	origins = [named(lab, f"s{i}", s) for i, s in enumerate(states)]
	edge = Edge(lab, {"cloud": origins}, pool={"panic": "50%"}, check={**HTTP_CHECK, **CALM, "fast_interval": "200ms"}, workers=1)
	edge.daemon.ctl("maint", "server", "app/cloud5")

	def verdicts(up):
		for s, is_up in zip(states, up):
			s["up"] = is_up
		want = ["up" if u else "down" for u in up]
		wait_until(lambda: [s["verdict"] for s in edge.daemon.ctl_json("show", "servers")][:len(up)] == want, 10, f"verdicts {want}")
	verdicts([True, True, False, False])
	assert ask(edge, 40) == {"s0": 20, "s1": 20}
	verdicts([True, False, False, False])
	assert ask(edge, 40) == {f"s{i}": 10 for i in range(4)}
	assert edge.daemon.metric('steerway_pool_panic{pool="app"}') == 1
	assert edge.daemon.ctl_json("show", "pools")[0]["panic"] is True
	wait_until(lambda: "pool_panic" in edge.daemon.log(), 5, "a line about it")
	verdicts([True, True, True, False])
	assert set(ask(edge, 30)) == {"s0", "s1", "s2"}
	assert edge.daemon.metric('steerway_pool_panic{pool="app"}') == 0


def test_spilled(lab):
	edge = Edge(lab, {"cloud": [named(lab, "c1"), named(lab, "c2")], "onprem": [named(lab, "o1")]},
	            pool={"prefer": ["cloud", "onprem"]}, workers=1)
	assert set(ask(edge, 20)) == {"c1", "c2"}
	assert edge.daemon.metric('steerway_pool_spilled_total{pool="app"}') == 0
	edge.daemon.ctl("maint", "site", "cloud")
	assert ask(edge, 20) == {"o1": 20}
	assert edge.daemon.metric('steerway_pool_spilled_total{pool="app"}') == 20


# ---- sticky ----

class Sticky:
	def __init__(self, lab, **more):
		self.secret = lab.write("sticky.secret", "a secret of enough bytes\n")
		self.origins = [named(lab, f"cloud{i}") for i in range(1, 5)]
		self.edge = Edge(lab, {"cloud": self.origins}, pool={"sticky": {"secret": str(self.secret), **more}}, workers=2)
		self.daemon = self.edge.daemon

	def ask(self, cookie=None):
		"""(name of the server, the Set-Cookie fields)"""
		answer = self.edge.fetch("/", fields=[("Cookie", cookie)] if cookie else [])
		assert answer.status == 200, answer
		return answer.body.decode(), answer.all("Set-Cookie")

	def session(self):
		server, cookies = self.ask()
		assert len(cookies) == 1, cookies
		return server, cookies[0].split(";")[0]


def test_sticky_cookie(lab):
	s = Sticky(lab, cookie="SRV", ttl="1h")
	server, cookies = s.ask()
	assert re.fullmatch(r"SRV=[A-Za-z0-9_-]{32}; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600", cookies[0]), cookies
	cookie = cookies[0].split(";")[0]
	assert [s.ask(cookie) for _ in range(20)] == [(server, [])] * 20
	assert [s.ask(f"x=y; {cookie}; z") for _ in range(4)] == [(server, [])] * 4
	assert s.daemon.metric("steerway_fleet_sticky_hits_total") == 24
	# New clients go everywhere.
	assert len({s.session()[0] for _ in range(16)}) == 4


@cases(("empty", "steerway="), ("short", "steerway=abc"), ("other", "steerway=" + "A" * 32), ("long", "steerway=" + "A" * 3000),
       ("address", "steerway=127.0.0.1:80"), ("other case", "STEERWAY=" + "A" * 32))
def test_sticky_forged(cookie, lab):
	s = Sticky(lab)
	server, cookies = s.ask(cookie)
	assert len(cookies) == 1 and cookies[0].startswith("steerway="), cookies
	good = cookies[0].split(";")[0]
	broken = good[:-1] + ("A" if good[-1] != "A" else "B")
	assert len(s.ask(broken)[1]) == 1
	assert s.ask(good) == (server, [])


def test_sticky_over_drain(lab):
	"""While it drains it serves its sessions and nobody else; at the end they move, with a new cookie."""
	s = Sticky(lab)
	server, cookie = s.session()
	deadline = 8 if SLOW == 1 else 20
	s.daemon.ctl("drain", "server", f"app/{server}", "--deadline", f"{deadline}s")
	started = time.monotonic()
	assert [s.ask(cookie) for _ in range(10)] == [(server, [])] * 10
	assert server not in {s.session()[0] for _ in range(20)}
	wait_until(lambda: s.ask(cookie)[0] != server, 10, "the end of the requests phase", step=0.1)
	assert time.monotonic() - started > deadline * 0.44
	other, cookies = s.ask(cookie)
	assert other != server and len(cookies) == 1, (other, cookies)
	assert s.ask(cookies[0].split(";")[0]) == (other, [])
	s.daemon.ctl("ready", "server", f"app/{server}")
	assert s.ask(cookie) == (server, [])


@cases(("maint", "maint"), ("down", "down"))
def test_sticky_over_death(word, lab):
	s = Sticky(lab)
	server, cookie = s.session()
	s.daemon.ctl(word, "server", f"app/{server}")
	other, cookies = s.ask(cookie)
	assert other != server and len(cookies) == 1
	assert s.daemon.metric("steerway_fleet_sticky_misses_total") == 1


def test_sticky_when_it_refuses(lab):
	"""A server that refuses connections, without a check: another one takes the request, the session stays where it was."""
	s = Sticky(lab)
	server, cookie = s.session()
	s.origins[int(server[-1]) - 1].close()
	other, cookies = s.ask(cookie)
	assert other != server and cookies == [], (other, cookies)


def test_sticky_secret_by_reload(lab):
	s = Sticky(lab)
	server, cookie = s.session()
	lab.write("sticky.secret", "another secret of enough bytes\na secret of enough bytes\n")
	s.daemon.reload()
	known, cookies = s.ask(cookie)
	assert known == server and len(cookies) == 1 and cookies[0].split(";")[0] != cookie
	lab.write("sticky.secret", "short\n")
	refused = s.daemon.reload(check=False)
	assert refused.returncode != 0 and "at least 16 bytes" in refused.stdout + refused.stderr, refused
	assert s.ask(cookies[0].split(";")[0]) == (server, [])


def test_sticky_under_reloads(lab):
	"""Sessions keep their servers while the configuration is loaded again and again."""
	s = Sticky(lab)
	server, cookie = s.session()
	over, wrong = threading.Event(), []

	def run():
		while not over.is_set():
			answer = s.ask(cookie)
			if answer != (server, []):
				wrong.append(answer)
	threads = [threading.Thread(target=run, daemon=True) for _ in range(4)]
	for t in threads:
		t.start()
	for i in range(10):
		s.edge.config["pools"]["app"]["slow_start"] = f"{i}s"
		s.edge.reconfigure()
	over.set()
	for t in threads:
		t.join(10)
	assert not wrong, wrong[:3]


def test_sticky_source(lab):
	origins = [named(lab, f"s{i}") for i in range(1, 5)]
	edge = Edge(lab, {"cloud": origins}, pool={"sticky": {"by": "source"}}, workers=2)
	answers = [edge.fetch("/") for _ in range(20)]
	assert len({a.body for a in answers}) == 1 and not any(a.get("Set-Cookie") for a in answers)
	first = answers[0].body.decode()
	edge.daemon.ctl("maint", "server", "app/cloud" + first[1])
	moved = {edge.fetch("/").body.decode() for _ in range(20)}
	assert len(moved) == 1 and first not in moved
	edge.daemon.ctl("ready", "server", "app/cloud" + first[1])
	assert {edge.fetch("/").body.decode() for _ in range(5)} == {first}
