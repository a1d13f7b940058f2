/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VARIABLE(ID, "name", KNOWN, "documentation"): what ${name} stands for in texts of routes. KNOWN: from when on.
 *
 *	REQUEST  as soon as the request is there: in every text
 *	POOL     when the pool is chosen: in request_headers and response_headers
 *	SERVER   when the server has answered: in response_headers alone
 */
VARIABLE(CLIENT_IP, "client_ip", REQUEST, "the client's address")
VARIABLE(HOST, "host", REQUEST, "the host that was asked for, without port")
VARIABLE(PATH, "path", REQUEST, "the path as it came, normalised")
VARIABLE(QUERY, "query", REQUEST, "the query as it came with its `?`, or nothing")
VARIABLE(METHOD, "method", REQUEST, "the method")
VARIABLE(SCHEME, "scheme", REQUEST, "`https` when the request came over TLS, else `http`")
VARIABLE(TLS_VERSION, "tls_version", REQUEST, "as `TLSv1.3`; nothing in clear text")
VARIABLE(REQUEST_ID, "request_id", REQUEST, "the request's X-Request-Id, where `tracing` gives it one; else nothing")
VARIABLE(LISTENER, "listener", REQUEST, "the listener's name")
VARIABLE(POOL, "pool", POOL, "the pool's name")
VARIABLE(SERVER, "server", SERVER, "the server's name; nothing in an answer of the route's own")
VARIABLE(SITE, "site", SERVER, "the server's site, likewise")
VARIABLE(HEADER, "header:", REQUEST, "a field's first value, as `${header:user-agent}`: of the request, in response_headers of the response")
