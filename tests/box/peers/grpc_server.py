# SPDX-License-Identifier: BSD-2-Clause
"""A gRPC server of bytes, without a schema: grpc_server.py IP:PORT [PEM]. Prints "ready" when it listens."""
import json
import sys
import threading
import time
from concurrent import futures

import grpc

cancelled = {}  # by the name that a sleeper gave


def unary(request, context):
	"""The request back, with the client's metadata in head and trailers."""
	said = [(k, v) for k, v in context.invocation_metadata() if k.startswith("x-")]
	context.send_initial_metadata(said)
	context.set_trailing_metadata([(f"{k.removesuffix('-bin')}-again{'-bin' if k.endswith('-bin') else ''}", v) for k, v in said])
	return request


def fail(request, context):
	said = json.loads(request)
	context.set_trailing_metadata([("x-why", "because"), ("grpc-status-details-bin", b"\x08\x05\x12\x00\xff")])
	context.abort(grpc.StatusCode[said["code"]], said["details"])


def sum_up(requests, context):
	return b"%d" % sum(len(r) for r in requests)


def count(request, context):
	said = json.loads(request)
	for i in range(said["n"]):
		yield i.to_bytes(4, "big") * (said["size"] // 4)
		if said.get("fail_at") == i:
			context.abort(grpc.StatusCode.DATA_LOSS, "no more")


def echo(requests, context):
	for request in requests:
		yield request


def sleep(request, context):
	"""Until the client has enough of it."""
	over = threading.Event()
	name = request.decode()
	cancelled[name] = False
	if not context.add_callback(over.set):
		over.set()
	over.wait(30)
	cancelled[name] = True
	return b"awake"


def was_cancelled(request, context):
	"""1 and 0 of a call that has come, else nothing."""
	name = request.decode()
	return b"%d" % cancelled[name] if name in cancelled else b""


def remaining(request, context):
	"""Milliseconds of the client's deadline that are left here."""
	return b"%d" % (context.time_remaining() * 1000) if context.time_remaining() is not None else b"none"


def tick(request, context):
	"""As the health service's Watch: a message now and then, for as long as the client listens."""
	n = 0
	while context.is_active():
		yield b"%d" % n
		n += 1
		time.sleep(float(request))


HANDLERS = {
	"Unary": grpc.unary_unary_rpc_method_handler(unary), "Fail": grpc.unary_unary_rpc_method_handler(fail),
	"Sum": grpc.stream_unary_rpc_method_handler(sum_up), "Count": grpc.unary_stream_rpc_method_handler(count),
	"Echo": grpc.stream_stream_rpc_method_handler(echo), "Sleep": grpc.unary_unary_rpc_method_handler(sleep),
	"WasCancelled": grpc.unary_unary_rpc_method_handler(was_cancelled), "Remaining": grpc.unary_unary_rpc_method_handler(remaining),
	"Tick": grpc.unary_stream_rpc_method_handler(tick),
}


def main():
	server = grpc.server(futures.ThreadPoolExecutor(64), options=[("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0)])
	server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Bytes", HANDLERS),))
	if len(sys.argv) > 2:
		pem = open(sys.argv[2], "rb").read()
		server.add_secure_port(sys.argv[1], grpc.ssl_server_credentials([(pem, pem)]))
	else:
		assert server.add_insecure_port(sys.argv[1])
	server.start()
	print("ready", flush=True)
	server.wait_for_termination()


main()
