/* SPDX-License-Identifier: BSD-2-Clause
 * The load of DNS measurements: one thread, a closed loop over UDP or pipelined TCP.
 *
 * Lighter than what it measures, and the same for every server: questions are written beforehand, and of an answer the header alone is read
 * (id, response, response code, how many records). As bench/load.c it runs in two phases with a gate between: after the warm-up nothing is under
 * way, it writes `begin` and waits for a line. A JSON line ends the second phase.
 */
#include "load_dns.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options opt = {
	.variants = 1, .type = 1, .connections = 16, .under_way = 192, .n_answers = 1, .warm = 2000, .seconds = 2
};
struct phase phase;

uint64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void die(const char *what) {
	perror(what);
	exit(1);
}

bool phase_wants(uint64_t now) {
	return phase.wanted ? phase.begun < phase.wanted : now < phase.end_ns;
}

void phase_add(const uint8_t *answer, size_t n, uint64_t since_ns, uint64_t now) {
	bool is_good = answer[2] & 0x80 && !(answer[2] & 0x02) && (answer[3] & 0x0fu) == opt.rcode &&
	               get16(answer + 6) >= opt.n_answers && get16(answer + 8) >= opt.n_authority;
	phase.done++;
	phase.errors += !is_good;
	phase.bytes += n;
	histogram_add(&phase.latency, now - since_ns);
}

static void run_phase(uint64_t wanted, double seconds) {
	memset(&phase, 0, sizeof(phase));
	phase.started_ns = now_ns();
	phase.wanted = wanted;
	phase.end_ns = phase.started_ns + (uint64_t)(seconds * 1e9);
	if (opt.is_tcp)
		tcp_run();
	else
		udp_run();
	phase.end_ns = now_ns();
}

static void gate(void) {
	char line[16];
	puts("begin");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

static void report(void) {
	double seconds = (double)(phase.end_ns - phase.started_ns) / 1e9;
	printf("{\"requests\": %lu, \"errors\": %lu, \"seconds\": %.6f, \"rate\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
	       "\"p999_us\": %.1f, \"answer_bytes\": %.1f}\n",
	       phase.done, phase.errors + phase.lost, seconds, (double)phase.done / seconds, histogram_us(&phase.latency, 0.5),
	       histogram_us(&phase.latency, 0.99), histogram_us(&phase.latency, 0.999),
	       (double)phase.bytes / (double)(phase.done ? phase.done : 1));
	fflush(stdout);
}

static _Noreturn void usage(void) {
	fputs("usage: load_dns [-d seconds | -n queries] [-w warm-up queries] [-u under way (over TCP: on each connection)]\n"
	      "                [-V variants of `%` in the name] [-t type's number] [-e (EDNS)] [-D (DO)] [-E client subnets]\n"
	      "                [-T (TCP)] [-c connections] [-r rcode] [-a answers] [-A authority records] name ip port\n",
	      stderr);
	exit(2);
}

static void option(int o, const char *value) {
	unsigned number = value ? (unsigned)strtoul(value, NULL, 10) : 0;
	switch (o) {
	case 'd':
		opt.seconds = atof(value);
		break;
	case 'n':
		opt.wanted = strtoul(value, NULL, 10);
		break;
	case 'w':
		opt.warm = number;
		break;
	case 'u':
		opt.under_way = number;
		break;
	case 'V':
		opt.variants = number;
		break;
	case 't':
		opt.type = number;
		break;
	case 'E':
		opt.subnets = number;
		break;
	case 'c':
		opt.connections = number;
		break;
	case 'r':
		opt.rcode = number;
		break;
	case 'a':
		opt.n_answers = number;
		break;
	case 'A':
		opt.n_authority = number;
		break;
	case 'e':
		opt.has_edns = true;
		break;
	case 'D':
		opt.is_dnssec = true;
		break;
	case 'T':
		opt.is_tcp = true;
		break;
	default:
		usage();
	}
}

static void arguments(int argc, char **argv) {
	for (int o; (o = getopt(argc, argv, "d:n:w:u:V:t:eDE:Tc:r:a:A:")) != -1;)
		option(o, optarg);
	if (argc - optind != 3 || !opt.connections || !opt.variants || !opt.under_way || opt.under_way > UNDER_WAY_MAX)
		usage();
	opt.name = argv[optind];
	opt.address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[optind + 2])) };
	if (inet_pton(AF_INET, argv[optind + 1], &opt.address.sin_addr) != 1)
		usage();
}

int main(int argc, char **argv) {
	arguments(argc, argv);
	questions_make();
	if (opt.is_tcp)
		tcp_open();
	else
		udp_open();
	if (opt.warm)
		run_phase(opt.warm, 0);
	gate();
	run_phase(opt.wanted, opt.seconds);
	report();
	while (getchar() != EOF)
		;
	if (opt.is_tcp)
		tcp_close();
	else
		udp_close();
	questions_free();
	return 0;
}
