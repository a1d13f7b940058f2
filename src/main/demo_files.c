/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of the demonstration: a folder under $TMPDIR with a self-signed certificate, a zone and the configuration. */
#include "main/demo.h"

#include "steerway/base/buf.h"
#include "steerway/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static FILE *file_create(const struct demo *d, const char *name, struct err *e) {
	char path[160];
	snprintf(path, sizeof(path), "%s/%s", d->folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f == NULL)
		err_errno(e, "%s", path);
	return f;
}

/* ---- certificate ---- */

static int extension_add(X509 *x, int nid, const char *value) {
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, x, x, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	int ok = extension != NULL && X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
	return ok;
}

static X509 *certificate_make(EVP_PKEY *key) {
	X509 *x = X509_new();
	if (x == NULL)
		return NULL;
	X509_NAME *name = X509_get_subject_name(x);
	if (X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set_int64(X509_get_serialNumber(x), 1) &&
	    X509_gmtime_adj(X509_getm_notBefore(x), -3600) != NULL &&
	    X509_gmtime_adj(X509_getm_notAfter(x), 30 * 86400L) != NULL && X509_set_pubkey(x, key) &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"app.example.org", -1, -1, 0) &&
	    X509_set_issuer_name(x, name) && extension_add(x, NID_basic_constraints, "critical,CA:FALSE") &&
	    extension_add(x, NID_subject_alt_name, "DNS:app.example.org,DNS:www.example.org,DNS:localhost") &&
	    X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

static int certificate_write(const struct demo *d, struct err *e) {
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = key != NULL ? certificate_make(key) : NULL;
	FILE *f = file_create(d, "cert.pem", e);
	int result = -1;
	if (f != NULL && (x == NULL || !PEM_write_X509(f, x) || !PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL)))
		err_set(e, "making a certificate: %s", ERR_reason_error_string(ERR_get_error()));
	else if (f != NULL)
		result = 0;
	if (f != NULL && fclose(f) != 0)
		result = err_errno(e, "cert.pem");
	X509_free(x);
	EVP_PKEY_free(key);
	return result;
}

/* ---- texts ---- */

static int text_write(const struct demo *d, const char *name, struct buf *text, struct err *e) {
	FILE *f = file_create(d, name, e);
	int result = f != NULL ? 0 : -1;
	if (f != NULL) {
		bool is_written = fwrite(text->p, 1, text->n, f) == text->n;
		if (fclose(f) != 0 || !is_written)
			result = err_errno(e, "%s", name);
	}
	buf_fini(text);
	return result;
}

static int zone_write(const struct demo *d, struct err *e) {
	struct buf t = { 0 };
	buf_add(&t, STR("$ORIGIN example.org.\n"
	                "$TTL 300\n"
	                "@     IN SOA ns1 hostmaster 1 3600 600 604800 30\n"
	                "@     IN NS  ns1\n"
	                "@     IN TXT \"the demonstration of steerway\"\n"
	                "ns1   IN A   127.0.0.1\n"
	                "mail  IN A   127.0.0.1\n"
	                "@     IN MX  10 mail\n"));
	return text_write(d, "example.org.zone", &t, e);
}

/* The front doors of all sites are here: a client that follows the DNS answer arrives. */
static void listener_add(struct buf *t, const struct demo *d, const char *name, uint16_t port, const char *more) {
	buf_printf(t, "  %s: { bind: [\"127.0.0.1:%u\"", name, port);
	for (size_t i = 0; i < DEMO_SITES; i++)
		buf_printf(t, ", \"%s:%u\"", d->origins[i].address, port);
	buf_printf(t, "]%s }\n", more);
}

static int config_write(const struct demo *d, struct err *e) {
	struct buf t = { 0 };
	buf_printf(&t, "node: { name: demo }\nworkers: 2\ndrain_timeout: 2s\n%s", geteuid() == 0 ? "run_as_root: true\n" : "");
	buf_add(&t, STR("listeners:\n"));
	listener_add(&t, d, "web", d->http, "");
	listener_add(&t, d, "tls", d->https, ", tls: { certificates: [cert.pem] }");
	buf_printf(&t, "  dns: { bind: [\"127.0.0.1:%u\"], protocol: dns }\n", d->dns);
	buf_add(&t, STR("sites:\n"));
	for (size_t i = 0; i < DEMO_SITES; i++)
		buf_printf(&t, "  %s: { addresses: [%s], capacity: 20000rps%s }\n", d->origins[i].site, d->origins[i].address,
		           i + 1 == DEMO_SITES ? ", role: standby" : "");
	buf_add(&t, STR("checks:\n"
	                "  app: { type: http, path: /health, expect: { status: \"200\", body: \"ok\" }, interval: 1s, timeout: "
	                "500ms, rise: 2, fall: 2 }\n"
	                "pools:\n"
	                "  app:\n"
	                "    balance: least_requests\n"
	                "    check: app\n"
	                "    prefer: [onprem, cloud, dr]\n"
	                "    retries: { attempts: 2, budget: 20% }\n"
	                "    servers:\n"));
	for (size_t i = 0; i < DEMO_SITES; i++)
		buf_printf(&t, "      - { name: %s-1, address: \"%s:%u\", site: %s }\n", d->origins[i].site,
		           d->origins[i].address, d->origins[i].port, d->origins[i].site);
	buf_add(&t, STR("routes:\n"
	                "  - { pool: app }\n"
	                "zones:\n"
	                "  example.org:\n"
	                "    file: example.org.zone\n"
	                "    names:\n"
	                "      app: { policy: failover, pool: app, sites: [onprem, cloud, dr], ttl: 2s..10s }\n"
	                "      www: { policy: weighted, pool: app, sites: { onprem: 70, cloud: 30 }, ttl: 2s..10s }\n"));
	buf_printf(
	    &t,
	    "admin:\n  socket: { path: admin.sock, mode: \"0600\" }\n  http: { bind: \"127.0.0.1:%u\" }\n  state_file: state\n",
	    d->admin);
	buf_add(&t, STR("log: { level: info, access: { path: access.log, format: json } }\n"));
	return text_write(d, "steerway.yaml", &t, e);
}

int demo_files_write(struct demo *d, struct err *e) {
	const char *parent = getenv("TMPDIR");
	int n = snprintf(d->folder, sizeof(d->folder), "%s/steerway-demo-XXXXXX", parent && *parent ? parent : "/tmp");
	/* The admin socket stands in it, and a socket's path has 107 bytes. */
	if (n < 0 || (size_t)n >= sizeof(d->folder) || mkdtemp(d->folder) == NULL) {
		d->folder[0] = '\0';
		return err_set(e, "no temporary folder can be made; set TMPDIR to a short path that can be written");
	}
	if (certificate_write(d, e) < 0 || zone_write(d, e) < 0 || config_write(d, e) < 0)
		return -1;
	return 0;
}

static int on_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void demo_files_remove(const struct demo *d) {
	if (d->folder[0] != '\0' && nftw(d->folder, on_entry, 8, FTW_DEPTH | FTW_PHYS) < 0)
		fprintf(stderr, "demo: %s could not be removed: %s\n", d->folder, strerror(errno));
}
