/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs one fuzz target without libFuzzer, so that gcc with sanitizers is enough: first every file of the corpora, then a bounded
 * number of random mutations of them.
 *
 *	fuzz_x [-runs=N] [-seed=S] [-max_len=N] [-artifacts=DIR] [folder or file...]
 *
 * The seed is printed: the same one with the same corpus makes the same inputs. An input that kills the target, or takes longer than
 * 10 s, is written to DIR/crash-<hash> (DIR: here), which can be given as an argument to see it again.
 * Each input is put into a block of its own exact size, so that AddressSanitizer sees a read one byte beyond it.
 */
#include "steerway/base/buf.h"
#include "steerway/base/hash.h"
#include "steerway/base/mem.h"
#include "steerway/base/rand.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A target may prepare itself once. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);
/* Of the sanitizers' run-time, when it is linked in: called before they end the process, which need not be by a signal. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));
/* gcc links UBSan's run-time as a library of its own that knows nothing of that callback: it shall abort, which the handler sees. */
const char *__ubsan_default_options(void);

enum { HANG_SECONDS = 10, DEPTH = 8 };

static struct {
	uint64_t runs, seed;
	size_t max_bytes;
	const char *artifacts;
} options = { .runs = 20000, .max_bytes = 64 * 1024, .artifacts = "." };

struct input {
	uint8_t *p;
	size_t n;
};

static struct {
	struct input *inputs;
	size_t n, cap;
} corpus;

/* The input in progress, for the handler. */
static const uint8_t *volatile current;
static volatile size_t current_bytes;

/* ---- when the target dies ---- */

static void put_text(const char *text) {
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
	(void)ignored;
}

/* In a handler: open, write and a name made by hand are all there is. */
static void write_artifact(void) {
	static const char hex[] = "0123456789abcdef";
	char path[4096];
	const uint8_t *p = current;
	size_t n = current_bytes, at = strnlen(options.artifacts, sizeof path - 32);
	if (p == NULL)
		return;
	current = NULL; /* once: the death callback is followed by SIGABRT */
	uint64_t hash = hash_bytes(p, n, 0);
	memcpy(path, options.artifacts, at);
	memcpy(path + at, "/crash-", 7);
	at += 7;
	for (int shift = 60; shift >= 0; shift -= 4)
		path[at++] = hex[hash >> shift & 15];
	path[at] = '\0';
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool is_written = fd >= 0 && write(fd, p, n) == (ssize_t)n;
	put_text(is_written ? "the input that did it: " : "can't write the input that did it: ");
	put_text(path);
	put_text("\n");
}

const char *__ubsan_default_options(void) {
	return "abort_on_error=1:print_stacktrace=1";
}

static void on_fatal_signal(int number) {
	put_text(number == SIGALRM ? "hang: one input took more than 10 s\n" : "the target died of a signal\n");
	write_artifact();
	signal(number, SIG_DFL);
	raise(number);
}

static void watch(void) {
	static const int fatal[] = { SIGABRT, SIGALRM, SIGSEGV, SIGBUS, SIGILL, SIGFPE };
	static char stack[64 * 1024]; /* a stack overflow leaves no other to run on */
	stack_t alternative = { .ss_sp = stack, .ss_size = sizeof stack };
	sigaltstack(&alternative, NULL);
	struct sigaction action = { .sa_handler = on_fatal_signal, .sa_flags = SA_ONSTACK | SA_NODEFER };
	bool is_sanitized = __sanitizer_set_death_callback != NULL;
	if (is_sanitized)
		__sanitizer_set_death_callback(write_artifact);
	for (size_t i = 0; i < COUNT_OF(fatal); i++)
		if (!is_sanitized || fatal[i] == SIGALRM || fatal[i] == SIGABRT) /* the others' reports are better */
			sigaction(fatal[i], &action, NULL);
}

static void run_one(struct str input) {
	uint8_t *exact = mem_alloc(input.n);
	if (input.n > 0)
		memcpy(exact, input.p, input.n);
	current = exact;
	current_bytes = input.n;
	alarm(HANG_SECONDS);
	LLVMFuzzerTestOneInput(exact, input.n);
	alarm(0);
	current = NULL;
	mem_free(exact);
}

/* ---- the corpus ---- */

static _Noreturn void die(const char *what, const char *path) {
	fprintf(stderr, "%s %s: %s\n", what, path, strerror(errno));
	exit(2);
}

static void load_file(const char *path) {
	struct buf b = { 0 };
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		die("can't open", path);
	for (size_t n; (n = fread(buf_reserve(&b, 4096), 1, 4096, f)) > 0;)
		b.n += n;
	if (ferror(f))
		die("can't read", path);
	fclose(f);
	if (corpus.n == corpus.cap) {
		corpus.cap = corpus.cap > 0 ? corpus.cap * 2 : 64;
		corpus.inputs = mem_realloc_array(corpus.inputs, corpus.cap, sizeof *corpus.inputs);
	}
	corpus.inputs[corpus.n++] = (struct input){ (uint8_t *)b.p, b.n };
}

static int is_visible(const struct dirent *entry) {
	return entry->d_name[0] != '.';
}

/* In the order of names: a seed must mean the same on every machine. */
static void load(const char *path, int depth) {
	struct stat st;
	struct dirent **entries;
	if (stat(path, &st) < 0)
		die("can't find", path);
	if (!S_ISDIR(st.st_mode)) {
		load_file(path);
		return;
	}
	int n = depth < DEPTH ? scandir(path, &entries, is_visible, alphasort) : (errno = ELOOP, -1);
	if (n < 0)
		die("can't list", path);
	for (int i = 0; i < n; i++) {
		char child[4096];
		if (snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name) >= (int)sizeof child) {
			errno = ENAMETOOLONG;
			die("can't open", path);
		}
		load(child, depth + 1);
		free(entries[i]);
	}
	free(entries);
}

/* ---- mutations: each changes b in place ---- */

static size_t below(struct rand *r, size_t n) {
	return (size_t)rand_below(r, n);
}

/* Room is made at `at` for n bytes, which are the caller's to fill. */
static char *insert(struct buf *b, size_t at, size_t n) {
	buf_reserve(b, n);
	memmove(b->p + at + n, b->p + at, b->n - at);
	b->n += n;
	return b->p + at;
}

static void flip_bit(struct buf *b, struct rand *r) {
	if (b->n > 0)
		b->p[below(r, b->n)] ^= (char)(1 << below(r, 8));
}

static void set_byte(struct buf *b, struct rand *r) {
	static const uint8_t telling[] = { 0,   1,   '\t', '\n', '\r', ' ',  '"',  ',',  '-',
		                           '.', '/', '0',  ':',  ';',  0x7f, 0x80, 0xc0, 0xff };
	if (b->n > 0)
		b->p[below(r, b->n)] = (char)(below(r, 2) ? telling[below(r, sizeof telling)] : below(r, 256));
}

static void insert_bytes(struct buf *b, struct rand *r) {
	size_t n = 1 + below(r, below(r, 8) ? 4 : 256);
	char *to = insert(b, below(r, b->n + 1), n);
	bool is_run = below(r, 2);
	char c = (char)below(r, 256);
	for (size_t i = 0; i < n; i++)
		to[i] = is_run ? c : (char)below(r, 256);
}

static void delete_bytes(struct buf *b, struct rand *r) {
	if (b->n == 0)
		return;
	size_t at = below(r, b->n), longest = b->n - at, n = 1 + below(r, below(r, 4) ? (longest < 8 ? longest : 8) : longest);
	memmove(b->p + at, b->p + at + n, b->n - at - n);
	b->n -= n;
}

static void repeat_slice(struct buf *b, struct rand *r) {
	if (b->n == 0)
		return;
	size_t from = below(r, b->n), longest = b->n - from, n = 1 + below(r, longest < 128 ? longest : 128);
	char slice[128];
	memcpy(slice, b->p + from, n);
	for (size_t times = 1 + below(r, below(r, 8) ? 2 : 64); times > 0; times--)
		memcpy(insert(b, from, n), slice, n);
}

/* A number in the text becomes one at an edge. */
static void edge_number(struct buf *b, struct rand *r) {
	static const char *const edges[] = { "0",
		                             "-1",
		                             "255",
		                             "256",
		                             "65535",
		                             "65536",
		                             "2147483648",
		                             "4294967296",
		                             "9223372036854775808",
		                             "18446744073709551615",
		                             "18446744073709551616",
		                             "00",
		                             "0x10",
		                             "ffffffffffffffff" };
	size_t from = b->n > 0 ? below(r, b->n) : 0;
	while (from < b->n && (b->p[from] < '0' || b->p[from] > '9'))
		from++;
	size_t to = from;
	while (to < b->n && b->p[to] >= '0' && b->p[to] <= '9')
		to++;
	if (to == from)
		return;
	memmove(b->p + from, b->p + to, b->n - to);
	b->n -= to - from;
	struct str edge = str_from(edges[below(r, COUNT_OF(edges))]);
	memcpy(insert(b, from, edge.n), edge.p, edge.n);
}

/* Integers of binary formats: lengths and counts at their edges, big-endian. */
static void edge_word(struct buf *b, struct rand *r) {
	static const uint32_t edges[] = { 0,      1,      0x7f,   0x80,   0xff,       0x100,     0x3fff,
		                          0x7fff, 0x8000, 0xc00c, 0xffff, 0x7fffffff, 0xffffffff };
	size_t width = below(r, 2) ? 2 : 4;
	if (b->n < width)
		return;
	uint32_t value = edges[below(r, COUNT_OF(edges))];
	char *to = b->p + below(r, b->n - width + 1);
	for (size_t i = 0; i < width; i++)
		to[i] = (char)(value >> 8 * (width - 1 - i));
}

static void cut_end(struct buf *b, struct rand *r) {
	b->n = below(r, b->n + 1);
}

/* The end is exchanged for another input's. */
static void cross(struct buf *b, struct rand *r) {
	const struct input *other = &corpus.inputs[below(r, corpus.n)];
	size_t from = below(r, other->n + 1);
	cut_end(b, r);
	buf_add(b, str_slice((const char *)other->p + from, other->n - from));
}

static void mutate(struct buf *b, struct rand *r) {
	static void (*const ways[])(struct buf *, struct rand *) = { flip_bit,     set_byte,     insert_bytes,
		                                                     delete_bytes, repeat_slice, edge_number,
		                                                     edge_word,    cut_end,      cross };
	const struct input *base = &corpus.inputs[below(r, corpus.n)];
	b->n = 0;
	buf_add(b, str_slice((const char *)base->p, base->n));
	for (size_t n = 1 + below(r, below(r, 4) ? 3 : 16); n > 0; n--)
		ways[below(r, COUNT_OF(ways))](b, r);
	if (b->n > options.max_bytes)
		b->n = options.max_bytes;
}

/* ---- the program ---- */

static bool option_u64(const char *argument, const char *name, uint64_t *out) {
	struct str a = str_from(argument), prefix = str_from(name);
	if (!str_starts(a, prefix))
		return false;
	if (!str_to_u64(str_skip(a, prefix.n), out)) {
		fprintf(stderr, "%s: a number must follow %s\n", argument, name);
		exit(2);
	}
	return true;
}

static void read_arguments(int argc, char **argv) {
	for (int i = 1; i < argc; i++) {
		uint64_t max_bytes;
		if (option_u64(argv[i], "-runs=", &options.runs) || option_u64(argv[i], "-seed=", &options.seed))
			continue;
		if (option_u64(argv[i], "-max_len=", &max_bytes))
			options.max_bytes = (size_t)max_bytes;
		else if (str_starts(str_from(argv[i]), STR("-artifacts=")))
			options.artifacts = argv[i] + strlen("-artifacts=");
		else if (argv[i][0] == '-') {
			fprintf(stderr, "usage: %s [-runs=N] [-seed=S] [-max_len=N] [-artifacts=DIR] [folder or file...]\n",
			        argv[0]);
			exit(2);
		} else {
			load(argv[i], 0);
		}
	}
}

int main(int argc, char **argv) {
	struct rand r;
	struct buf b = { 0 };
	options.seed = rand_next(rand_thread());
	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	read_arguments(argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("seed %llu\n", (unsigned long long)options.seed);
	watch();
	for (size_t i = 0; i < corpus.n; i++)
		run_one(str_slice((const char *)corpus.inputs[i].p, corpus.inputs[i].n));
	size_t replayed = corpus.n;
	if (corpus.n == 0) /* no corpus: everything grows from nothing */
		corpus.inputs = mem_zalloc_array(corpus.n = 1, sizeof *corpus.inputs);
	rand_seed(&r, options.seed);
	for (uint64_t run = 0; run < options.runs; run++) {
		mutate(&b, &r);
		run_one(buf_str(&b));
	}
	printf("replayed %zu files, %llu mutations\n", replayed, (unsigned long long)options.runs);
	buf_fini(&b);
	for (size_t i = 0; i < corpus.n; i++)
		mem_free(corpus.inputs[i].p);
	mem_free(corpus.inputs);
	return 0;
}
