# SPDX-License-Identifier: BSD-2-Clause
"""gRPC end to end with grpcio on both sides: all four kinds of calls, metadata and status behind the messages, deadlines and cancellation;
and what clients are told when the proxy itself has to answer."""
import json
import subprocess
import sys

from edge import Edge
from lab import PATIENCE, cases, need, wait_until
from node import PEERS
from origins import Authority, Certificate

STEPS = ["unary", "metadata", "status", "unknown_method", "client_stream", "server_stream", "server_stream_fails", "slow_reader", "ping_pong",
         "bidi_flood", "chatter", "big_message", "parallel", "deadline", "cancel"]


def python_with(module):
	"""A Python that has the module: this one, or Debian's own."""
	for python in (sys.executable, "/usr/bin/python3"):
		if subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode == 0:
			return python
	need(False, f"no Python has {module}")


class Server:
	def __init__(self, lab, certificate=None, name="grpc"):
		self.lab, self.name, self.certificate = lab, name, certificate
		self.text = f"{lab.ip}:{lab.port()}"
		self.start()

	def start(self):
		self.process = self.lab.start(self.name, [python_with("grpc"), PEERS / "grpc_server.py", self.text,
		                                          *([self.certificate.file] if self.certificate else [])])
		wait_until(lambda: "ready" in self.process.text(), 20, "the gRPC server listens")


def grpc_edge(lab, servers, front_tls=False, back_tls=False, pool=None, **more):
	tls = {"tls": {"ca": Authority.of(lab).file, "server_name": "grpc.test"}} if back_tls else {}
	listener = {"tls": {"certificates": [Certificate(lab, "app.test").file]}} if front_tls else {}
	return Edge(lab, {"cloud": servers}, listener=listener, pool={"protocol": "http2", **tls, **(pool or {})}, **more)


def command(edge, steps):
	is_tls = "tls" in edge.config["listeners"]["web"]
	options = {"target": "%s:%d" % edge.web, "steps": steps, "slow": PATIENCE, **({"ca": Authority.of(edge.lab).file, "name": "app.test"} if is_tls else {})}
	return [python_with("grpc"), PEERS / "grpc_client.py", json.dumps(options)]


def run_client(edge, *steps, seconds=50):
	"""What the client wrote on the way."""
	done = subprocess.run(command(edge, steps), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds * PATIENCE)
	assert done.stdout, done.stderr[-3000:]
	wrong = {k: v for k, v in json.loads(done.stdout.splitlines()[-1]).items() if v != "ok"}
	assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())[:4000]
	return done.stderr


@cases(("clear", False, False), ("tls", True, True), ("tls_in_front", True, False), ("tls_behind", False, True))
def test_calls(front_tls, back_tls, lab):
	server = Server(lab, Certificate(lab, "grpc.test") if back_tls else None)
	edge = grpc_edge(lab, [server], front_tls, back_tls)
	run_client(edge, *STEPS)
	assert edge.daemon.wait_access(lambda r: r["path"] == "/test.Bytes/Unary")["protocol"] == "h2"
	ends = edge.daemon.ends()
	assert not {k: n for k, n in ends.items() if n > 0 and k not in ("complete", "client_abort", "request_timeout")}, ends


def test_no_server_answers(lab):
	"""Refused connections: UNAVAILABLE (which clients may try again), and why."""
	edge = grpc_edge(lab, [f"{lab.ip}:{lab.port()}"])
	assert "DETAILS no connection to a server" in run_client(edge, "unavailable")
	record = edge.daemon.wait_access(lambda r: r["path"] == "/test.Bytes/Unary")
	assert (record["status"], record["end"]) == (200, "connect_failed"), record


def test_server_dies_and_comes_back(lab):
	server = Server(lab)
	edge = grpc_edge(lab, [server])
	run_client(edge, "unary")
	server.process.kill()
	run_client(edge, "unavailable")
	server.start()
	run_client(edge, "unary", "bidi_flood")


@cases(("limit", {}, "every usable server is at its limit"), ("queue", {"queue": {"length": 10, "timeout": "200ms"}}, "for too long"))
def test_full(pool, why, lab):
	edge = grpc_edge(lab, [Server(lab)], pool={"max_requests": 1, **pool})
	said = run_client(edge, "twice_sleeping")
	assert why in said, said


def drain(edge, server):
	edge.daemon.ctl("drain", "server", "app/cloud1", "--deadline", "500ms", "--force")


@cases(("drain", drain, "drain_deadline"), ("death", lambda edge, server: server.process.kill(), "server_closed"))
def test_cut(cut, end, lab):
	"""A stream as the health service's Watch goes on until the deadline of a drain; it ends, as one whose server dies, with a status that lets
	the client try elsewhere. So does a call without an answer yet."""
	server = Server(lab)
	edge = grpc_edge(lab, [server], pool={"retries": {"attempts": 0}})
	clients = [lab.start(step, command(edge, [step])) for step in ("tick", "sleep")]
	wait_until(lambda: "20\n" in clients[0].text(), 20, "ticks")
	wait_until(lambda: edge.daemon.metric("steerway_proxy_requests_active") == 2, 10, "both calls")
	cut(edge, server)
	for client in clients:
		assert client.wait(20) == 0
		assert "CUT UNAVAILABLE" in client.text(), client.text()
	for method in ("Tick", "Sleep"):
		assert edge.daemon.wait_access(lambda r: r["path"] == f"/test.Bytes/{method}")["end"] == end
