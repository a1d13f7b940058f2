/* SPDX-License-Identifier: BSD-2-Clause
 * What the parts of the DNS load share: its options, the questions, the phase under way. */
#ifndef BENCH_LOAD_DNS_H
#define BENCH_LOAD_DNS_H

#include "histogram.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH 64               /* datagrams a call, as the servers' */
#define UNDER_WAY_MAX 1024     /* queries over UDP; ids have ten bits for the place, six for the turn */
#define PATIENCE_NS 1000000000 /* of silence, then what is under way is lost */

struct options {
	struct sockaddr_in address;
	const char *name;         /* `%` stands for a number below `variants` */
	unsigned variants, type;  /* of questions */
	unsigned subnets;         /* client subnets (RFC 7871) in turn, 10.0.0.0/24 and on; 0: none */
	bool has_edns, is_dnssec; /* an OPT record; with DO */
	bool is_tcp;              /* `connections`, each with `under_way` queries at once, and the next when all are answered */
	unsigned connections, under_way;
	unsigned rcode, n_answers, n_authority; /* what an answer has to have: this code, at least so many records */
	uint64_t warm, wanted;                  /* queries; 0 wanted: by time */
	double seconds;
};
extern struct options opt;

struct phase {
	uint64_t started_ns, end_ns, wanted, begun, done, errors, lost, bytes;
	struct histogram latency;
};
extern struct phase phase;

static inline uint16_t get16(const uint8_t *p) {
	return (uint16_t)(p[0] << 8 | p[1]);
}
static inline void put16(uint8_t *p, unsigned value) {
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

uint64_t now_ns(void);
_Noreturn void die(const char *what);
bool phase_wants(uint64_t now);
/* Whether it is an answer as it should be; counts it. */
void phase_add(const uint8_t *answer, size_t n, uint64_t since_ns, uint64_t now);

/* ---- load_dns_questions.c ---- */

struct question {
	const uint8_t *bytes; /* with an id of 0 */
	size_t n;
};
void questions_make(void);
void questions_free(void);
const struct question *question_next(void);

/* ---- load_dns_udp.c, load_dns_tcp.c ---- */

void udp_open(void);
void udp_run(void);
void udp_close(void);
void tcp_open(void);
void tcp_run(void);
void tcp_close(void);

#endif
