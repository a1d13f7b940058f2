# SPDX-License-Identifier: BSD-2-Clause
"""The command line: what is checked before anything runs, what is said about mistakes, and documents that can't be stale."""
import re

from edge import Edge
from http1 import RawOrigin
from lab import BUILD, ROOT, STEERWAY, cases, run, to_yaml

GOOD = {
	"listeners": {"web": {"bind": ["127.0.0.1:8080"]}},
	"sites": {"cloud": {"addresses": ["192.0.2.1"]}},
	"checks": {"app": {"type": "http", "path": "/health"}},
	"pools": {"app": {"check": "app", "servers": [{"name": "c1", "address": "127.0.0.1:9000", "site": "cloud"}]}},
	"routes": [{"pool": "app"}],
}


def check(lab, text):
	path = lab.write("site.yaml", text)
	return run(STEERWAY, "check", "-c", path, check=False)


def test_good_file(lab):
	done = check(lab, to_yaml(GOOD))
	assert done.returncode == 0, done.stdout


def test_all_errors_in_one_run(lab):
	"""Each with file, line, column and key path; a misspelt key with the one that was meant."""
	text = """listeners:
  web: { bind: ["127.0.0.1:8080"], protcol: http }
sites:
  cloud: { addresses: [192.0.2.999] }
checks:
  app: { type: http, interval: 2s, timeout: 5s }
  bad: { type: smtp, fall: 0 }
pools:
  app:
    check: nosuch
    servers:
      - { name: c1, address: "127.0.0.1:9000", site: mars }
      - { name: c1, address: "127.0.0.1:99999", site: cloud }
routes:
  - { pool: nopool }
"""
	done = check(lab, text)
	assert done.returncode != 0
	lines = [line for line in done.stdout.splitlines() if re.match(r".*site\.yaml:\d+:\d+: ", line)]
	places = {int(re.search(r"site\.yaml:(\d+):", line)[1]) for line in lines}
	# A fault of values may hide the cross-checks that need them; the faults of single keys are all there.
	assert {2, 4, 7, 10, 12, 13, 15} <= places | {6}, done.stdout
	assert "protocol" in done.stdout and "192.0.2.999" in done.stdout and "smtp" in done.stdout, done.stdout
	assert len(lines) >= 7, done.stdout


@cases(("timeout above interval", "checks:\n  app: { type: tcp, interval: 1s, timeout: 5s }\n", 2, "interval"),
       ("not YAML", "listeners: [\n", None, "site.yaml"), ("empty key", "{ ? }\n", None, ""), ("a list", "- a\n- b\n", 1, ""),
       ("wrong type", "listeners: 5\n", 1, "listeners"), ("no unit", "drain_timeout: 30\n", 1, "drain_timeout"),
       ("out of range", "workers: 100000\n", 1, "workers"), ("twice the same key", "workers: 1\nworkers: 2\n", 2, "workers"),
       ("required key missing", "listeners:\n  web: { protocol: http }\n", None, "bind"))
def test_one_error(text, line, word, lab):
	done = check(lab, text)
	assert done.returncode != 0 and word in done.stdout, done.stdout
	if line:
		assert f"site.yaml:{line}:" in done.stdout, done.stdout


def test_no_such_file(lab):
	done = run(STEERWAY, "check", "-c", lab.path("nothing.yaml"), check=False)
	assert done.returncode != 0 and "nothing.yaml" in done.stdout


def test_check_opens_nothing(lab):
	"""Validation needs no port and no right: it passes while the daemon itself runs on the same file."""
	edge = Edge(lab, {"cloud": [RawOrigin(lab)]})
	done = run(STEERWAY, "check", "-c", edge.daemon.file, check=False)
	assert done.returncode == 0, done.stdout
	assert edge.fetch("/").status == 200


def test_missing_files_are_named(lab):
	bad = dict(GOOD, zones={"example.test": {"file": "nosuch.zone"}})
	done = check(lab, to_yaml(bad))
	assert done.returncode != 0 and "nosuch.zone" in done.stdout, done.stdout


def test_faulty_start_is_one_clear_failure(lab):
	daemon = lab.steerway("listeners: 5\n", wait=False)
	assert daemon.process.wait() not in (0, None)
	daemon.is_finished = True
	assert "steerway.yaml:1:" in daemon.log(), daemon.log()


def test_version():
	out = run(STEERWAY, "--version").stdout
	assert out.startswith("steerway ") and "libevent" in out.lower() and "openssl" in out.lower() and "ldns" in out.lower(), out


@cases(("no such option", ["--frob"]), ("no such word", ["frob"]), ("no file", ["-c"]), ("nothing", []))
def test_usage(words):
	done = run(STEERWAY, *words, check=False)
	assert done.returncode != 0 and "usage" in done.stdout.lower(), done


def test_reference_is_complete(lab):
	"""Every key of the table stands in the reference; the sample and the manual page are what the rows print now."""
	reference = run(STEERWAY, "config-reference").stdout
	keys = re.findall(r"^\tK\((\w+),", (ROOT / "include/steerway/tables/config.h").read_text(), re.M)
	assert len(keys) > 80
	missing = [k for k in keys if not re.search(rf"\b{k}\b", reference)]
	assert not missing, missing
	for path, option in (("conf/steerway.yaml.sample", "--sample"), ("contrib/man/steerway.yaml.5", "--man")):
		printed = run(STEERWAY, "config-reference", option).stdout
		assert (ROOT / path).read_text() == printed, f"{path} is stale: run `make docs`"


def test_sample_is_valid_when_uncommented(lab):
	"""The sample as it stands is a file that can be read."""
	done = check(lab, (ROOT / "conf/steerway.yaml.sample").read_text())
	assert "syntax" not in done.stdout.lower(), done.stdout


def test_steerctl_is_light():
	"""It has to work when the house burns: libc and jansson, nothing else."""
	needed = set(re.findall(r"\[(lib[\w.+-]+?)\.so", run("readelf", "-d", BUILD / "steerctl").stdout))
	assert needed <= {"libc", "libjansson", "libasan", "libubsan", "libtsan", "libgcc_s", "libpthread", "libm"}, needed
