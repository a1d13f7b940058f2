/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One row a configuration key: the struct member, the parser, the manual page and the commented sample all come from it.
 *
 *	K(key, TYPE, param, default, min, max, reload, documentation)
 *
 * TYPE     see CFG_MEMBER_<TYPE> in cfg.h; param names its section, enum or `_`.
 * default  text as it would stand in the file; CFG_REQUIRED: must be given; NULL: absent (zero, empty, NULL).
 * min max  text bounds of numbers, durations, sizes; NULL: none.
 * reload   LIVE: a reload changes it in place; RESTART: it takes a restart (a reload that changes it is refused and says so).
 */
#define CFG_ROOT_KEYS(K) \
	K(include, INCLUDE, _, NULL, NULL, NULL, LIVE, "More files, as paths or patterns: their maps and lists are added to those of this file. A key may stand in one file only.") \
	K(node, OBJECT, node, NULL, NULL, NULL, LIVE, "This daemon: its name and the site it stands in.") \
	K(workers, WORKERS, _, "auto", "1", "256", RESTART, "Worker threads, each with its own event loop; `auto` is one a CPU.") \
	K(user, STR, _, NULL, NULL, NULL, RESTART, "User to become after the listeners are bound. Required when started as root, unless `run_as_root`.") \
	K(group, STR, _, NULL, NULL, NULL, RESTART, "Group to become; the user's own when absent.") \
	K(run_as_root, BOOL, _, "false", NULL, NULL, RESTART, "Stay root. Only for throw-away machines.") \
	K(drain_timeout, MSEC, _, "30s", "0s", "24h", LIVE, "Graceful stop: time that requests in progress get to finish.") \
	K(listeners, MAP, listener, NULL, NULL, NULL, LIVE, "Addresses to serve, by name.") \
	K(sites, MAP, site, NULL, NULL, NULL, LIVE, "Places that can serve, by name.") \
	K(checks, MAP, check, NULL, NULL, NULL, LIVE, "Ways to probe servers, by name.") \
	K(pools, MAP, pool, NULL, NULL, NULL, LIVE, "Servers of one service over all sites, by name.") \
	K(routes, LIST, route, NULL, NULL, NULL, LIVE, "What is done with a request: the most exact host wins, then the most exact path; see `priority`.") \
	K(answers, OBJECT, answers, NULL, NULL, NULL, LIVE, "Answers that the proxy makes itself, in the form that the client accepts: text, JSON (RFC 9457), HTML, or a gRPC status.") \
	K(maps, MAP, map, NULL, NULL, NULL, LIVE, "What is known of clients by their networks, from files, by name: policies look them up by the network that the resolver tells (EDNS Client Subnet), else by its own address. A file that changes is read again at once; one with a fault keeps what was read before.") \
	K(policies, MAP, policy, NULL, NULL, NULL, LIVE, "Policies that several steered names use, or that are members of others, by name.") \
	K(zones, MAP, zone, NULL, NULL, NULL, LIVE, "DNS zones that this daemon is authoritative for, by name.") \
	K(dns, OBJECT, dns, NULL, NULL, NULL, LIVE, "The DNS responder as a whole: what it says of itself, EDNS, limits.") \
	K(admin, OBJECT, admin, NULL, NULL, NULL, LIVE, "Admin socket, admin HTTP, and the state that outlives a restart.") \
	K(log, OBJECT, log, NULL, NULL, NULL, LIVE, "What is logged, and where.")

#define CFG_NODE_KEYS(K) \
	K(name, STR, _, "steerway", NULL, NULL, LIVE, "Name of this node, as `by` in Forwarded and in `show`.") \
	K(site, REF, site, NULL, NULL, NULL, LIVE, "Site that this node stands in: draining it also closes client connections here.")

#define CFG_LISTENER_KEYS(K) \
	K(bind, ADDRS, _, CFG_REQUIRED, NULL, NULL, LIVE, "Addresses with port, as `0.0.0.0:443` or `[::]:443`.") \
	K(protocol, ENUM, protocol, "http", NULL, NULL, LIVE, "`http`, or `dns` (UDP and TCP).") \
	K(tls, OBJECT, listener_tls, NULL, NULL, NULL, LIVE, "Terminate TLS. Absent: clear text.") \
	K(max_connections, UINT, _, "20000", "1", "10000000", LIVE, "Client connections at once; more wait in the kernel's queue until one closes.") \
	K(backlog, UINT, _, "4096", "1", "65535", LIVE, "Connections that the kernel queues for each worker.") \
	K(http2, OBJECT, listener_http2, NULL, NULL, NULL, LIVE, "HTTP/2: by ALPN under TLS, with prior knowledge in clear text.") \
	K(forwarded, ENUM, forwarded, "append", NULL, NULL, LIVE, "X-Forwarded-* and Forwarded: `append` to what the client sent, `replace` it, or `off`.") \
	K(max_head, SIZE, _, "32KiB", "1KiB", "256KiB", LIVE, "Largest request head; above: 431.") \
	K(max_target, SIZE, _, "8KiB", "256", "64KiB", LIVE, "Longest request target; above: 414.") \
	K(max_fields, UINT, _, "100", "10", "1000", LIVE, "Most header fields of a request; above: 431.") \
	K(max_body, SIZE, _, "0", NULL, NULL, LIVE, "Largest request body; above: 413. `0` is no bound.") \
	K(tracing, OBJECT, tracing, NULL, NULL, NULL, LIVE, "Names that requests carry through all machines: W3C trace context and X-Request-Id.") \
	K(proxy_protocol, OBJECT, listener_proxy_protocol, NULL, NULL, NULL, LIVE, "Take the client's address from the PROXY protocol (version 1 or 2), which a proxy before this one speaks.") \
	K(timeouts, OBJECT, listener_timeouts, NULL, NULL, NULL, LIVE, "What a client may take its time with.") \
	K(min_rates, OBJECT, listener_min_rates, NULL, NULL, NULL, LIVE, "How slowly a client may send a body or take a response, beside its pauses. (A head is bounded as a whole: `timeouts.head`.)")

#define CFG_LISTENER_PROXY_PROTOCOL_KEYS(K) \
	K(from, NETS, _, CFG_REQUIRED, NULL, NULL, LIVE, "Networks of the proxies that are believed. Their connections must begin with a header; one that is missing, malformed or late (`timeouts.head`) closes the connection. Nobody else may send one.")

#define CFG_LISTENER_TLS_KEYS(K) \
	K(certificates, PATHS, _, CFG_REQUIRED, NULL, NULL, LIVE, "PEM files (or patterns), each with certificate chain and key; the first serves clients whose SNI matches none.") \
	K(policy, ENUM, tls_policy, "intermediate", NULL, NULL, LIVE, "Mozilla's presets of versions, ciphers, groups and signatures: `intermediate` (TLS 1.2 and 1.3) or `modern` (TLS 1.3 alone).") \
	K(alpn, ENUMS, alpn, "[h2, http/1.1]", NULL, NULL, LIVE, "Protocols to offer; `h2` goes first. A client that offers ALPN without any of them is refused.") \
	K(min_version, ENUM, tls_version, "1.2", NULL, NULL, LIVE, "Lowest TLS version.") \
	K(tickets, BOOL, _, "true", NULL, NULL, LIVE, "Resume sessions by ticket.") \
	K(ticket_keys, PATH, _, NULL, NULL, NULL, LIVE, "File of ticket keys, for nodes that take each other's tickets: 48 or 80 random bytes in base64 a line (`openssl rand 80 | base64 -w 108`); the first seals, all open. Absent: random keys, turned over every 12 hours.") \
	K(client, OBJECT, listener_client, NULL, NULL, NULL, LIVE, "Ask clients for certificates. Servers are told in X-SSL-Client-Verify (`SUCCESS` or `NONE`), -Subject (RFC 2253), -SAN, -Serial and -Fingerprint (SHA-256); no listener lets such fields of a client pass then. A request for another host than its connection's SNI gets 421. Absent: none is asked for.")

#define CFG_LISTENER_CLIENT_KEYS(K) \
	K(mode, ENUM, client_mode, "required", NULL, NULL, LIVE, "`required`, or `optional`: a client may have none. One that does not verify is refused either way.") \
	K(ca, PATH, _, CFG_REQUIRED, NULL, NULL, LIVE, "PEM file of the authorities that client certificates must come from.") \
	K(crl, PATH, _, NULL, NULL, NULL, LIVE, "PEM file of revocation lists, one of every authority in a chain; outdated ones refuse everybody.")

#define CFG_LISTENER_HTTP2_KEYS(K) \
	K(enabled, BOOL, _, "true", NULL, NULL, LIVE, "Speak HTTP/2 with clients that want it.") \
	K(max_streams, UINT, _, "128", "1", "10000", LIVE, "Requests at once on a connection; a client that opens more is refused the stream.") \
	K(stream_window, SIZE, _, "128KiB", "64KiB", "16MiB", LIVE, "Bytes of a request body that a client may send ahead of what the server takes.") \
	K(connection_window, SIZE, _, "1MiB", "64KiB", "256MiB", LIVE, "The same over all requests of a connection: it bounds what a connection makes us hold.") \
	K(max_idle_frames, UINT, _, "1000", "10", "1000000", LIVE, "Frames that serve nobody (PING, SETTINGS, PRIORITY, empty DATA, requests opened and reset) that a client may send in ten seconds; above, the connection ends with ENHANCE_YOUR_CALM.")

#define CFG_LISTENER_TIMEOUTS_KEYS(K) \
	K(handshake, MSEC, _, "10s", "100ms", "10m", LIVE, "Time allowed for the TLS handshake.") \
	K(head, MSEC, _, "10s", "100ms", "10m", LIVE, "Time allowed to receive a whole request head; above: 408.") \
	K(body_idle, MSEC, _, "30s", "100ms", "1h", LIVE, "Longest pause of the client while it sends a body; above: 408.") \
	K(send_idle, MSEC, _, "30s", "100ms", "1h", LIVE, "Longest pause of a client that takes nothing of what is sent to it.") \
	K(keep_alive, MSEC, _, "60s", "0s", "1h", LIVE, "Time that a connection may stay open between requests.")

#define CFG_LISTENER_MIN_RATES_KEYS(K) \
	K(body, SIZE, _, "240", "0", "1GiB", LIVE, "Bytes a second of a request body, on average over a window; below: 408. Asked while the server takes body and has not begun to answer; not of gRPC to HTTP/2 servers, nor of tunnels. `0` is off.") \
	K(send, SIZE, _, "240", "0", "1GiB", LIVE, "Bytes a second of a response, on average over a window in which the client holds the proxy back; below: the connection (HTTP/2: the request) is cut. Not of tunnels. `0` is off.") \
	K(window, MSEC, _, "30s", "100ms", "1h", LIVE, "Time of waiting for a client over which rates are measured; no shorter than the pauses that are to be allowed. The requests of an HTTP/2 connection share the rates.")

#define CFG_TRACING_KEYS(K) \
	K(traceparent, ENUM, traceparent, "pass", NULL, NULL, LIVE, "`pass`: as the client sent it; `create`: a new one where there is none, or none that is valid (tracestate then goes, too). The proxy is no span of its own, so a valid one is never changed.") \
	K(sampled, PERCENT, _, "100%", "0%", "100%", LIVE, "`traceparent: create`: share of the new traces that are to be recorded.") \
	K(request_id, ENUM, request_id, "off", NULL, NULL, LIVE, "X-Request-Id: `off` (as the client sent it), `keep` (the client's if it is usable: 1 to 128 letters, digits and `-_.:/+=@~`; else a new one), or `replace` (always a new one, for clients that are not to be trusted).") \
	K(return_request_id, BOOL, _, "false", NULL, NULL, LIVE, "Tell the client the request's id in X-Request-Id of the response.")

#define CFG_SITE_KEYS(K) \
	K(addresses, IPS, _, NULL, NULL, NULL, LIVE, "Public addresses: the A and AAAA records that DNS hands out for this site.") \
	K(role, ENUM, site_role, "active", NULL, NULL, LIVE, "`active`, or `standby`: a standby site takes traffic only when no active one can (where `prefer` does not say otherwise).") \
	K(location, LOCATION, _, NULL, NULL, NULL, LIVE, "Latitude and longitude in degrees, as `[53.3, -6.2]`: what policy `geo` takes distances from.") \
	K(capacity, RATE, _, NULL, NULL, NULL, LIVE, "Requests a second that it can take, as `4000rps`; a drain that the others could not take over is refused.")

#define CFG_CHECK_KEYS(K) \
	K(type, ENUM, check_type, "tcp", NULL, NULL, LIVE, "`tcp` connects; `http` and `https` send a request and look at the answer.") \
	K(port, UINT, _, NULL, "1", "65535", LIVE, "Port to probe; the server's own when absent.") \
	K(method, STR, _, "GET", NULL, NULL, LIVE, "Method of the request.") \
	K(path, STR, _, "/", NULL, NULL, LIVE, "Path of the request.") \
	K(host, STR, _, NULL, NULL, NULL, LIVE, "Host field (and SNI, when `tls.server_name` is absent); the server's address when absent.") \
	K(expect, OBJECT, expect, NULL, NULL, NULL, LIVE, "What makes an answer a success.") \
	K(tls, OBJECT, check_tls, NULL, NULL, NULL, LIVE, "How an `https` check verifies the server.") \
	K(interval, MSEC, _, "2s", "50ms", "1h", LIVE, "Time between probes of a server whose state is settled.") \
	K(fast_interval, MSEC, _, NULL, "10ms", "1h", LIVE, "Time between probes while the verdict is in transition; `interval` when absent.") \
	K(down_interval, MSEC, _, NULL, "50ms", "1h", LIVE, "Time between probes of a server that is down; `interval` when absent.") \
	K(jitter, PERCENT, _, "10%", "0%", "50%", LIVE, "Share of the interval by which each probe is moved at random, so that probes do not march in step.") \
	K(timeout, MSEC, _, "1s", "10ms", "1h", LIVE, "Time allowed for a whole probe; at most the interval.") \
	K(rise, UINT, _, "2", "1", "100", LIVE, "Successes in a row that bring a server up.") \
	K(fall, UINT, _, "3", "1", "100", LIVE, "Failures in a row that take a server down.")

#define CFG_EXPECT_KEYS(K) \
	K(status, STATUS, _, "200-399", NULL, NULL, LIVE, "Status codes, as `200-299` or `200,204,300-399`.") \
	K(body, TEXT, _, NULL, NULL, NULL, LIVE, "Text that must occur in the first 64 KiB of the body.") \
	K(body_regex, REGEX, _, NULL, NULL, NULL, LIVE, "Regular expression (PCRE2) that must match in the first 64 KiB of the body.")

#define CFG_CHECK_TLS_KEYS(K) \
	K(verify, BOOL, _, "true", NULL, NULL, LIVE, "Verify the server's certificate and name.") \
	K(ca, PATH, _, NULL, NULL, NULL, LIVE, "PEM file of the authorities to trust; the system's when absent.") \
	K(server_name, STR, _, NULL, NULL, NULL, LIVE, "Name to send as SNI and to verify; `host` when absent.")

#define CFG_POOL_KEYS(K) \
	K(protocol, ENUM, server_protocol, "http1", NULL, NULL, LIVE, "What its servers speak: `http1`, or `http2` (with prior knowledge, or by ALPN under TLS).") \
	K(max_streams, UINT, _, "100", "1", "100000", LIVE, "`http2`: requests at once on a connection to a server; above, another connection.") \
	K(balance, ENUM, balance, "round_robin", NULL, NULL, LIVE, "`round_robin` (weighted), `least_requests`, `p2c` (random of two choices), `ewma` (of two choices the one with the lower latency times requests in progress), `hash` (consistent, bounded load), `random`.") \
	K(hash_key, ENUM, hash_key, "client", NULL, NULL, LIVE, "What `hash` looks at: the `client` address, the `host`, the path of the `uri`, or the `header` or `cookie` that `hash_name` names; the client where a request has none.") \
	K(hash_name, STR, _, NULL, NULL, NULL, LIVE, "Name of the header field or cookie for `hash_key`.") \
	K(load_factor, DECIMAL, _, "1.25", "1.05", "10", LIVE, "`hash`: a server takes at most this multiple of the average load before the next one does.") \
	K(check, REF, check, NULL, NULL, NULL, LIVE, "Check of its servers; without one they count as up.") \
	K(min_up, UINT, _, "1", "1", "100000", LIVE, "Servers that must be up in a site for DNS to hand out that site.") \
	K(prefer, REFS, site, NULL, NULL, NULL, LIVE, "Sites by priority: traffic goes to the first as long as it has capacity for it.") \
	K(overprovision, DECIMAL, _, "1.4", "1", "10", LIVE, "`prefer`: a site takes all its traffic until its healthy share times this falls below 1; the rest spills to the next.") \
	K(split, WEIGHTS, site, NULL, NULL, NULL, LIVE, "Share of the traffic a site, as `{ cloud: 70, onprem: 30 }`; that of a site that is down goes to the others. Instead of `prefer`.") \
	K(panic, PERCENT, _, "0%", "0%", "100%", LIVE, "When fewer of its servers than this are up in every level of sites, all take requests, whatever their verdicts: the checks are more likely wrong than so many servers are dead, and the few that are left would not stand the load. Never those that the operator keeps out. `0%` is off: DNS goes by the same verdicts, and a proxy that does otherwise should have been told to.") \
	K(slow_start, MSEC, _, "0s", "0s", "1h", LIVE, "Time in which the share of a server that came up rises from a tenth to the whole; `0s`: at once.") \
	K(retries, OBJECT, retries, NULL, NULL, NULL, LIVE, "Sending a request again to another server when that is safe.") \
	K(timeouts, OBJECT, pool_timeouts, NULL, NULL, NULL, LIVE, "What a server may take its time with.") \
	K(tls, OBJECT, pool_tls, NULL, NULL, NULL, LIVE, "Speak TLS to the servers. Absent: clear text.") \
	K(proxy_protocol, ENUM, proxy_protocol, "off", NULL, NULL, LIVE, "Tell the servers the client's address by the PROXY protocol, `v1` or `v2` (with the TLS server name, ALPN and a unique id as far as they are known). A connection then serves one client connection alone. Probes send a header too.") \
	K(max_connections, UINT, _, "0", "0", "1000000", LIVE, "Connections at once to each server that does not say its own; `0` is no bound.") \
	K(max_requests, UINT, _, "0", "0", "1000000", LIVE, "Requests in progress at once on each server that does not say its own; `0` is no bound. Counted over all workers, in HTTP/2 each stream.") \
	K(limits, OBJECT, pool_limits, NULL, NULL, NULL, LIVE, "Bounds of the whole pool.") \
	K(sticky, OBJECT, sticky, NULL, NULL, NULL, LIVE, "Sends a client to the same server again, also while that is drained (half of the drain's deadline); when it is down, in maintenance or gone, another one takes over. Absent: no such thing.") \
	K(queue, OBJECT, queue, NULL, NULL, NULL, LIVE, "What happens to a request when the pool, or every usable server, is at its limit.") \
	K(servers, LIST, server, CFG_REQUIRED, NULL, NULL, LIVE, "The servers.")

#define CFG_POOL_LIMITS_KEYS(K) \
	K(connections, UINT, _, "0", "0", "10000000", LIVE, "Connections at once to all its servers; `0` is no bound.") \
	K(requests, UINT, _, "0", "0", "10000000", LIVE, "Requests in progress at once on all its servers; `0` is no bound.")

#define CFG_STICKY_KEYS(K) \
	K(by, ENUM, sticky_by, "cookie", NULL, NULL, LIVE, "`cookie`: one that steerway sets; it names the server without telling who that is, and can't be made without the secret. `source`: a hash of the client's address.") \
	K(cookie, STR, _, "steerway", NULL, NULL, LIVE, "Name of the cookie.") \
	K(secret, PATH, _, NULL, NULL, NULL, LIVE, "File with a secret a line, each of at least 16 bytes: the first makes cookies, up to three more are still known, so that a secret can be changed. Equal on all nodes.") \
	K(ttl, MSEC, _, "0s", "0s", "8760h", LIVE, "Max-Age of the cookie; `0s`: until the browser is closed.")

#define CFG_QUEUE_KEYS(K) \
	K(length, UINT, _, "0", "0", "1000000", LIVE, "Requests that may wait, over all workers; above, and with `0`: 503 at once.") \
	K(timeout, MSEC, _, "5s", "1ms", "1h", LIVE, "Longest wait; above: 503.") \
	K(retry_after, MSEC, _, "1s", "0s", "1h", LIVE, "Retry-After of those answers, in whole seconds; `0s`: that of `answers`.")

#define CFG_RETRIES_KEYS(K) \
	K(attempts, UINT, _, "2", "0", "10", LIVE, "How often a request may be sent again.") \
	K(budget, PERCENT, _, "20%", "0%", "100%", LIVE, "Retries at once of requests that a server may have seen, as a share of the requests in progress of the pool (three are always allowed). What no server has seen is sent again without it.") \
	K(try_timeout, MSEC, _, NULL, "10ms", "1h", LIVE, "Time from the sent request to the response head, after which another server is tried; the last try, and what can't be sent again, has all of `timeouts.response`. Absent: a slow server is waited for.") \
	K(statuses, STATUS, _, NULL, NULL, NULL, LIVE, "Statuses of a server that count as failures, as `502-504`: an idempotent request is sent again, the last answer is passed on.") \
	K(backoff, MSEC, _, "0s", "0s", "1m", LIVE, "Wait before a request is sent again: drawn evenly between nothing and this, doubled for each further try. `0s`: none.") \
	K(backoff_max, MSEC, _, "1s", "1ms", "10m", LIVE, "Longest such wait.") \
	K(buffer, SIZE, _, "16KiB", "0", "1MiB", LIVE, "Request body that is kept until the response begins, so that it can be sent again; a larger one is sent once.")

#define CFG_POOL_TIMEOUTS_KEYS(K) \
	K(connect, MSEC, _, "2s", "10ms", "10m", LIVE, "Time allowed to connect to a server; above: another server or 504.") \
	K(response, MSEC, _, "30s", "10ms", "1h", LIVE, "Time allowed from the sent request to the whole response head; above: 504.") \
	K(request, MSEC, _, NULL, "10ms", "24h", LIVE, "Time allowed for a whole request, from its head to the end of its response, all tries, waits and pauses of the client included; above: 504, or a cut when the response has begun. Absent: no bound. A gRPC request's own `grpc-timeout` bounds it in the same way.") \
	K(body_idle, MSEC, _, "30s", "100ms", "1h", LIVE, "Longest pause of the server while it sends a body or takes one.") \
	K(tunnel_idle, MSEC, _, "10m", "100ms", "24h", LIVE, "Longest pause of a tunnel (WebSocket and other upgrades, CONNECT) in both directions.") \
	K(tunnel_lifetime, MSEC, _, "0s", "0s", "720h", LIVE, "Time that a tunnel may be open at all; `0s`: without bound.") \
	K(idle, MSEC, _, "30s", "0s", "1h", LIVE, "Time that an unused connection to a server is kept; `0s`: none is kept.")

#define CFG_POOL_TLS_KEYS(K) \
	K(verify, BOOL, _, "true", NULL, NULL, LIVE, "Verify the server's certificate and name.") \
	K(ca, PATH, _, NULL, NULL, NULL, LIVE, "PEM file of the authorities to trust; the system's when absent.") \
	K(server_name, STR, _, NULL, NULL, NULL, LIVE, "Name to send as SNI and to verify; when absent none is sent, and the certificate must hold the server's IP address.") \
	K(certificate, PATH, _, NULL, NULL, NULL, LIVE, "PEM file with chain and key to show to servers that ask for a certificate.")

#define CFG_SERVER_KEYS(K) \
	K(name, STR, _, CFG_REQUIRED, NULL, NULL, LIVE, "Name, unique in the pool.") \
	K(address, ADDR, _, CFG_REQUIRED, NULL, NULL, LIVE, "IP address and port.") \
	K(site, REF, site, CFG_REQUIRED, NULL, NULL, LIVE, "Site it stands in.") \
	K(weight, UINT, _, "1", "1", "1000", LIVE, "Share of the traffic beside its neighbours.") \
	K(max_connections, UINT, _, NULL, "0", "1000000", LIVE, "Connections at once; the pool's when absent; `0` is no bound.") \
	K(max_requests, UINT, _, NULL, "0", "1000000", LIVE, "Requests in progress at once; the pool's when absent; `0` is no bound.")

#define CFG_CONDITION_KEYS(K) \
	K(exact, STR, _, NULL, NULL, NULL, LIVE, "A value is exactly this.") \
	K(prefix, STR, _, NULL, NULL, NULL, LIVE, "A value begins with this.") \
	K(regex, REGEX, _, NULL, NULL, NULL, LIVE, "The regular expression (PCRE2) matches a whole value. A request with more than 32 values of the name, of which none of the first 32 matches, is refused, as one on which an expression takes too long.") \
	K(present, BOOL, _, "true", NULL, NULL, LIVE, "It is there, with any value; `false`: it is not there.")

#define CFG_REDIRECT_KEYS(K) \
	K(status, UINT, _, "308", "301", "308", LIVE, "301, 302, 303, 307 or 308.") \
	K(location, STR, _, NULL, NULL, NULL, LIVE, "Where to, with variables: `https://www.example.org${path}${query}`.") \
	K(https, BOOL, _, "false", NULL, NULL, LIVE, "The same URL over https, instead of `location`; requests that came over TLS pass this route by.")

#define CFG_ANSWER_KEYS(K) \
	K(status, UINT, _, "200", "200", "599", LIVE, "Its status.") \
	K(body, TEXT, _, NULL, NULL, NULL, LIVE, "The body.") \
	K(content_type, STR, _, "text/plain; charset=utf-8", NULL, NULL, LIVE, "Content-Type of the body.")

#define CFG_MAINTENANCE_KEYS(K) \
	K(status, UINT, _, "503", "200", "599", LIVE, "Its status.") \
	K(body, TEXT, _, NULL, NULL, NULL, LIVE, "The body.") \
	K(content_type, STR, _, "text/plain; charset=utf-8", NULL, NULL, LIVE, "Content-Type of the body.") \
	K(retry_after, MSEC, _, NULL, "1s", "7d", LIVE, "Retry-After; none when absent.")

#define CFG_REWRITE_KEYS(K) \
	K(strip_prefix, STR, _, NULL, NULL, NULL, LIVE, "Take this prefix off the path, on a segment border; another path stays.") \
	K(path, STR, _, NULL, NULL, NULL, LIVE, "The whole path, with variables; `${1}` to `${9}` are captures of the route's `path` with `match: regex`.") \
	K(regex, REGEX, _, NULL, NULL, NULL, LIVE, "A path that this regular expression (PCRE2) matches as a whole becomes `replace`; another stays.") \
	K(replace, STR, _, NULL, NULL, NULL, LIVE, "The path instead, with variables and the captures `${1}` to `${9}` of `regex`.") \
	K(host, STR, _, NULL, NULL, NULL, LIVE, "Host field for the server, with variables.")

#define CFG_FIELD_RULES_KEYS(K) \
	K(remove, STRS, _, NULL, NULL, NULL, LIVE, "Fields to take away.") \
	K(set, PAIRS, _, NULL, NULL, NULL, LIVE, "Fields to set in the place of those that came, with variables. An empty value leaves the field out.") \
	K(add, PAIRS, _, NULL, NULL, NULL, LIVE, "Fields to add beside those that came, likewise.")

#define CFG_ROUTE_KEYS(K) \
	K(host, STR, _, NULL, NULL, NULL, LIVE, "Host name, or `*.example.org` for every name below it; any when absent.") \
	K(path, STR, _, "/", NULL, NULL, LIVE, "Path, compared with the request's after %-encoding and dot segments are normalised.") \
	K(match, ENUM, path_match, "prefix", NULL, NULL, LIVE, "How `path` matches: `prefix` on segment borders (`/api` takes `/api` and `/api/x`, not `/apix`), `exact`, or `regex` (PCRE2; it must match the whole path).") \
	K(methods, STRS, _, NULL, NULL, NULL, LIVE, "Methods; any when absent.") \
	K(headers, MAP, condition, NULL, NULL, NULL, LIVE, "Conditions on fields, by name; all must hold. Of a field that comes several times one value is enough.") \
	K(query, MAP, condition, NULL, NULL, NULL, LIVE, "Conditions on parameters of the query, by name, compared after %-decoding; all must hold.") \
	K(clients, NETS, _, NULL, NULL, NULL, LIVE, "Networks that the client is in one of.") \
	K(scheme, ENUM, scheme, "any", NULL, NULL, LIVE, "`https`: came over TLS; `http`: in clear text; or `any`.") \
	K(priority, UINT, _, "0", "0", "1000000", LIVE, "The highest wins. Among equals: an exact host before a wildcard (the longest first) before any host; then an exact path before a regular expression before a prefix (the longest first); then the route with more conditions (each of methods, scheme, clients, fields, parameters counts one); then the first in the file.") \
	K(pool, REF, pool, NULL, NULL, NULL, LIVE, "Pool that takes the request. A route has one of pool, split, redirect and answer.") \
	K(split, WEIGHTS, pool, NULL, NULL, NULL, LIVE, "Pools with their shares, as `{ canary: 5, stable: 95 }`.") \
	K(split_by, ENUM, split_by, "request", NULL, NULL, LIVE, "Each `request` draws its pool; or each `client` address keeps the same one as long as the shares stay.") \
	K(urgency, ENUM, urgency, "normal", NULL, NULL, LIVE, "Who goes first when requests wait for room (`queue` of the pool): all of a `high` one, then `normal`, then `low`. When the queue is full, a more urgent one takes the place of the last of the least urgent that wait in the same worker.") \
	K(redirect, OBJECT, redirect, NULL, NULL, NULL, LIVE, "Send the client elsewhere.") \
	K(answer, OBJECT, answer, NULL, NULL, NULL, LIVE, "Answer here, always the same.") \
	K(maintenance, OBJECT, maintenance, NULL, NULL, NULL, LIVE, "Answer while no server of the pool takes requests (all are down, or their sites are drained); without it that is a plain 503.") \
	K(upgrade, STR, _, "websocket", NULL, NULL, LIVE, "Protocol that clients may switch to (Upgrade, and extended CONNECT of HTTP/2), when the server agrees; `any`, or `none`. Servers of `protocol: http2` are not asked.") \
	K(connect, BOOL, _, "false", NULL, NULL, LIVE, "Pass CONNECT on to the pool, and open a tunnel when its server agrees. Otherwise CONNECT is refused.") \
	K(rewrite, OBJECT, rewrite, NULL, NULL, NULL, LIVE, "What the server gets to see of the path and the host.") \
	K(request_headers, OBJECT, field_rules, NULL, NULL, NULL, LIVE, "Fields of the request on its way to the server.") \
	K(response_headers, OBJECT, field_rules, NULL, NULL, NULL, LIVE, "Fields of the response on its way to the client, and of the route's own answers.")

#define CFG_ANSWERS_KEYS(K) \
	K(retry_after, MSEC, _, "0s", "0s", "1h", LIVE, "Retry-After of 429 and 503, in whole seconds; `0s`: none.") \
	K(pages, LIST, page, NULL, NULL, NULL, LIVE, "Pages instead of the built-in ones: the first that names the end reason, else the first that names the status.")

#define CFG_PAGE_KEYS(K) \
	K(status, STATUS, _, NULL, NULL, NULL, LIVE, "Statuses that it is for, as `503` or `500-599`; any when absent.") \
	K(reason, STR, _, NULL, NULL, NULL, LIVE, "End reason that it is for, as in the access log; any when absent.") \
	K(text, PATH, _, NULL, NULL, NULL, LIVE, "File of the page as plain text. In all forms `${status}`, `${status_text}`, `${reason}`, `${detail}`, `${request_id}` and `${node}` are filled in, escaped as the form wants it; 256 KiB at most.") \
	K(json, PATH, _, NULL, NULL, NULL, LIVE, "File of the page as JSON.") \
	K(html, PATH, _, NULL, NULL, NULL, LIVE, "File of the page as HTML.")

#define CFG_ZONE_KEYS(K) \
	K(file, PATH, _, CFG_REQUIRED, NULL, NULL, LIVE, "Zone file (RFC 1035 master format) with SOA, NS and the static records.") \
	K(dnssec, OBJECT, dnssec, NULL, NULL, NULL, LIVE, "Sign the zone, and all answers of its steered names, in advance. Absent: not signed.") \
	K(names, MAP, name, NULL, NULL, NULL, LIVE, "Steered names, relative to the zone; `@` is its apex, `*.x` a wildcard (RFC 4592).")

#define CFG_DNSSEC_KEYS(K) \
	K(keys, PATH, _, "keys", NULL, NULL, LIVE, "Directory of the zone's keys, in files as `steerway dnssec`, dnssec-keygen and ldns-keygen write them (`Kexample.org.+013+01234.key` and `.private`). The times in these files say when each key is published and signs; without any it does both. With keys of both kinds those with the SEP flag (KSK) sign the keys and the others (ZSK) the rest; a lone key signs everything.") \
	K(algorithm, ENUM, key_algorithm, "ecdsap256sha256", NULL, NULL, LIVE, "Of keys that `steerway dnssec` and `steerctl dnssec` make: `ecdsap256sha256`, `ed25519` or `rsasha256` (2048 bits). Keys that exist sign with their own.") \
	K(denial, ENUM, denial, "nsec", NULL, NULL, LIVE, "How names that do not exist are denied: `nsec`, which lets anyone list the zone's names, or `nsec3` (no salt, no further iterations, no opt-out), which makes that a search. NSEC answers are smaller, and resolvers can do more with them.") \
	K(validity, MSEC, _, "14d", "1h", "365d", LIVE, "How long signatures hold.") \
	K(refresh, MSEC, _, "5d", "10m", "180d", LIVE, "Time before the end of a signature at which it is made anew; at most half of `validity`. Resolvers keep what they got for as long as its TTL says, so it should be longer than any TTL of the zone.") \
	K(cds, ENUM, cds, "timed", NULL, NULL, LIVE, "CDS and CDNSKEY records, which ask the parent zone for DS records (RFC 7344): `timed`, of each key from its SyncPublish to its SyncDelete time; `always`, of each key that signs the keys; `delete` asks the parent to remove them (RFC 8078 4), before signing is given up.")

#define CFG_MAP_KEYS(K) \
	K(type, ENUM, map_type, CFG_REQUIRED, NULL, NULL, LIVE, "`subnet`: a file of lines `192.0.2.0/24 value`; `latency`: of lines `192.0.2.0/24 cloud=12ms onprem=30ms`, the round-trip times to sites (`steerctl latency set` tells others while it serves); `geo`: a MaxMind DB, as GeoIP2 or GeoLite2 City, Country or ASN. In the files of lines # begins a comment, and the longest prefix wins.") \
	K(file, PATH, _, CFG_REQUIRED, NULL, NULL, LIVE, "The file.")

/* What a policy says, by name in `policies` or at a steered name. */
#define CFG_CHOICE_KEYS(K) \
	K(policy, ENUM, policy_kind, "failover", NULL, NULL, LIVE, "`failover`: the first usable member; `weighted`: one by weight; `all`: all usable ones; `consistent`: always the same one for a client's network (/24 or /56), and another only while that one is down; `geo`: by the client's place, either the members of the case that fits or, with `sites`, the nearest site; `subnet`: the members of the case that the map's value names; `latency`: the site with the shortest round-trip time; `view`: as `subnet`, but what a client gets is decided by its network alone: when nothing is usable there, `all_down` decides among the members of that case, and no client ever sees another's.") \
	K(sites, MEMBERS, _, NULL, NULL, NULL, LIVE, "Members: sites, or policies by their name; a list in order of preference, or `{ member: weight }` for `weighted` and `consistent`.") \
	K(map, REF, map, NULL, NULL, NULL, LIVE, "Map that `geo`, `subnet`, `latency` and `view` look clients up in.") \
	K(cases, CASES, _, NULL, NULL, NULL, LIVE, "`subnet` and `view`: values of the map; `geo`: `country/DE`, `continent/EU`, `region/US-CA` (ISO 3166-2) or `asn/64500`, of which the most exact wins (asn, region, country, continent). Each with a member, or a list of them in order of preference. `default` holds for all other clients, and where no member of a case is usable (not for `view`).") \
	K(answers, UINT, _, NULL, "1", "64", LIVE, "Members that go into one answer at most, the preferred ones (`weighted`: drawn without putting back); 1 when absent, with `all` no bound.") \
	K(min_up, UINT, _, "1", "1", "64", LIVE, "Usable members that it takes for this policy to be usable; with fewer, a policy above turns to its other members, and a name to `all_down`. No more than it has members; with `cases`, than each has, together with `default` (of a `view`: alone).")

#define CFG_POLICY_KEYS(K) CFG_CHOICE_KEYS(K)

#define CFG_NAME_KEYS(K) \
	K(use, REF, policy, NULL, NULL, NULL, LIVE, "Policy of `policies` that decides, instead of one that is written here.") \
	CFG_CHOICE_KEYS(K) \
	K(pool, REF, pool, CFG_REQUIRED, NULL, NULL, LIVE, "Pool whose health makes a site usable.") \
	K(order, ENUM, order, "fixed", NULL, NULL, LIVE, "Order of the addresses in an answer that has several: `fixed`, as the policy prefers them; or `rotate`: each reply begins with one that is drawn, so that clients that take the first one spread over all.") \
	K(ttl, TTL, _, "5s..60s", "0s", "7d", LIVE, "TTL of the answers. Of a range the upper end holds while all sites are usable. While probes are failing that may take a site away, it shrinks to the time until they could at the earliest (never below the lower end); the lower end holds while a site is not usable.") \
	K(all_down, ENUM, all_down, "all", NULL, NULL, LIVE, "With no usable site: `all` answers with every site, `first` with the first, `last` as when one was last usable (with every site when that is not known), `fallback` with the addresses of `fallback`, `none` with no records (NODATA).") \
	K(fallback, IPS, _, NULL, NULL, NULL, LIVE, "Addresses for `all_down: fallback`, as those of a page that says sorry.")

#define CFG_DNS_KEYS(K) \
	K(identity, STR, _, NULL, NULL, NULL, LIVE, "Text that answers `id.server` and `hostname.bind` (TXT, class CH; RFC 4892). Absent: refused.") \
	K(version, STR, _, NULL, NULL, NULL, LIVE, "Text that answers `version.server` and `version.bind`. Absent: refused.") \
	K(nsid, STR, _, NULL, NULL, NULL, LIVE, "Name server identifier for clients that ask for one (RFC 5001), so that nodes behind one address can be told apart; at most 64 bytes. Absent: none.") \
	K(max_udp, UINT, _, "1232", "512", "4096", LIVE, "Longest answer over UDP in bytes, however much a client says that it takes; 1232 is never fragmented (RFC 9715). Longer ones are truncated, and asked for again over TCP.") \
	K(ecs, OBJECT, dns_ecs, NULL, NULL, NULL, LIVE, "Client subnets that resolvers tell (RFC 7871).") \
	K(cookies, OBJECT, dns_cookies, NULL, NULL, NULL, LIVE, "Cookies (RFC 7873, 9018): a client that returns one has not forged its address, so that limits need not apply to it.") \
	K(limits, OBJECT, dns_limits, NULL, NULL, NULL, LIVE, "What clients over UDP get without a valid cookie: their addresses may be forged, and then a third party gets the answers. A network of clients is counted as one; workers share a rate evenly.") \
	K(tcp, OBJECT, dns_tcp, NULL, NULL, NULL, LIVE, "DNS over TCP (RFC 7766).")

#define CFG_DNS_ECS_KEYS(K) \
	K(enabled, BOOL, _, "true", NULL, NULL, LIVE, "Steer by the client's subnet where a resolver tells it; `false`: by the resolver's address alone, as if the option were unknown.") \
	K(max_prefix_v4, UINT, _, "24", "0", "32", LIVE, "Bits of an IPv4 subnet that are looked at, logged and answered for, for the clients' privacy; more are ignored.") \
	K(max_prefix_v6, UINT, _, "56", "0", "128", LIVE, "The same of IPv6.")

#define CFG_DNS_COOKIES_KEYS(K) \
	K(enabled, BOOL, _, "true", NULL, NULL, LIVE, "Give out cookies, and know them again.") \
	K(secret, PATH, _, NULL, NULL, NULL, LIVE, "File with a secret of 32 hexadecimal digits a line, as BIND, Knot, NSD and Unbound take them: the first makes cookies, up to three more are still known, so that a secret can be changed. Equal on all nodes behind an address. Absent: a random one, which ends with the process.") \
	K(require, BOOL, _, "false", NULL, NULL, LIVE, "Answer BADCOOKIE with a fresh cookie, instead of what was asked, to a client that speaks cookies but shows no valid one over UDP.")

#define CFG_DNS_LIMITS_KEYS(K) \
	K(prefix_v4, UINT, _, "24", "8", "32", LIVE, "Bits that make an IPv4 network of clients.") \
	K(prefix_v6, UINT, _, "56", "16", "128", LIVE, "Bits that make an IPv6 network of clients.") \
	K(exempt, NETS, _, "127.0.0.0/8", NULL, NULL, LIVE, "Networks that no limit holds for, as of resolvers that are known; also those over TCP.") \
	K(amplification, UINT, _, "3", "0", "100", LIVE, "Longest answer as a multiple of its query; a longer one is truncated, so that the client comes over TCP, or with a cookie. `0` is no bound.") \
	K(amplification_allowance, SIZE, _, "256KiB", "0", "1MiB", LIVE, "Bytes a second beyond that which a network may get all the same. Resolvers cache and ask seldom: they see no truncation for it; and for an attack this is next to nothing. `0`: the bound is strict, and nearly all answers with DNSSEC need TCP or a cookie.") \
	K(positive, UINT, _, "0", "0", "1000000", LIVE, "Answers a second with records to a network; twice as many may come at once. `0` is no bound, here and in the following.") \
	K(nodata, UINT, _, "0", "0", "1000000", LIVE, "The same of answers without records.") \
	K(nxdomain, UINT, _, "0", "0", "1000000", LIVE, "The same of names that do not exist.") \
	K(referral, UINT, _, "0", "0", "1000000", LIVE, "The same of delegations.") \
	K(error, UINT, _, "0", "0", "1000000", LIVE, "The same of all other codes, as REFUSED.") \
	K(slip, UINT, _, "2", "0", "10", LIVE, "Every so manyth answer above a rate is sent truncated, so that a real client can come over TCP; the others are dropped. `0` drops all.") \
	K(table, UINT, _, "16384", "1024", "16777216", LIVE, "Networks and kinds of answers that a worker keeps count of, 16 bytes each; above, those that rested longest are forgotten.")

#define CFG_DNS_TCP_KEYS(K) \
	K(idle_timeout, MSEC, _, "10s", "100ms", "10m", LIVE, "Time that a connection may rest, or take for a query; also told to clients that ask (RFC 7828).") \
	K(max_connections_per_client, UINT, _, "100", "0", "1000000", LIVE, "Connections at once of an address (IPv6: of a /64); more are closed. `0` is no bound but the listener's.")

#define CFG_ADMIN_KEYS(K) \
	K(socket, OBJECT, admin_socket, NULL, NULL, NULL, RESTART, "Socket for steerctl.") \
	K(http, OBJECT, admin_http, NULL, NULL, NULL, RESTART, "HTTP for /metrics, /healthz and /readyz. Absent: none.") \
	K(state_file, PATH, _, NULL, NULL, NULL, LIVE, "Where admin states (drain, maint...) are kept over a restart.")

#define CFG_ADMIN_SOCKET_KEYS(K) \
	K(path, PATH, _, "/run/steerway/admin.sock", NULL, NULL, RESTART, "Path of the UNIX socket.") \
	K(mode, MODE, _, "0600", NULL, NULL, RESTART, "Its mode.") \
	K(user, STR, _, NULL, NULL, NULL, RESTART, "Its owner; the daemon's when absent.") \
	K(group, STR, _, NULL, NULL, NULL, RESTART, "Its group; the daemon's when absent.")

#define CFG_ADMIN_HTTP_KEYS(K) \
	K(bind, ADDR, _, CFG_REQUIRED, NULL, NULL, RESTART, "Address with port. There is no authentication: bind it to loopback or a management network.")

#define CFG_LOG_KEYS(K) \
	K(level, ENUM, log_level, "info", NULL, NULL, LIVE, "Lowest level of the error log.") \
	K(format, ENUM, log_format, "text", NULL, NULL, LIVE, "Format of the error log.") \
	K(path, PATH, _, NULL, NULL, NULL, RESTART, "File of the error log; standard error when absent.") \
	K(access, OBJECT, log_access, NULL, NULL, NULL, RESTART, "One record a transaction. Absent: none.") \
	K(queries, OBJECT, log_queries, NULL, NULL, NULL, RESTART, "Records of DNS queries and what they were answered. Clients are shown as their /24 or /56. Absent: none.")

#define CFG_LOG_ACCESS_KEYS(K) \
	K(path, PATH, _, CFG_REQUIRED, NULL, NULL, RESTART, "File, reopened on SIGUSR1; `-` is standard error.") \
	K(format, ENUM, log_format, "json", NULL, NULL, RESTART, "`json` or `text`.")

#define CFG_LOG_QUERIES_KEYS(K) \
	K(path, PATH, _, CFG_REQUIRED, NULL, NULL, RESTART, "File, reopened on SIGUSR1; `-` is standard error.") \
	K(format, ENUM, log_format, "json", NULL, NULL, RESTART, "`json` or `text`.") \
	K(sample, UINT, _, "1", "1", "1000000", LIVE, "One of so many queries of a worker is logged.")

/* Enums: V(NAME, "text in the file") */
#define CFG_PROTOCOL_VALUES(V) V(HTTP, "http") V(DNS, "dns")
#define CFG_SERVER_PROTOCOL_VALUES(V) V(HTTP1, "http1") V(HTTP2, "http2")
#define CFG_FORWARDED_VALUES(V) V(APPEND, "append") V(REPLACE, "replace") V(OFF, "off")
#define CFG_PROXY_PROTOCOL_VALUES(V) V(OFF, "off") V(V1, "v1") V(V2, "v2")
#define CFG_TLS_VERSION_VALUES(V) V(1_2, "1.2") V(1_3, "1.3")
#define CFG_TLS_POLICY_VALUES(V) V(INTERMEDIATE, "intermediate") V(MODERN, "modern")
#define CFG_ALPN_VALUES(V) V(H2, "h2") V(HTTP1, "http/1.1")
#define CFG_CLIENT_MODE_VALUES(V) V(OPTIONAL, "optional") V(REQUIRED, "required")
#define CFG_TRACEPARENT_VALUES(V) V(PASS, "pass") V(CREATE, "create")
#define CFG_REQUEST_ID_VALUES(V) V(OFF, "off") V(KEEP, "keep") V(REPLACE, "replace")
#define CFG_SITE_ROLE_VALUES(V) V(ACTIVE, "active") V(STANDBY, "standby")
#define CFG_CHECK_TYPE_VALUES(V) V(TCP, "tcp") V(HTTP, "http") V(HTTPS, "https")
#define CFG_BALANCE_VALUES(V) \
	V(ROUND_ROBIN, "round_robin") V(LEAST_REQUESTS, "least_requests") V(P2C, "p2c") V(HASH, "hash") V(RANDOM, "random") \
	V(EWMA, "ewma")
#define CFG_HASH_KEY_VALUES(V) V(CLIENT, "client") V(HOST, "host") V(URI, "uri") V(HEADER, "header") V(COOKIE, "cookie")
#define CFG_URGENCY_VALUES(V) V(HIGH, "high") V(NORMAL, "normal") V(LOW, "low")
#define CFG_STICKY_BY_VALUES(V) V(COOKIE, "cookie") V(SOURCE, "source")
#define CFG_PATH_MATCH_VALUES(V) V(PREFIX, "prefix") V(EXACT, "exact") V(REGEX, "regex")
#define CFG_SCHEME_VALUES(V) V(ANY, "any") V(HTTP, "http") V(HTTPS, "https")
#define CFG_SPLIT_BY_VALUES(V) V(REQUEST, "request") V(CLIENT, "client")
#define CFG_KEY_ALGORITHM_VALUES(V) V(ECDSAP256SHA256, "ecdsap256sha256") V(ED25519, "ed25519") V(RSASHA256, "rsasha256")
#define CFG_DENIAL_VALUES(V) V(NSEC, "nsec") V(NSEC3, "nsec3")
#define CFG_CDS_VALUES(V) V(TIMED, "timed") V(ALWAYS, "always") V(DELETE, "delete")
#define CFG_POLICY_KIND_VALUES(V) \
	V(FAILOVER, "failover") V(WEIGHTED, "weighted") V(ALL, "all") V(CONSISTENT, "consistent") V(GEO, "geo") V(SUBNET, "subnet") \
	V(LATENCY, "latency") V(VIEW, "view")
#define CFG_MAP_TYPE_VALUES(V) V(SUBNET, "subnet") V(LATENCY, "latency") V(GEO, "geo")
#define CFG_ORDER_VALUES(V) V(FIXED, "fixed") V(ROTATE, "rotate")
#define CFG_ALL_DOWN_VALUES(V) V(ALL, "all") V(FIRST, "first") V(LAST, "last") V(FALLBACK, "fallback") V(NONE, "none")
#define CFG_LOG_LEVEL_VALUES(V) V(DEBUG, "debug") V(INFO, "info") V(WARN, "warn") V(ERROR, "error")
#define CFG_LOG_FORMAT_VALUES(V) V(TEXT, "text") V(JSON, "json")

/* Sections, each after the ones that it holds: S(name, KEYS, "where it stands in the file") */
#define CFG_SECTIONS(S) \
	S(node, CFG_NODE_KEYS) \
	S(listener_client, CFG_LISTENER_CLIENT_KEYS) \
	S(listener_tls, CFG_LISTENER_TLS_KEYS) \
	S(listener_http2, CFG_LISTENER_HTTP2_KEYS) \
	S(listener_timeouts, CFG_LISTENER_TIMEOUTS_KEYS) \
	S(listener_min_rates, CFG_LISTENER_MIN_RATES_KEYS) \
	S(listener_proxy_protocol, CFG_LISTENER_PROXY_PROTOCOL_KEYS) \
	S(tracing, CFG_TRACING_KEYS) \
	S(listener, CFG_LISTENER_KEYS) \
	S(site, CFG_SITE_KEYS) \
	S(expect, CFG_EXPECT_KEYS) \
	S(check_tls, CFG_CHECK_TLS_KEYS) \
	S(check, CFG_CHECK_KEYS) \
	S(retries, CFG_RETRIES_KEYS) \
	S(pool_limits, CFG_POOL_LIMITS_KEYS) \
	S(sticky, CFG_STICKY_KEYS) \
	S(queue, CFG_QUEUE_KEYS) \
	S(pool_timeouts, CFG_POOL_TIMEOUTS_KEYS) \
	S(pool_tls, CFG_POOL_TLS_KEYS) \
	S(server, CFG_SERVER_KEYS) \
	S(pool, CFG_POOL_KEYS) \
	S(condition, CFG_CONDITION_KEYS) \
	S(redirect, CFG_REDIRECT_KEYS) \
	S(answer, CFG_ANSWER_KEYS) \
	S(maintenance, CFG_MAINTENANCE_KEYS) \
	S(rewrite, CFG_REWRITE_KEYS) \
	S(field_rules, CFG_FIELD_RULES_KEYS) \
	S(route, CFG_ROUTE_KEYS) \
	S(page, CFG_PAGE_KEYS) \
	S(answers, CFG_ANSWERS_KEYS) \
	S(map, CFG_MAP_KEYS) \
	S(policy, CFG_POLICY_KEYS) \
	S(name, CFG_NAME_KEYS) \
	S(dnssec, CFG_DNSSEC_KEYS) \
	S(zone, CFG_ZONE_KEYS) \
	S(dns_ecs, CFG_DNS_ECS_KEYS) \
	S(dns_cookies, CFG_DNS_COOKIES_KEYS) \
	S(dns_limits, CFG_DNS_LIMITS_KEYS) \
	S(dns_tcp, CFG_DNS_TCP_KEYS) \
	S(dns, CFG_DNS_KEYS) \
	S(admin_socket, CFG_ADMIN_SOCKET_KEYS) \
	S(admin_http, CFG_ADMIN_HTTP_KEYS) \
	S(admin, CFG_ADMIN_KEYS) \
	S(log_access, CFG_LOG_ACCESS_KEYS) \
	S(log_queries, CFG_LOG_QUERIES_KEYS) \
	S(log, CFG_LOG_KEYS) \
	S(root, CFG_ROOT_KEYS)
#define CFG_ENUMS(E) \
	E(protocol, CFG_PROTOCOL_VALUES, PROTOCOL) \
	E(server_protocol, CFG_SERVER_PROTOCOL_VALUES, SERVER_PROTOCOL) \
	E(forwarded, CFG_FORWARDED_VALUES, FORWARDED) \
	E(proxy_protocol, CFG_PROXY_PROTOCOL_VALUES, PROXY_PROTOCOL) \
	E(tls_version, CFG_TLS_VERSION_VALUES, TLS_VERSION) \
	E(tls_policy, CFG_TLS_POLICY_VALUES, TLS_POLICY) \
	E(alpn, CFG_ALPN_VALUES, ALPN) \
	E(client_mode, CFG_CLIENT_MODE_VALUES, CLIENT_MODE) \
	E(traceparent, CFG_TRACEPARENT_VALUES, TRACEPARENT) \
	E(request_id, CFG_REQUEST_ID_VALUES, REQUEST_ID) \
	E(site_role, CFG_SITE_ROLE_VALUES, SITE_ROLE) \
	E(check_type, CFG_CHECK_TYPE_VALUES, CHECK_TYPE) \
	E(balance, CFG_BALANCE_VALUES, BALANCE) \
	E(hash_key, CFG_HASH_KEY_VALUES, HASH_KEY) \
	E(path_match, CFG_PATH_MATCH_VALUES, PATH_MATCH) \
	E(scheme, CFG_SCHEME_VALUES, SCHEME) \
	E(split_by, CFG_SPLIT_BY_VALUES, SPLIT_BY) \
	E(sticky_by, CFG_STICKY_BY_VALUES, STICKY_BY) \
	E(urgency, CFG_URGENCY_VALUES, URGENCY) \
	E(policy_kind, CFG_POLICY_KIND_VALUES, POLICY) \
	E(map_type, CFG_MAP_TYPE_VALUES, MAP_TYPE) \
	E(order, CFG_ORDER_VALUES, ORDER) \
	E(all_down, CFG_ALL_DOWN_VALUES, ALL_DOWN) \
	E(key_algorithm, CFG_KEY_ALGORITHM_VALUES, KEY_ALGORITHM) \
	E(denial, CFG_DENIAL_VALUES, DENIAL) \
	E(cds, CFG_CDS_VALUES, CDS) \
	E(log_level, CFG_LOG_LEVEL_VALUES, LOG_LEVEL) \
	E(log_format, CFG_LOG_FORMAT_VALUES, LOG_FORMAT)
