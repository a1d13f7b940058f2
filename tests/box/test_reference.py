# SPDX-License-Identifier: BSD-2-Clause
"""haproxy and nginx on the cases of HTTP/1 in front: does each of them take or refuse the same requests? Where one does not, the case
says why ours is right, or this test fails. Compared is the class alone (taken, refused, waiting for more), so that another version of a
peer may word its refusal differently."""

from cases import h1_body, h1_message
from http1 import Closed
from lab import PATIENCE, cases, need_tool, note, timeout, wait_until
from table import Recorder, connect, half_close, send_pieces

SILENCE = 0.15  # seconds without a byte until a peer counts as waiting
SURE = 5 * PATIENCE  # when nobody expects it to wait: it may only be late
ALL = h1_message.CASES + h1_body.CASES

HAPROXY = """
global
	maxconn 200
defaults
	mode http
	timeout connect 2s
	timeout client 5s
	timeout server 5s
	timeout http-request 5s
frontend front
	bind {address}
	default_backend back
backend back
	server origin {origin}
"""
NGINX = """
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/nginx.err;
events {{ worker_connections 256; }}
http {{
	access_log off;
	client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
	client_max_body_size 64k;
	upstream back {{ server {origin}; keepalive 4; }}
	server {{
		listen {address};
		location / {{ proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; }}
	}}
}}
"""


def start_haproxy(lab, values):
	return lab.start("haproxy", ["haproxy", "-db", "-f", lab.write("haproxy.cfg", HAPROXY.format(**values))])


def start_nginx(lab, values):
	return lab.start("nginx", ["nginx", "-c", lab.write("nginx.conf", NGINX.format(**values)), "-p", lab.dir])


def outcome(address, case, silence=SILENCE):
	"""A word an answer: taken or refused; the last one `waits` when neither bytes nor a close come."""
	words = []
	with connect(address) as c:
		send_pieces(c, [case.sent])
		if case.fin:
			half_close(c)
		c.sock.settimeout(silence)
		try:
			for _ in case.answers:
				words.append("taken" if c.response(case.method).status < 400 else "refused")
				if words[-1] == "refused":
					break
		except Closed:
			words.append("refused")
		except AssertionError as e:
			words.append("waits" if "silence" in str(e) else f"odd: {e}")
	is_surprise = words[-1:] == ["waits"] and not case.why and words != ours(case)
	return outcome(address, case, SURE) if is_surprise and silence < SURE else words


def ours(case):
	words = ["taken" if status < 400 else "refused" for status in case.answers]
	return words[:words.index("refused") + 1] if "refused" in words else words


@timeout(120)
@cases(("haproxy", start_haproxy), ("nginx", start_nginx))
def test_reference(start, lab):
	need_tool(start.__name__.removeprefix("start_"))
	origin = Recorder(lab)
	address = (lab.ip, lab.port())
	start(lab, {"address": "%s:%d" % address, "origin": origin.text, "dir": lab.dir})

	def listens():
		try:
			connect(address).close()
			return True
		except OSError:
			return False
	wait_until(listens, 10, "the peer listens")
	deviations = {c: words for c in ALL if (words := outcome(address, c)) != ours(c)}
	note(f"{len(deviations)} of {len(ALL)} cases deviate")
	unexplained = [f"{c.label}: {words}, ours {ours(c)}" for c, words in deviations.items() if not c.why]
	assert not unexplained, "\n".join(["no case says why ours is right:", *unexplained])
