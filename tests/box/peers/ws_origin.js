// SPDX-License-Identifier: BSD-2-Clause
// A WebSocket server with the module ws, and what else may become of an upgrade: node ws_origin.js IP PORT [PEM]. Prints "ready".
"use strict";
const fs = require("fs");
const http = require("http");
const https = require("https");
const net = require("net");
const { WebSocketServer } = require("ws");

const [ip, port, pem] = process.argv.slice(2);
const wss = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024, perMessageDeflate: true,
                                  handleProtocols: (offered) => (offered.has("chat.v2") ? "chat.v2" : false) });

wss.on("connection", (ws, req) => {
	const url = new URL(req.url, "http://origin");
	console.log("open");
	ws.on("error", () => {});
	ws.on("message", (m, isBinary) => ws.send(m, { binary: isBinary }, () => {}));
	if (url.pathname === "/greet") { // before the client has said a word
		ws.send(JSON.stringify({ headers: req.headers, url: req.url }));
		ws.close(1000);
	}
	if (url.pathname === "/bye")
		ws.close(4001, "go away");
	if (url.pathname === "/flood") {
		let left = Number(url.searchParams.get("n"));
		const message = Buffer.alloc(Number(url.searchParams.get("size")), "x");
		const next = (e) => { if (!e) left-- > 0 ? ws.send(message, next) : ws.close(1000); };
		next();
	}
});

const answers = {
	"/refuse": "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n",
	"/ignore": "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nplain\n",
	"/bad-accept": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
	"/other": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\n",
};

function unasked(req, res) {
	if (req.url === "/unasked")
		req.socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
	else
		res.end(`plain ${req.headers.upgrade || "none"}\n`);
}

const server = pem ? https.createServer({ key: fs.readFileSync(pem), cert: fs.readFileSync(pem) }, unasked) : http.createServer(unasked);
server.on("upgrade", (req, socket, head) => {
	socket.on("error", () => {});
	const path = req.url.split("?")[0];
	if (answers[path])
		return void socket.end(answers[path]);
	wss.handleUpgrade(req, socket, head, (ws) => wss.emit("connection", ws, req));
});
server.on("connect", (req, socket, head) => {
	socket.on("error", () => {});
	if (req.url.startsWith("refused"))
		return void socket.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	const [host, to] = req.url.split(":");
	const far = net.connect({ host, port: to, allowHalfOpen: true }, () => {
		socket.write("HTTP/1.1 200 OK\r\n\r\n");
		far.write(head);
		far.pipe(socket);
		socket.pipe(far);
	});
	far.on("error", () => socket.destroy());
	socket.on("close", () => far.destroy());
});
server.listen(port, ip, () => console.log("ready"));
