/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PROXY_END(id, name, status, text): how a transaction ended; name as in the access log and in the counter
 * steerway_proxy_ends_total{reason}. status: what the client gets when no response was begun; 0: none is sent.
 */
PROXY_END(COMPLETE, "complete", 0, "the response was sent whole")
PROXY_END(NO_ROUTE, "no_route", 404, "no route takes this host and path")
PROXY_END(METHOD_REFUSED, "method_refused", 405, "CONNECT is not proxied")
PROXY_END(BAD_REQUEST, "bad_request", 400, "the request is malformed")
PROXY_END(BODY_TOO_LARGE, "body_too_large", 413, "the request body exceeds max_body")
PROXY_END(HEAD_TIMEOUT, "head_timeout", 408, "the request head did not arrive in time")
PROXY_END(BODY_TIMEOUT, "body_timeout", 408, "the request body paused for too long")
PROXY_END(SEND_TIMEOUT, "send_timeout", 0, "the client took nothing for too long")
PROXY_END(CLIENT_ABORT, "client_abort", 0, "the client closed the connection before the response was whole")
PROXY_END(NO_SERVER, "no_server", 503, "no usable server in the pool")
PROXY_END(SERVER_LIMIT, "server_limit", 503, "every usable server is at its limit")
PROXY_END(QUEUE_FULL, "queue_full", 503, "every usable server is at its limit, and as many requests wait as may")
PROXY_END(QUEUE_TIMEOUT, "queue_timeout", 503, "every usable server was at its limit for too long")
PROXY_END(CONNECT_FAILED, "connect_failed", 502, "no connection to a server")
PROXY_END(CONNECT_TIMEOUT, "connect_timeout", 504, "connecting to the server took too long")
PROXY_END(SERVER_CLOSED, "server_closed", 502, "the server closed the connection before its response was whole")
PROXY_END(SERVER_BAD_RESPONSE, "server_bad_response", 502, "the server's response is malformed")
PROXY_END(SERVER_TIMEOUT, "server_timeout", 504, "the server took too long")
PROXY_END(DRAIN_DEADLINE, "drain_deadline", 0, "cut at the deadline of a drain")
PROXY_END(STOP_DEADLINE, "stop_deadline", 0, "cut at the deadline of a graceful stop")
