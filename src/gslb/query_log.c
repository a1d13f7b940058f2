/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The query log: what was asked by whom, and what was answered and why; built on the stack and handed to the log writer, which never
 * blocks. Clients are shown as networks only, so that the log can be kept and shown around.
 */
#include "gslb/private.h"

#include "steerway/base/log.h"
#include "steerway/base/record.h"

#include <stdio.h>

enum { PREFIX_V4 = 24, PREFIX_V6 = 56, NAME_SHOWN = 4 * DNS_NAME_MAX, SHOWN = 255 };

static void put_net(struct record *r, struct client_net net, unsigned most) {
	char text[ADDR_TEXT_BYTES];
	struct addr_net n = { .address.sa.sa_family = net.is_v6 ? AF_INET6 : AF_INET };
	client_net_cut(&net, most);
	n.bits = net.n_bits;
	if (net.is_v6) {
		uint32_t words[4] = { htonl((uint32_t)(net.high >> 32)), htonl((uint32_t)net.high),
			              htonl((uint32_t)(net.low >> 32)), htonl((uint32_t)net.low) };
		memcpy(&n.address.in6.sin6_addr, words, sizeof(words));
	} else {
		n.address.in.sin_addr.s_addr = htonl((uint32_t)(net.high >> 32));
	}
	record_text(r, addr_net_format(&n, text), sizeof(text));
}

/* As zone files write it (RFC 1035 5.1), in lower case. */
static void put_name(struct record *r, const struct dns_name *name) {
	char text[NAME_SHOWN + 1];
	size_t n = 0;
	for (const uint8_t *p = name->wire; *p; p += *p + 1) {
		for (unsigned i = 1; i <= *p; i++) {
			if (p[i] <= ' ' || p[i] >= 0x7f) {
				n += (size_t)snprintf(text + n, sizeof(text) - n, "\\%03u", p[i]);
				continue;
			}
			if (p[i] == '.' || p[i] == '\\')
				text[n++] = '\\';
			text[n++] = (char)p[i];
		}
		text[n++] = '.';
	}
	if (n == 0)
		text[n++] = '.';
	record_text(r, str_slice(text, n), sizeof(text));
}

/* RFC 3597 5: types without a name of their own. */
static void put_type(struct record *r, uint16_t type) {
	char text[16];
	const struct dns_type_row *row = dns_type_find(type);
	if (!row)
		snprintf(text, sizeof(text), "TYPE%u", type);
	record_text(r, str_from(row ? row->name : text), SHOWN);
}

static struct str rcode_name(unsigned rcode) {
	switch (rcode) {
#define DNS_RCODE(name, value, text)                                                                                             \
	case value:                                                                                                              \
		return STR(#name);
#include "steerway/tables/dns_rcodes.h"
#undef DNS_RCODE
	default:
		return STR("other");
	}
}

static void put_query(struct record *r, const struct exchange *x) {
	struct client_net client;
	client_net_read(&client, x->message->from);
	RECORD_KEY(r, "client");
	put_net(r, client, client.is_v6 ? PREFIX_V6 : PREFIX_V4);
	RECORD_TEXT(r, "transport", x->batch->client->is_tcp ? STR("tcp") : STR("udp"), SHOWN);
	if (x->q.has_question) {
		RECORD_KEY(r, "name");
		put_name(r, &x->q.name);
		RECORD_KEY(r, "type");
		put_type(r, x->q.type);
		if (x->q.class != DNS_CLASS_IN)
			RECORD_NUMBER(r, "class", x->q.class);
	}
	RECORD_NUMBER(r, "do", x->q.wants_dnssec);
	if (x->q.n_ecs > 0 && x->rcode == DNS_NOERROR) {
		RECORD_KEY(r, "ecs");
		put_net(r, x->q.ecs_net, x->q.ecs_net.n_bits);
	}
	RECORD_TEXT(r, "cookie",
	            x->cookie == COOKIE_NONE  ? STR("none")
	            : x->cookie == COOKIE_NEW ? STR("new")
	                                      : STR("valid"),
	            SHOWN);
}

static void put_steering(struct record *r, const struct found *f) {
	const struct cfg_name *name = f->steered->cfg;
	char sites[1024];
	size_t n = 0;
	for (unsigned i = 0; i < f->variant->n_sites; i++) {
		struct str site = f->steered->sites[f->variant->order[i]]->name;
		if (n + site.n + 1 > sizeof(sites))
			break;
		if (n > 0)
			sites[n++] = ',';
		memcpy(sites + n, site.p, site.n);
		n += site.n;
	}
	RECORD_TEXT(r, "steered", f->steered->text, NAME_SHOWN);
	RECORD_TEXT(r, "policy", name->use ? name->use->id : str_from(cfg_policy_kind_text(name->policy)), SHOWN);
	RECORD_TEXT(r, "sites", str_slice(sites, n), sizeof(sites));
	RECORD_NUMBER(r, "scope", f->scope);
	RECORD_NUMBER(r, "fallback", f->ede == DNS_EDE_FALLBACK);
}

void query_log_write(const struct exchange *x, unsigned rcode, bool is_truncated, size_t n) {
	struct record r;
	char time[LOG_TIME_BYTES];
	record_begin(&r, x->batch->settings->query_log_is_json);
	log_format_time(time, clock_wall_us());
	RECORD_TEXT(&r, "ts", str_slice(time, sizeof(time)), sizeof(time));
	put_query(&r, x);
	RECORD_TEXT(&r, "rcode", rcode_name(rcode), SHOWN);
	RECORD_NUMBER(&r, "truncated", is_truncated);
	RECORD_NUMBER(&r, "bytes", n);
	if (x->found.steered)
		put_steering(&r, &x->found);
	RECORD_NUMBER(&r, "epoch", fleet_epoch(x->batch->gslb->fleet));
	log_output_write(x->batch->settings->query_log, record_end(&r));
}
