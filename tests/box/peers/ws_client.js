// SPDX-License-Identifier: BSD-2-Clause
// A WebSocket client with the module ws, over HTTP/1.1 (Upgrade) or HTTP/2 (extended CONNECT, RFC 8441):
//
//	node ws_client.js '{"how": "h1" | "h2", "url": "http://127.0.0.1:1", "host": "app.test", "ca": FILE, "cases": [...]}'
//
// A case is { name, path, n: messages, size, protocols, listen: true, slow: ms }: sends n messages without waiting for their echoes, then closes; `listen`: only
// listens until the server closes. Prints a JSON object of what became of each: { opened, status, protocol, n, bytes, wrong, code, reason, error, greeting }.
"use strict";
const fs = require("fs");
const http2 = require("http2");
const WebSocket = require("ws");

const options = JSON.parse(process.argv[2]);
const tls = options.ca ? { ca: fs.readFileSync(options.ca), servername: options.host } : {};
const url = new URL(options.url);
const session = options.how === "h2" ? http2.connect(options.url, tls) : null;
const limits = { maxPayload: 64 * 1024 * 1024 };

function overH1(c) {
	const { hostname, port, protocol } = url;
	return new WebSocket(`${protocol === "https:" ? "wss" : "ws"}://${hostname}:${port}${c.path}`, c.protocols || [],
	                     { headers: { host: options.host }, ...tls, ...limits, perMessageDeflate: Boolean(c.deflate) });
}

function overH2(c, out) {
	const ws = new WebSocket(null); // a socket of one's own is a server's, as ws sees it
	ws._isServer = false;
	const headers = { ":method": "CONNECT", ":protocol": "websocket", ":path": c.path, ":authority": options.host,
	                  ":scheme": options.ca ? "https" : "http", "sec-websocket-version": "13" };
	if (c.protocols)
		headers["sec-websocket-protocol"] = c.protocols.join(", ");
	const stream = session.request(headers);
	stream.setNoDelay = () => {};
	stream.on("error", (e) => { out.error = e.message; ws.emit("over"); });
	stream.on("response", (h) => {
		out.status = h[":status"];
		if (h[":status"] !== 200) {
			out.body = "";
			stream.on("data", (d) => { out.body += d; });
			stream.on("end", () => ws.emit("over"));
			return void stream.end();
		}
		ws._protocol = h["sec-websocket-protocol"] || "";
		ws.setSocket(stream, Buffer.alloc(0), { ...limits, skipUTF8Validation: false });
	});
	stream.on("close", () => ws.emit("over"));
	return ws;
}

function run(c) {
	return new Promise((resolve) => {
		const out = { opened: false, n: 0, bytes: 0, wrong: 0 };
		const ws = options.how === "h2" ? overH2(c, out) : overH1(c);
		const started = Date.now();
		const over = () => { out.ms = Date.now() - started; resolve(out); };
		ws.on("over", over);
		ws.on("unexpected-response", (req, res) => { out.status = res.statusCode; req.destroy(); over(); });
		ws.on("error", (e) => { out.error = out.error || e.message; if (!out.opened) over(); });
		ws.on("close", (code, reason) => { out.code = code; out.reason = String(reason); over(); });
		ws.on("open", () => {
			out.opened = true;
			out.protocol = ws.protocol;
			let sent = 0;
			const next = (e) => {
				if (!e && sent < (c.n || 0))
					ws.send(Buffer.alloc(c.size, sent++ & 255), next);
			};
			next();
			if (c.dies)
				setTimeout(() => (session ? session.destroy() : ws.terminate()), c.dies);
		});
		ws.on("message", (m, isBinary) => {
			if (!isBinary)
				out.greeting = String(m);
			else if (c.n && (m.length !== c.size || (m.length > 0 && (m[0] !== (out.n & 255) || m[m.length - 1] !== (out.n & 255)))))
				out.wrong++;
			out.n++;
			out.bytes += m.length;
			if (!c.listen && out.n === (c.n || 0))
				ws.close(1000, "done");
			if (c.slow && ws._socket) {
				ws._socket.pause();
				setTimeout(() => ws._socket && ws._socket.resume(), c.slow);
			}
		});
	});
}

async function main() {
	const results = {};
	if (session) {
		session.on("error", () => {});
		await new Promise((resolve) => session.once("remoteSettings", (s) => { results.settings = s; resolve(); }));
	}
	await Promise.all(options.cases.map(async (c) => { results[c.name] = await run(c); }));
	process.stdout.write(JSON.stringify(results), () => process.exit(0));
}
main();
