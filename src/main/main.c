/* SPDX-License-Identifier: BSD-2-Clause */
/* The way in. Everything is decided in arguments.c. */
#include "main/main.h"

int main(int argc, char **argv) {
	return arguments_run(argc, argv);
}
