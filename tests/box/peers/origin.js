// SPDX-License-Identifier: BSD-2-Clause
// An origin in Node: the same handlers over HTTP/1.1 and HTTP/2, in clear text and over TLS.
//
//	node origin.js '{"ip": "127.0.0.1", "ports": {"h1": 1, "h2": 2, "h1s": 3, "h2s": 4}, "pem": FILE}'
//
// Prints "ready" when it listens. A handler is the first segment of the path; its numbers come from the query.
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const http = require("http");
const http2 = require("http2");
const https = require("https");

const options = JSON.parse(process.argv[2]);
const pattern = Buffer.alloc(64 * 1024, "0123456789abcdef");

function fill(res, left, then) {
	for (;;) {
		if (left === 0)
			return then();
		const n = Math.min(left, pattern.length);
		left -= n;
		if (!res.write(pattern.subarray(0, n)))
			return void res.once("drain", () => fill(res, left, then));
	}
}

const cut = (req) => (req.stream ? req.stream.session.destroy() : req.socket.destroy());
const aborted = {}; // requests by name that the client gave up

const handlers = {
	hello: (req, res) => res.end(req.method === "HEAD" ? undefined : "hello\n"),
	length: (req, res) => {
		res.setHeader("content-length", "6");
		res.end(req.method === "HEAD" ? undefined : "hello\n");
	},
	bytes: (req, res, q) => {
		res.setHeader("content-length", q.n);
		fill(res, Number(q.n), () => res.end());
	},
	stream: (req, res, q) => fill(res, Number(q.n), () => res.end()),
	status: (req, res, q) => {
		res.writeHead(Number(q.s), { "x-seen": "yes" });
		res.end();
	},
	// The whole body, its digest, and what came behind it.
	sum: (req, res) => {
		const hash = crypto.createHash("sha256");
		let n = 0;
		req.on("data", (d) => { n += d.length; hash.update(d); });
		req.on("end", () => res.end(JSON.stringify({ n, sha256: hash.digest("hex"), trailers: req.trailers, version: req.httpVersion,
		                                             expect: req.headers.expect })));
	},
	// The body back as it comes, and its trailers behind it.
	echo: (req, res) => {
		req.on("data", (d) => { if (!res.write(d)) { req.pause(); res.once("drain", () => req.resume()); } });
		if (!req.stream)
			res.setHeader("trailer", "x-sum");
		res.flushHeaders();
		req.on("end", () => {
			res.addTrailers(req.trailers);
			res.end();
		});
	},
	trailers: (req, res) => {
		if (!req.stream)
			res.setHeader("trailer", "x-sum, x-more");
		res.write("hello\n");
		res.addTrailers({ "x-sum": "12", "x-more": "a b" });
		res.end();
	},
	hints: (req, res) => {
		res.writeEarlyHints({ link: "</a.css>; rel=preload" });
		setImmediate(() => res.end("hello\n"));
	},
	// Answers before the body is there, and takes none of it.
	early: (req, res) => {
		res.writeHead(413, req.stream ? {} : { connection: "close" });
		res.end("enough\n");
	},
	// A body that ends before its length; a head that never comes; both by a connection that is cut.
	short: (req, res) => {
		res.setHeader("content-length", "1000000");
		res.write(pattern.subarray(0, 1000), () => setTimeout(() => cut(req), 20));
	},
	cut: (req) => cut(req),
	reset: (req, res, q) => (req.stream ? req.stream.close(Number(q.code)) : cut(req)),
	never: (req, res, q) => {
		req.resume();
		res.on("close", () => { aborted[q.name] = true; });
	},
	forever: (req, res, q) => {
		res.on("close", () => { aborted[q.name] = true; });
		fill(res, Infinity, () => {});
	},
	aborted: (req, res, q) => res.end(String(Boolean(aborted[q.name]))),
	wait: (req, res, q) => setTimeout(() => res.end("hello\n"), Number(q.ms)),
};

function serve(req, res) {
	const url = new URL(req.url, "http://origin");
	const handler = handlers[url.pathname.split("/")[1]];
	const ignore = () => {};
	req.on("error", ignore);
	res.on("error", ignore);
	if (!handler) {
		res.statusCode = 404;
		return void res.end();
	}
	handler(req, res, Object.fromEntries(url.searchParams));
}

const tls = options.pem ? { key: fs.readFileSync(options.pem), cert: fs.readFileSync(options.pem) } : {};
const makers = {
	h1: () => http.createServer(serve),
	h2: () => http2.createServer(serve),
	h1s: () => https.createServer(tls, serve),
	h2s: () => http2.createSecureServer(tls, serve),
};
let waits = Object.keys(options.ports).length;
for (const [kind, port] of Object.entries(options.ports)) {
	const server = makers[kind]();
	server.keepAliveTimeout = 600000;
	server.requestTimeout = 0;
	server.on("clientError", (e, socket) => socket.destroy());
	server.listen(port, options.ip, () => { if (--waits === 0) console.log("ready"); });
}
