# SPDX-License-Identifier: BSD-2-Clause
"""A gRPC client: grpc_client.py '{"target": "127.0.0.1:1", "ca": FILE, "name": NAME, "steps": [...]}'

Runs the named steps, each a function below, one after the other on one channel, and prints what became of each as JSON: "ok", or why not."""
import json
import sys
import threading
import time
import traceback

import grpc

options = json.loads(sys.argv[1])
more = [("grpc.max_receive_message_length", -1), ("grpc.enable_retries", 0)]
if options.get("name"):
	more += [("grpc.ssl_target_name_override", options["name"]), ("grpc.default_authority", options["name"])]
if options.get("ca"):
	channel = grpc.secure_channel(options["target"], grpc.ssl_channel_credentials(open(options["ca"], "rb").read()), options=more)
else:
	channel = grpc.insecure_channel(options["target"], options=more)
SECONDS = 20 * options.get("slow", 1)


def call(kind, method):
	return getattr(channel, kind)(f"/test.Bytes/{method}")


def unary(method, request=b"", timeout=SECONDS, **more):
	return call("unary_unary", method)(request, timeout=timeout, **more)


def failure(run):
	try:
		run()
	except grpc.RpcError as e:
		return e
	raise AssertionError("it did not fail")


def step_unary():
	for size in (0, 1, 1000, 100000):
		assert unary("Unary", b"x" * size) == b"x" * size


def step_metadata():
	sent = [("x-one", "1"), ("x-bytes-bin", b"\0\xff binary")]
	response, rpc = call("unary_unary", "Unary").with_call(b"hi", metadata=sent, timeout=SECONDS)
	first, last = dict(rpc.initial_metadata()), dict(rpc.trailing_metadata())
	assert response == b"hi" and first["x-one"] == "1" and first["x-bytes-bin"] == b"\0\xff binary", first
	assert last["x-one-again"] == "1" and last["x-bytes-again-bin"] == b"\0\xff binary", last
	assert rpc.code() == grpc.StatusCode.OK


def step_status():
	for code, details in (("NOT_FOUND", "no such thing"), ("INTERNAL", "100% of \u00fcber"), ("UNAUTHENTICATED", "")):
		e = failure(lambda: unary("Fail", json.dumps({"code": code, "details": details}).encode()))
		last = dict(e.trailing_metadata())
		assert e.code() == grpc.StatusCode[code] and e.details() == details, e
		assert last["x-why"] == "because" and last["grpc-status-details-bin"] == b"\x08\x05\x12\x00\xff", last


def step_unknown_method():
	assert failure(lambda: unary("Nothing")).code() == grpc.StatusCode.UNIMPLEMENTED


def step_client_stream():
	assert call("stream_unary", "Sum")((b"x" * 50000 for _ in range(100)), timeout=SECONDS) == b"5000000"
	assert call("stream_unary", "Sum")(iter(()), timeout=SECONDS) == b"0"


def step_server_stream():
	got = list(call("unary_stream", "Count")(json.dumps({"n": 500, "size": 10000}).encode(), timeout=SECONDS))
	assert [int.from_bytes(m[:4], "big") for m in got] == list(range(500)) and all(len(m) == 10000 for m in got)
	assert list(call("unary_stream", "Count")(b'{"n": 0, "size": 4}', timeout=SECONDS)) == []


def step_server_stream_fails():
	got = []
	def run():
		for m in call("unary_stream", "Count")(b'{"n": 10, "size": 4, "fail_at": 4}', timeout=SECONDS):
			got.append(m)
	e = failure(run)
	assert e.code() == grpc.StatusCode.DATA_LOSS and e.details() == "no more" and len(got) == 5, (e, len(got))


def step_slow_reader():
	n = 0
	for m in call("unary_stream", "Count")(json.dumps({"n": 200, "size": 50000}).encode(), timeout=SECONDS):
		n += len(m)
		time.sleep(0.002)
	assert n == 200 * 50000


def step_ping_pong():
	"""Each message is answered before the next one is sent: nothing may wait for more."""
	turn, left = threading.Semaphore(1), 50
	def messages():
		for i in range(left):
			turn.acquire()
			yield b"%d" % i
	start = time.monotonic()
	for i, m in enumerate(call("stream_stream", "Echo")(messages(), timeout=SECONDS)):
		assert m == b"%d" % i
		turn.release()
	assert i == left - 1 and time.monotonic() - start < SECONDS / 2, time.monotonic() - start


def step_bidi_flood():
	got = list(call("stream_stream", "Echo")((b"%05d" % i * 2000 for i in range(400)), timeout=SECONDS))
	assert [m[:5] for m in got] == [b"%05d" % i for i in range(400)] and all(len(m) == 10000 for m in got)


def step_chatter():
	"""Tiny messages, thousands of them: each may be a frame of its own, and none of them is a flood."""
	turn, n = threading.Semaphore(8), 4000
	def messages():
		for i in range(n):
			turn.acquire()
			yield b"%d" % i
	i = -1
	for i, m in enumerate(call("stream_stream", "Echo")(messages(), timeout=SECONDS)):
		assert m == b"%d" % i
		turn.release()
	assert i == n - 1


def step_big_message():
	big = bytes(range(256)) * (8 * 4096)  # 8 MiB
	assert unary("Unary", big) == big


def step_parallel():
	futures = [call("unary_unary", "Unary").future(b"%d" % i * 1000, timeout=SECONDS) for i in range(300)]
	assert all(f.result() == b"%d" % i * 1000 for i, f in enumerate(futures))


def step_deadline():
	left = int(unary("Remaining", timeout=5))  # grpc-timeout is passed on, rounded up by grpcio
	assert 1000 < left <= 5100, left
	start = time.monotonic()
	e = failure(lambda: unary("Sleep", b"deadline " + options["target"].encode(), timeout=1))
	assert e.code() == grpc.StatusCode.DEADLINE_EXCEEDED and time.monotonic() - start < SECONDS / 2
	await_cancelled(b"deadline " + options["target"].encode())


def await_cancelled(name, state=b"1"):
	until = time.monotonic() + SECONDS
	while unary("WasCancelled", name) != state:
		assert time.monotonic() < until, "the server was never told"
		time.sleep(0.02)


def step_cancel():
	name = b"cancel " + options["target"].encode()
	future = call("unary_unary", "Sleep").future(name, timeout=SECONDS)
	await_cancelled(name, b"0")  # it has begun
	future.cancel()
	await_cancelled(name)


def step_unavailable():
	e = failure(lambda: unary("Unary", b"x"))
	assert e.code() == grpc.StatusCode.UNAVAILABLE, e
	print("DETAILS", e.details(), file=sys.stderr)


def step_twice_sleeping():
	"""Two at a limit of one: the second is told, in gRPC's words."""
	first = call("unary_unary", "Sleep").future(b"first", timeout=SECONDS)
	time.sleep(0.2)
	step_unavailable()
	first.cancel()


def step_tick():
	"""Until somebody cuts it; prints each."""
	def run():
		for m in call("unary_stream", "Tick")(b"0.02", timeout=SECONDS):
			print(int(m), flush=True, file=sys.stderr)
	e = failure(run)
	print("CUT", e.code().name, e.details(), file=sys.stderr)


def step_sleep():
	e = failure(lambda: unary("Sleep", b"sleep"))
	print("CUT", e.code().name, e.details(), file=sys.stderr)


def main():
	results = {}
	for name in options["steps"]:
		try:
			globals()[f"step_{name}"]()
			results[name] = "ok"
		except Exception:
			results[name] = traceback.format_exc()
	channel.close()
	print(json.dumps(results))


main()
