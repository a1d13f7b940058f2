/* SPDX-License-Identifier: BSD-2-Clause */
/* `steerway --version`: what was compiled against and what runs, since a distribution may update either. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "main/main.h"

#include "steerway/base/mem.h"
#include "config.h"

#include <event2/event.h>
#include <jansson.h>
#include <jemalloc/jemalloc.h>
#include <ldns/ldns.h>
#include <openssl/crypto.h>
#include <pcre2.h>
#include <stdio.h>
#include <yaml.h>

/* Sanitizer builds go without jemalloc. */
#pragma weak mallctl

static const char *running_openssl(void) {
	return OpenSSL_version(OPENSSL_VERSION_STRING);
}

static const char *running_jemalloc(void) {
	const char *text = NULL;
	size_t n = sizeof(text);
	return mallctl && mallctl("version", (void *)&text, &n, NULL, 0) == 0 ? text : "not linked";
}

static const char *running_pcre2(void) {
	static char text[64];
	return pcre2_config(PCRE2_CONFIG_VERSION, text) > 0 ? text : "unknown";
}

static const char *running_urcu(void) {
	return "does not tell";
}

#define TEXT_OF(x) #x
#define NUMBERS(major, minor) TEXT_OF(major) "." TEXT_OF(minor)

int version_print(void) {
	static const struct {
		const char *name, *compiled;
		const char *(*running)(void);
	} libraries[] = {
		{ "libevent", LIBEVENT_VERSION, event_get_version },
		{ "OpenSSL", OPENSSL_FULL_VERSION_STR, running_openssl },
		{ "ldns", LDNS_VERSION, ldns_version },
		{ "jemalloc", JEMALLOC_VERSION, running_jemalloc },
		{ "libyaml", YAML_VERSION, yaml_get_version_string },
		{ "liburcu", URCU_VERSION, running_urcu },
		{ "PCRE2", NUMBERS(PCRE2_MAJOR, PCRE2_MINOR), running_pcre2 },
		{ "jansson", JANSSON_VERSION, jansson_version_str },
	};
	printf("steerway %s\n", PACKAGE_VERSION);
	for (size_t i = 0; i < COUNT_OF(libraries); i++)
		printf("  %-9s compiled %s, running %s\n", libraries[i].name, libraries[i].compiled, libraries[i].running());
	return fflush(stdout) == 0 ? 0 : 1;
}
