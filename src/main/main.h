/* SPDX-License-Identifier: BSD-2-Clause */
/* What the program does for each first word. */
#ifndef STEERWAY_MAIN_MAIN_H
#define STEERWAY_MAIN_MAIN_H

/* Chooses by the arguments, runs it, returns the exit status: 0 well, 1 it failed, 2 wrong usage. */
int arguments_run(int argc, char **argv);
/* steerway and its libraries, as compiled and as they run. */
int version_print(void);

/* `steerway dnssec -c FILE ...`: argv from its command on. Exit status, or -1 for wrong usage. */
int dnssec_run(const char *config_path, int argc, char **argv);

struct demo_options {
	const char *program; /* argv[0], for the commands to try */
	unsigned port_base;  /* 0: the well-known ones */
};
int demo_run(const struct demo_options *o);

#endif
