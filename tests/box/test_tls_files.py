# SPDX-License-Identifier: BSD-2-Clause
"""Certificates that change under the daemon: put to use without a reload, and a bad one keeps what was there."""
import os
import shutil

from http1 import Client
from lab import measured, wait_until
from origins import Authority, Certificate
from test_tls import Secure
from test_tls_server import Clients, edge_with, s_client, shown, ticket_key


def serial(s, sni="app.test"):
	with s.client(sni=sni) as c:
		assert c.get("/").status == 200
		return c.sock.getpeercert()["serialNumber"]


def test_a_replaced_certificate_is_taken(lab):
	"""By renaming, as careful tools do, and by writing over it; connections that are open go on."""
	s = Secure(lab)
	file = s.certificates[0].file
	for way in (lambda new: os.replace(new, file), lambda new: shutil.copy(new, file)):
		before, reloads = serial(s), s.daemon.metric("steerway_proxy_tls_reloads_total")
		fresh = Certificate(lab, "app.test", label="fresh")
		with s.client() as old:
			assert old.get("/").status == 200
			way(fresh.file)
			wait_until(lambda: serial(s) != before, 5, "the new certificate")
			assert old.get("/").status == 200
		s.daemon.wait_metric("steerway_proxy_tls_reloads_total", reloads + 1)
	assert s.daemon.metric("steerway_main_reloads_total") == 0


def test_a_switched_link_is_followed(lab):
	"""Kubernetes mounts secrets so: the file is a link through a link to a folder, and that one is switched."""
	certificates = [Certificate(lab, "app.test", label=f"c{i}") for i in range(2)]
	mount = lab.path("mount")
	for i, c in enumerate(certificates):
		(mount / f"v{i}").mkdir(parents=True)
		shutil.copy(c.file, mount / f"v{i}" / "tls.pem")
	os.symlink("v0", mount / "..data")
	os.symlink("..data/tls.pem", mount / "tls.pem")
	s = Secure(lab)
	s.edge.config["listeners"]["web"]["tls"]["certificates"] = [str(mount / "tls.pem")]
	s.edge.reconfigure()
	before = serial(s)
	os.symlink("v1", mount / "..data_tmp")
	os.replace(mount / "..data_tmp", mount / "..data")
	wait_until(lambda: serial(s) != before, 5, "the new certificate")


def folders(lab):
	"""Two folders with a certificate each, and a daemon that is to take it from a third path."""
	for name in ("v0", "v1"):
		lab.path(name).mkdir()
		shutil.copy(Certificate(lab, "app.test", label=name).file, lab.path(name) / "tls.pem")
	return Secure(lab)


def take_from(s, file):
	s.edge.config["listeners"]["web"]["tls"]["certificates"] = [str(file)]
	s.edge.reconfigure()
	return serial(s)


def test_a_switched_link_to_the_folder_is_followed(lab):
	"""The path itself leads through the link; and again, since the folder is another one then."""
	s = folders(lab)
	os.symlink("v0", lab.path("current"))
	seen = take_from(s, lab.path("current") / "tls.pem")
	for target in ("v1", "v0"):
		os.symlink(target, lab.path("next"))
		os.replace(lab.path("next"), lab.path("current"))
		wait_until(lambda: serial(s) != seen, 5, "the new certificate")
		seen = serial(s)
	fresh = Certificate(lab, "app.test", label="fresh")
	os.replace(fresh.file, lab.path("v0") / "tls.pem")
	wait_until(lambda: serial(s) != seen, 5, "the new certificate")


def test_a_folder_made_anew_is_watched(lab):
	"""Its watch went with the old one."""
	s = folders(lab)
	seen = take_from(s, lab.path("v0") / "tls.pem")
	refused = s.daemon.metric("steerway_proxy_tls_refused_total")
	shutil.rmtree(lab.path("v0"))
	wait_until(lambda: s.daemon.metric("steerway_proxy_tls_refused_total") > refused, 5, "that the file is missed")
	assert serial(s) == seen
	lab.path("v0").mkdir()
	os.replace(lab.path("v1") / "tls.pem", lab.path("v0") / "tls.pem")
	wait_until(lambda: serial(s) != seen, 5, "the new certificate")


def test_a_bad_pair_keeps_the_old_one(lab):
	"""It alone: another certificate that came with it is put to use. Mended, it is taken."""
	s = Secure(lab, "app.test", "other.test")
	before, other = serial(s), serial(s, "other.test")
	new = Certificate(lab, "app.test", label="new")
	strange, new_other = Certificate(lab, "strange.test"), Certificate(lab, "other.test", label="new-other")
	with open(s.certificates[0].file, "w") as out:  # the certificate is good, its key another's
		out.write(open(new.chain_file).read() + open(str(lab.path("tls/strange.test")) + ".key").read())
	os.replace(new_other.file, s.certificates[1].file)
	wait_until(lambda: serial(s, "other.test") != other, 5, "the new certificate of other.test")
	assert serial(s) == before
	assert s.daemon.metric("steerway_proxy_tls_refused_total") >= 1  # twice, when the two files' events came far enough apart
	line = wait_until(lambda: next((x for x in s.daemon.log().splitlines() if "tls_file_refused" in x), None), 5, "a line about it")
	assert s.certificates[0].file in line and "does not fit" in line, line
	assert strange.file
	os.replace(new.file, s.certificates[0].file)
	wait_until(lambda: serial(s) != before, 5, "the mended certificate")


def test_a_file_that_vanished_keeps_the_old_one(lab):
	s = Secure(lab)
	before = serial(s)
	os.rename(s.certificates[0].file, lab.path("away"))
	lab.write("tls/note", "an event in the folder")
	s.daemon.wait_metric("steerway_proxy_tls_refused_total", 1)
	assert serial(s) == before


def test_many_writes_are_one_reload(lab):
	"""Unless they are 200 ms apart, which is when they count as over."""
	s = Secure(lab)
	before = serial(s)
	fresh = Certificate(lab, "app.test", label="fresh")
	with measured() as t:
		for _ in range(50):
			shutil.copy(fresh.file, s.certificates[0].file)
		wait_until(lambda: serial(s) != before, 5, "the new certificate")
		assert 1 <= s.daemon.metric("steerway_proxy_tls_reloads_total") <= max(1, t() / 0.2)


def test_other_files_of_the_folder_do_not_matter(lab):
	s = Secure(lab)
	before = serial(s)
	for i in range(5):
		lab.write(f"tls/note{i}", "x")
	fresh = Certificate(lab, "app.test", label="fresh")
	os.replace(fresh.file, s.certificates[0].file)
	wait_until(lambda: serial(s) != before, 5, "the new certificate")
	assert s.daemon.metric("steerway_proxy_tls_reloads_total") == 1


def test_a_new_revocation_list_is_taken(lab):
	clients = Clients(lab)
	edge = edge_with(lab, [Certificate(lab, "app.test")], client={"ca": clients.ca.file, "crl": clients.crl})
	bob = clients.certificate("bob")
	session = str(lab.path("session"))
	assert "200 OK" in s_client(lab, edge.web, "-sess_out", session, *shown(bob))
	clients.revoke(bob)
	edge.daemon.wait_metric("steerway_proxy_tls_reloads_total", 1)
	for words in ([], ["-sess_in", session]):
		assert "200 OK" not in s_client(lab, edge.web, *words, *shown(bob))


def test_new_ticket_keys_are_taken(lab):
	old, new = ticket_key(), ticket_key()
	keys = lab.write("ticket.keys", old + "\n")
	edge = edge_with(lab, [Certificate(lab, "app.test")], ticket_keys=str(keys))
	session = str(lab.path("session"))
	s_client(lab, edge.web, "-tls1_3", "-sess_out", session)
	keys.write_text("nonsense\n")
	edge.daemon.wait_metric("steerway_proxy_tls_refused_total", 1)
	assert "Reused, TLS" in s_client(lab, edge.web, "-tls1_3", "-sess_in", session)
	keys.write_text(new + "\n")
	edge.daemon.wait_metric("steerway_proxy_tls_reloads_total", 2)
	assert "New, TLS" in s_client(lab, edge.web, "-tls1_3", "-sess_in", session)


def test_a_reload_watches_what_it_names(lab):
	s = Secure(lab)
	(lab.path("elsewhere")).mkdir()
	moved = lab.path("elsewhere/app.pem")
	shutil.copy(s.certificates[0].file, moved)
	s.edge.config["listeners"]["web"]["tls"]["certificates"] = [str(moved)]
	s.edge.reconfigure()
	before = serial(s)
	os.replace(Certificate(lab, "app.test", label="fresh").file, moved)
	wait_until(lambda: serial(s) != before, 5, "the new certificate")
	assert Authority.of(lab) and Client
