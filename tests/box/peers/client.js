// SPDX-License-Identifier: BSD-2-Clause
// A client in Node: fetch, http, https and http2, by cases.
//
//	node client.js '{"how": "h1" | "h2" | "fetch", "url": "http://127.0.0.1:1", "host": "app.test", "ca": FILE, "cases": [...]}'
//
// A case is { name, path, method, body: bytes, chunked, trailers, headers, read: "slow" | undefined, abort: ms }. All run at once; prints a JSON object of
// what became of each: { status, n, sha256, headers, trailers, interim: [...], error }.
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const http = require("http");
const http2 = require("http2");
const https = require("https");

const options = JSON.parse(process.argv[2]);
const isTls = options.url.startsWith("https:");
const url = new URL(options.url);
const pattern = Buffer.alloc(64 * 1024, "fedcba9876543210");
const tls = options.ca ? { ca: fs.readFileSync(options.ca), servername: options.host } : {};

function* pieces(n) {
	for (; n > 0; n -= Math.min(n, pattern.length))
		yield pattern.subarray(0, Math.min(n, pattern.length));
}

async function send(stream, c) {
	for (const piece of pieces(c.body || 0))
		if (!stream.write(piece))
			await new Promise((resolve) => { stream.once("drain", resolve); stream.once("close", resolve); });
	if (c.expires)
		await new Promise((resolve) => setTimeout(resolve, c.expires));
	stream.end();
}

function take(stream, c, out, then) {
	const hash = crypto.createHash("sha256");
	out.n = 0;
	stream.on("data", (d) => {
		out.n += d.length;
		hash.update(d);
		if (c.text)
			out.text = (out.text || "") + d;
		if (c.slow) { // pauses a moment now and then, so that everybody behind must wait
			stream.pause();
			setTimeout(() => stream.resume(), c.slow);
		}
	});
	stream.on("end", () => { out.sha256 = hash.digest("hex"); then(); });
}

function overH1(c, agent) {
	return new Promise((resolve) => {
		const out = { interim: [] };
		const headers = { host: options.host, ...c.headers };
		if (c.body && !c.chunked)
			headers["content-length"] = c.body;
		if (c.trailers)
			headers.trailer = Object.keys(c.trailers).join(", ");
		const req = (isTls ? https : http).request({ host: url.hostname, port: url.port, path: c.path, method: c.method || "GET", headers, agent, ...tls });
		const finish = (error) => { if (error) out.error = out.error || error.code || error.message; resolve(out); };
		req.on("information", (i) => out.interim.push({ status: i.statusCode, link: i.headers.link }));
		req.on("error", finish);
		req.on("response", (res) => {
			out.status = res.statusCode;
			out.headers = res.headers;
			res.on("error", finish);
			res.on("aborted", () => finish(new Error("aborted")));
			take(res, c, out, () => { out.trailers = res.trailers; finish(); });
		});
		if (c.abort)
			setTimeout(() => { out.error = "gave up"; req.destroy(); resolve(out); }, c.abort);
		if (c.trailers)
			req.addTrailers(c.trailers);
		if ((c.headers || {}).expect)
			req.on("continue", () => send(req, c));
		else
			send(req, c);
	});
}

function overH2(c, session) {
	return new Promise((resolve) => {
		const out = { interim: [] };
		const headers = { ":method": c.method || "GET", ":path": c.path, ":authority": options.host, ":scheme": isTls ? "https" : "http", ...c.headers };
		if (c.body && !c.chunked)
			headers["content-length"] = c.body;
		const hasBody = c.body || c.trailers || c.chunked;
		const stream = session.request(headers, { endStream: !hasBody, waitForTrailers: Boolean(c.trailers) });
		const finish = (error) => { if (error) out.error = out.error || error.code || error.message; resolve(out); };
		stream.on("headers", (h) => out.interim.push({ status: h[":status"], link: h.link }));
		stream.on("continue", () => out.interim.push({ status: 100 }));
		stream.on("response", (h) => {
			out.status = h[":status"];
			out.headers = { ...h };
		});
		stream.on("trailers", (h) => { out.trailers = { ...h }; });
		stream.on("wantTrailers", () => stream.sendTrailers(c.trailers));
		stream.on("error", (e) => { out.error = out.error || e.message; });
		stream.on("close", () => { out.reset = stream.rstCode; if (out.sha256 === undefined && !out.error) out.error = "closed"; finish(); });
		take(stream, c, out, () => {});
		if (c.abort)
			setTimeout(() => { out.error = "gave up"; stream.close(http2.constants.NGHTTP2_CANCEL); }, c.abort);
		if (hasBody && !(c.headers || {}).expect)
			send(stream, c);
		else if (hasBody)
			stream.on("continue", () => send(stream, c));
	});
}

async function overFetch(c) {
	const out = { interim: [] };
	try {
		const init = { method: c.method || "GET", headers: { ...c.headers } };
		if (c.body) {
			init.body = c.chunked ? new ReadableStream({ start(to) { for (const p of pieces(c.body)) to.enqueue(p); to.close(); } }) : Buffer.concat([...pieces(c.body)]);
			init.duplex = "half";
		}
		const res = await fetch(new URL(c.path, options.url), init);
		out.status = res.status;
		out.headers = Object.fromEntries(res.headers);
		const body = Buffer.from(await res.arrayBuffer());
		out.n = body.length;
		out.sha256 = crypto.createHash("sha256").update(body).digest("hex");
		if (c.text)
			out.text = body.toString();
	} catch (e) {
		out.error = String(e.cause && (e.cause.code || e.cause.message) || e.message);
	}
	return out;
}

async function main() {
	let one;
	let close = () => {};
	if (options.how === "h1") {
		const agent = new (isTls ? https : http).Agent({ keepAlive: true, maxSockets: 64 });
		one = (c) => overH1(c, agent);
		close = () => agent.destroy();
	} else if (options.how === "h2") {
		const session = http2.connect(options.url, { ...tls, settings: { enablePush: false, initialWindowSize: options.window || 65535 } });
		session.on("error", () => {});
		one = (c) => overH2(c, session);
		close = () => session.close();
	} else {
		one = overFetch;
	}
	const results = {};
	await Promise.all(options.cases.map(async (c) => { results[c.name] = await one(c); }));
	close();
	process.stdout.write(JSON.stringify(results));
	if (options.how === "fetch")
		process.exit(0);
}
main();
