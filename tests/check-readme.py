#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The README is true: its tour is typed into a demonstration, and each answer must look like the one that is shown.

The tour is what stands in `console` blocks between the marks <!-- tour --> and <!-- end of tour -->. Numbers, durations and times may
differ from those shown, `...` stands for any lines, and a command that only looks is repeated until its answer is right. Also: the
examples under conf/ are valid and the README shows parts of them; targets, commands, options, files, log fields and end reasons
that are named exist.
"""
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("STEERWAY_BUILD", ROOT / "build")).resolve()
README = (ROOT / "README.md").read_text()
PATIENCE = 120  # seconds: the demonstration starts a dead origin again after 20, and the machine may have much else to do
LOOKS = re.compile(r"^(curl|dig|tail|\S*steerctl (show|explain))\b")
faults = []


def fault(text):
	faults.append(text)


# ---- the tour ----

def tour():
	"""(command, lines shown) of the console blocks."""
	text = README.split("<!-- tour", 1)[1].split("<!-- end of tour -->")[0]
	steps = []
	for block in re.findall(r"^```console\n(.*?)^```", text, re.M | re.S):
		for line in block.splitlines():
			if line.startswith("$ "):
				steps.append((line[2:], []))
			else:
				steps[-1][1].append(line)
	return steps


def plain(line):
	"""What may differ from run to run is made equal."""
	line = re.sub(r"\S*/steerway-demo-\w+", "FOLDER", line)
	line = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", line)
	line = re.sub(r"(?<![\w.])(\d+h)?(\d+m)?\d+(\.\d+)?(us|ms|s)\b", "DURATION", line)
	line = re.sub(r"(?<![\w.])\d+(\.\d+)?\b(?!\.\d)", "N", line)
	return re.sub(r"\s+", " ", line).strip()


def looks_like(shown, got):
	"""`...` stands for any number of lines."""
	if not shown:
		return True
	pattern = "".join("(?:.*\n)*" if line == "..." else re.escape(plain(line)) + "\n" for line in shown)
	return re.fullmatch(pattern, "".join(plain(line) + "\n" for line in got)) is not None


def start(base, folder):
	demo = subprocess.Popen([str(BUILD / "steerway"), "demo", "--port-base", str(base)], stdin=subprocess.DEVNULL,
	                        stdout=open(folder + ".out", "w"), stderr=subprocess.STDOUT, env=dict(os.environ, TMPDIR=folder),
	                        start_new_session=True)
	until = time.monotonic() + PATIENCE
	while time.monotonic() < until and demo.poll() is None:
		if "Ctrl-C ends it" in Path(folder + ".out").read_text():
			return demo
		time.sleep(0.05)
	stop(demo)
	return None


def stop(demo):
	if demo.poll() is None:
		demo.send_signal(signal.SIGINT)
	try:
		demo.wait(PATIENCE)
	except subprocess.TimeoutExpired:
		demo.kill()
		demo.wait()


def run_step(command, shown, exports, base, env):
	for port, place in (("8080", 0), ("8443", 1), ("5353", 2), ("8404", 3)):
		command = re.sub(rf"(?<=[ :]){port}\b", str(base + place), command)
	command = command.replace("build/", f"{BUILD}/")
	until, got = time.monotonic() + PATIENCE, []
	while True:
		done = subprocess.run(["bash", "-c", "\n".join([*exports, command])], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
		                      stdin=subprocess.DEVNULL, timeout=PATIENCE, env=env, cwd=ROOT)
		got = done.stdout.splitlines()
		is_right = looks_like(shown, got) and (shown or done.returncode == 0)
		if is_right or not LOOKS.match(command) or time.monotonic() > until:
			break
		time.sleep(0.25)
	if command.startswith("export "):
		exports.append(command)
	return is_right, command, got


def check_tour():
	folder = tempfile.mkdtemp(prefix="readme-")
	demo = None
	try:
		for _ in range(5):
			base = random.randrange(20000, 32000, 20)
			demo = start(base, folder)
			if demo:
				break
		if not demo:
			return fault("the demonstration does not start\n" + Path(folder + ".out").read_text())
		steps, exports = tour(), []
		if len(steps) < 15:
			return fault("the README's tour has lost its marks or its commands")
		for command, shown in steps:
			is_right, typed, got = run_step(command, shown, exports, base, dict(os.environ, TMPDIR=folder))
			if not is_right:
				return fault("\n".join([f"tour: $ {command}", f"typed: {typed}", "--- shown", *shown, "--- got", *got]))
	finally:
		if demo:
			stop(demo)
		if os.path.isdir(folder) and os.listdir(folder):
			fault(f"the demonstration left something behind: {os.listdir(folder)}")
		shutil.rmtree(folder)
		os.unlink(folder + ".out")


# ---- the examples ----

def check_examples():
	with tempfile.TemporaryDirectory() as folder:
		conf = Path(folder) / "conf"
		shutil.copytree(ROOT / "conf", conf)
		(conf / "tls").mkdir()
		pem = conf / "tls" / "app.pem"
		subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
		                "/CN=app.example.org", "-keyout", pem, "-out", pem], check=True, capture_output=True)
		files = sorted(conf.glob("*.yaml"))
		if len(files) < 4:
			fault(f"examples are missing: {files}")
		# What the sample names beside it.
		(conf / "tls" / "ca.pem").write_text(pem.read_text())
		(conf / "tls" / "sticky.secret").write_text("0123456789abcdef0123456789abcdef\n")
		(conf / "pages").mkdir()
		(conf / "pages" / "5xx.html").write_text("<h1>${status} ${status_text}</h1>")
		subprocess.run([sys.executable, ROOT / "tests/box/mmdb.py", conf / "maps" / "city.mmdb"], check=True, text=True,
		               input='192.0.2.0/24 {"country": {"iso_code": "IE"}, "location": {"latitude": 53.3, "longitude": -6.2}}\n')
		(conf / "maps/times.txt").write_text("192.0.2.0/24 cloud=12ms onprem=30ms\n")
		for file in [*files, conf / "steerway.yaml.sample"]:
			done = subprocess.run([str(BUILD / "steerway"), "check", "-c", str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
			if done.returncode != 0:
				fault(f"{file.name} is not valid:\n{done.stdout}")


def check_excerpts():
	"""A yaml block is part of the file that the mark before it names: its lines occur there, in their order."""
	blocks = re.findall(r"(?:<!-- (\S+) -->\n)?^```yaml\n(.*?)^```", README, re.M | re.S)
	if len(blocks) < 3:
		fault("the README has lost its examples")
	for name, block in blocks:
		lines = iter((ROOT / name).read_text().splitlines()) if name else iter(())
		for line in block.splitlines():
			if line not in lines:
				fault(f"{name or 'an example without a mark'}: not there, or not in this order: {line}")
				break


# ---- what is named ----

def names_in(text, pattern):
	return sorted(set(re.findall(pattern, text, re.M)))


def check_names():
	makefile = (ROOT / "Makefile").read_text()
	shell = "\n".join(re.findall(r"^```(?:sh|console)\n(.*?)^```", README, re.M | re.S))
	code = shell + "\n" + "\n".join(re.findall(r"`([^`\n]+)`", README))
	for target in names_in(code, r"(?:^|\s|`)make ([a-z][a-z-]+)\b"):
		if not re.search(rf"^[a-z -]*\b{target}\b[a-z -]*:", makefile, re.M):
			fault(f"`make {target}`: no such target")
	usage = subprocess.run([str(BUILD / "steerway"), "--help"], capture_output=True, text=True).stdout
	for word in names_in(code, r"(?:^|build/)steerway ([a-z][a-z-]+)\b"):
		if not re.search(rf"steerway {word}\b", usage):
			fault(f"`steerway {word}`: no such form")
	reference = subprocess.run([str(BUILD / "steerway"), "command-reference"], capture_output=True, text=True).stdout
	help_text = subprocess.run([str(BUILD / "steerctl"), "--help"], capture_output=True, text=True).stdout
	commands = re.findall(r"^\.It Cm (.*?)(?: No .*)?$", reference, re.M)
	for words in names_in(code, r"(?:^|/| )steerctl ((?:[a-z]+ ?){1,2})"):
		words = words.strip()
		if not any(c == words or c.startswith(words + " ") or words.startswith(c + " ") for c in commands):
			fault(f"`steerctl {words}`: no such command")
	for option in names_in("\n".join(l for l in code.splitlines() if "steerctl" in l), r"(--[a-z]+)\b"):
		if option not in reference + help_text:
			fault(f"steerctl {option}: no such option")
	for path in names_in(code + "\n" + "\n".join(re.findall(r"\]\(([^)#]+)\)", README)), r"(?<![\w/.])((?:conf|contrib|src|include|tests)/[\w./-]+)"):
		if not (ROOT / path.rstrip("./")).exists():
			fault(f"{path}: no such file")


def check_tables():
	keys = names_in((ROOT / "src/proxy/access_log.c").read_text(), r'RECORD_(?:TEXT|NUMBER)\(&?r, "(\w+)"')
	if len(keys) < 20:
		fault("the access log's fields could not be read")
	for key in keys:
		if f"`{key}`" not in README:
			fault(f"access log: field {key} is not explained")
	ends = re.findall(r'^PROXY_END\(\w+, "(\w+)", (\d+), "([^"]+)"\)', (ROOT / "include/steerway/tables/ends.h").read_text(), re.M)
	if len(ends) < 10:
		fault("the end reasons could not be read")
	for name, status, text in ends:
		row = f"| `{name}` | {'-' if status == '0' else status} | {text} |"
		if row not in README:
			fault(f"end reasons: missing or stale: {row}")


def main():
	for tool in ("curl", "dig", "openssl"):
		if not shutil.which(tool):
			print(f"{tool} is missing")
			return 77
	check_examples()
	check_excerpts()
	check_names()
	check_tables()
	check_tour()
	print("\n".join(faults))
	return 1 if faults else 0


if __name__ == "__main__":
	sys.exit(main())
