/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line: one row a form. Refuses what no row takes, with the usage; nothing is guessed from the environment.
 */
#include "main/daemon.h"
#include "main/main.h"

#include "steerway/base/mem.h"

#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: steerway -c FILE                          serve\n"
    "       steerway check -c FILE                    load configuration, certificates and zones; serve nothing\n"
    "       steerway dnssec -c FILE generate ZONE [csk | ksk zsk]  make the keys of a zone, before it is first served\n"
    "       steerway dnssec -c FILE show|ds ZONE      its keys; DS records for the parent zone\n"
    "       steerway demo [--port-base N]             an embedded demonstration that needs no other program\n"
    "       steerway config-reference [--sample|--man]  every configuration key\n"
    "       steerway command-reference                every admin command, as the list of steerctl(1)\n"
    "       steerway --version                        version, and those of the libraries\n"
    "\n"
    "Signals: SIGTERM, SIGINT stop gracefully (twice: at once); SIGHUP reloads; SIGUSR1 opens the logs again.\n"
    "Manual pages: steerway(8), steerway.yaml(5), steerctl(1).\n";

static int wrong(const char *what, const char *word) {
	fprintf(stderr, "steerway: %s%s%s\n%s", what, *word ? ": " : "", word, usage);
	return 2;
}

static int print(struct buf *b) {
	int status = fwrite(b->p ? b->p : "", 1, b->n, stdout) == b->n && fflush(stdout) == 0 ? 0 : 1;
	buf_fini(b);
	return status;
}

/* The FILE of "-c FILE", when the arguments are just that; else NULL. */
static const char *file_of(int argc, char **argv) {
	return argc == 2 && (strcmp(argv[0], "-c") == 0 || strcmp(argv[0], "--config") == 0) ? argv[1] : NULL;
}

static int run_check(int argc, char **argv, const char *program) {
	(void)program;
	const char *file = file_of(argc, argv);
	return file ? daemon_check(file) : wrong("check takes -c FILE", "");
}

static int run_demo(int argc, char **argv, const char *program) {
	struct demo_options o = { .program = program };
	char *end = NULL;
	if (argc == 0)
		return demo_run(&o);
	unsigned long base = argc == 2 && strcmp(argv[0], "--port-base") == 0 ? strtoul(argv[1], &end, 10) : 0;
	if (base < 1 || base > 65000 || *end != '\0')
		return wrong("demo takes --port-base N, 1 to 65000", "");
	o.port_base = (unsigned)base;
	return demo_run(&o);
}

static int run_dnssec(int argc, char **argv, const char *program) {
	(void)program;
	const char *file = argc > 2 ? file_of(2, argv) : NULL;
	int status = file ? dnssec_run(file, argc - 2, argv + 2) : -1;
	return status < 0 ? wrong("dnssec takes -c FILE, then generate, show or ds, and a zone", "") : status;
}

static int run_config_reference(int argc, char **argv, const char *program) {
	(void)program;
	static const struct {
		const char *option;
		enum cfg_docs form;
	} forms[] = { { "", CFG_DOCS_TEXT }, { "--sample", CFG_DOCS_SAMPLE }, { "--man", CFG_DOCS_MAN } };
	struct buf out = { 0 };
	for (size_t i = 0; i < COUNT_OF(forms); i++)
		if (argc < 2 && strcmp(argc == 1 ? argv[0] : "", forms[i].option) == 0) {
			cfg_write_docs(&out, forms[i].form);
			return print(&out);
		}
	return wrong("config-reference takes --sample or --man", "");
}

static int run_command_reference(int argc, char **argv, const char *program) {
	(void)program;
	struct buf out = { 0 };
	if (argc > 0)
		return wrong("command-reference takes nothing", argv[0]);
	admin_write_man(&out);
	return print(&out);
}

static int run_version(int argc, char **argv, const char *program) {
	(void)program;
	return argc > 0 ? wrong("--version stands alone", argv[0]) : version_print();
}

static int run_help(int argc, char **argv, const char *program) {
	(void)argc;
	(void)argv;
	(void)program;
	return fputs(usage, stdout) < 0;
}

static const struct {
	const char *word;
	int (*run)(int argc, char **argv, const char *program);
} forms[] = {
	{ "check", run_check },
	{ "dnssec", run_dnssec },
	{ "demo", run_demo },
	{ "config-reference", run_config_reference },
	{ "command-reference", run_command_reference },
	{ "--version", run_version },
	{ "--help", run_help },
	{ "-h", run_help },
};

int arguments_run(int argc, char **argv) {
	if (argc < 2)
		return wrong("what to do?", "");
	const char *file = file_of(argc - 1, argv + 1);
	if (file != NULL)
		return daemon_run(&(struct daemon_options){ .config_path = file, .ready_fd = -1 });
	for (size_t i = 0; i < COUNT_OF(forms); i++)
		if (strcmp(argv[1], forms[i].word) == 0)
			return forms[i].run(argc - 2, argv + 2, argv[0]);
	return wrong("no such form", argv[1]);
}
