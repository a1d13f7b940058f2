# SPDX-License-Identifier: BSD-2-Clause
"""What scanners make of a listener: testssl.sh and sslscan find nothing of weight at either policy."""
import json
import re

from edge import Edge
from http1 import RawOrigin
from lab import cases, need_no_sanitizer, need_tool, run, timeout
from origins import Authority, Certificate

# What is no matter of the proxy: the lab's authority publishes no revocation, and fields of responses are the origin's.
NOT_OURS = {"cert_revocation", "security_headers"}
WEIGHTY = {"MEDIUM", "HIGH", "CRITICAL"}


def listener(lab, policy):
	certificates = [Certificate(lab, "app.test", label=f"{key}-{policy}", key=key, days=90) for key in ("ecdsa", "rsa")]
	return Edge(lab, {"cloud": [RawOrigin(lab)]}, listener={"tls": {"certificates": [c.file for c in certificates], "policy": policy},
	                                                        "timeouts": {"handshake": "60s"}})


@timeout(300)
@cases(("intermediate", "intermediate"), ("modern", "modern"))
def test_testssl(policy, lab):
	need_tool("testssl")
	need_no_sanitizer("a scan of some hundred connections")
	edge = listener(lab, policy)
	report = lab.path("report.json")
	run("testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", edge.web[0], "--add-ca", Authority.of(lab).file,
	    "--protocols", "--std", "--fs", "--server-defaults", "--server-preference", "--vulnerable",
	    "--jsonfile", report, f"app.test:{edge.web[1]}", check=False, seconds=280)
	findings = json.loads(report.read_text())
	seen = {f["id"]: f for f in findings}
	# It did look: what it says of versions is what the policy is about.
	assert "not offered" in seen["TLS1_1"]["finding"] and "offered" in seen["TLS1_3"]["finding"], seen
	assert ("not offered" in seen["TLS1_2"]["finding"]) == (policy == "modern"), seen["TLS1_2"]
	assert len(findings) > 60, len(findings)
	bad = [f for f in findings if f["severity"] in WEIGHTY and f["id"].split(" ")[0] not in NOT_OURS]
	assert not bad, bad


@timeout(120)
@cases(("intermediate", "intermediate", {"TLSv1.2", "TLSv1.3"}), ("modern", "modern", {"TLSv1.3"}))
def test_sslscan(policy, versions, lab):
	need_tool("sslscan")
	edge = listener(lab, policy)
	out = run("sslscan", "--no-colour", "--sni-name=app.test", "--show-sigs", "%s:%d" % edge.web).stdout
	assert set(re.findall(r"^(\S+)\s+enabled", out, re.M)) == versions, out
	ciphers = re.findall(r"^(?:Preferred|Accepted)\s+(\S+)\s+\d+ bits\s+(\S+)", out, re.M)
	assert {v for v, _ in ciphers} == versions and all(re.search("GCM|CHACHA20", c) for _, c in ciphers), out
	assert all(c.startswith(("TLS_", "ECDHE-")) for _, c in ciphers), out
	assert not re.search(r"^(?!.*not vulnerable).*vulnerable", out, re.M), out
	assert "Session renegotiation not supported" in out and not re.search("sha1|sha224|md5|dsa_sha", out.split("Signature Algorithm")[0], re.I), out
