/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PROXY protocol on connections. In: only from the listener's trusted networks, and from those always; what cannot be a header
 * closes the connection, for a client that could choose to send one would choose its address. Out: the first bytes to a server.
 *
 * A header is peeked at until it is whole, and then read by its exact length: what stands behind it is TLS's or HTTP's. A session owns
 * its struct proxied.
 */
#include "proxy/private.h"

#include "steerway/base/log.h"

#include <unistd.h>

bool proxied_is_expected(const struct listener_conf *lc, const struct addr *peer) {
	const struct cfg_nets *from = &lc->cfg.proxy_protocol.from;
	for (size_t i = 0; i < from->n; i++)
		if (addr_net_has(&from->items[i], peer))
			return true;
	return false;
}

void proxied_refuse(const struct session *s, const char *why) {
	char text[ADDR_TEXT_BYTES];
	metric_add(METRIC_proxy_proxy_headers_refused_total, 1);
	log_warn("proxy_header_refused", LOG_CSTR("listener", s->listener->name), LOG_STR("from", addr_format(&s->peer, text)),
	         LOG_CSTR("cause", why));
}

static struct str keep(char **at, struct str s) {
	if (s.n > 0)
		memcpy(*at, s.p, s.n);
	struct str copy = str_slice(*at, s.n);
	*at += s.n;
	return copy;
}

static void accept_header(struct session *s, const struct proxy_header *h) {
	struct proxied *p = mem_zalloc(sizeof(*p) + h->alpn.n + h->authority.n + h->unique_id.n);
	char *at = p->bytes;
	p->via = s->peer;
	p->alpn = keep(&at, h->alpn);
	p->authority = keep(&at, h->authority);
	p->unique_id = keep(&at, h->unique_id);
	if (h->has_addresses) {
		s->peer = h->source;
		p->destination = h->destination;
	}
	s->proxied = p;
	metric_add(METRIC_proxy_proxy_headers_total, 1);
}

int proxied_read(struct session *s) {
	struct stream *stream = &s->stream;
	struct proxy_header h;
	size_t used;
	if (!stream->can_read)
		return STREAM_AGAIN;
	ssize_t n = stream_peek(stream, io_shared_buffer(), PROXY_HEADER_BYTES_MAX);
	if (n == STREAM_AGAIN)
		return STREAM_AGAIN;
	if (n <= 0) /* closed before the first byte: a load balancer that only knocks; no attempt at anything */
		return STREAM_ERROR;
	switch (proxy_header_parse(&h, str_slice(io_shared_buffer(), (size_t)n), &used)) {
	case PARSE_MORE:
		if (!stream->has_hup)
			return STREAM_AGAIN;
		proxied_refuse(s, "the connection ended within it");
		return STREAM_ERROR;
	case PARSE_BAD:
		proxied_refuse(s, "malformed or missing");
		return STREAM_ERROR;
	case PARSE_DONE:
		break;
	}
	accept_header(s, &h);
	stream->can_read = true; /* more may stand behind it */
	return stream_recv(stream, io_shared_buffer(), used) == (ssize_t)used ? 0 : STREAM_ERROR;
}

/* What TLS on our own side knows; else what the proxy before us told. */
static void describe_client(struct proxy_header *h, const struct session *s) {
	if (s->proxied) {
		h->alpn = s->proxied->alpn;
		h->authority = s->proxied->authority;
		h->unique_id = s->proxied->unique_id;
	}
	const SSL *ssl = s->stream.ssl;
	if (!ssl)
		return;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const unsigned char *alpn;
	unsigned n;
	SSL_get0_alpn_selected(ssl, &alpn, &n);
	h->alpn = str_slice((const char *)alpn, n);
	h->authority = name ? str_from(name) : STR_NONE;
}

int proxied_announce(struct upstream *u, unsigned version) {
	const struct session *s = u->owner;
	char bytes[PROXY_HEADER_WRITE_BYTES];
	struct proxy_header h = { .version = (uint8_t)version, .has_addresses = true };
	h.source = s->peer;
	h.destination =
	    s->proxied && s->proxied->destination.sa.sa_family != AF_UNSPEC ? s->proxied->destination : session_local(s);
	describe_client(&h, s);
	struct iovec iov = { bytes, proxy_header_write(bytes, &h) };
	/* MSG_MORE: in one packet with the ClientHello or the request. The buffer of a new socket takes so few bytes at once. */
	u->stream.is_last_send = true;
	ssize_t sent = stream_send(&u->stream, &iov, 1);
	u->stream.is_last_send = false;
	return sent == (ssize_t)iov.iov_len ? 0 : STREAM_ERROR;
}
