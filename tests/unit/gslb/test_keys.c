/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys: files as dnssec-keygen 9.18 and ldns-keygen 1.8 wrote them, faulty ones, what a key does at a time, tags and digests. */
#include "unit/gslb/fixture.h"

#include "gslb/keys.h"

#include "steerway/base/file.h"

#include <sys/stat.h>

static const char bind_ecdsa_key[] =
    "; This is a zone-signing key, keyid 38403, for example.org.\n"
    "; Created: 20261128093858 (Sat Nov 28 09:38:58 2026)\n"
    "; Publish: 20261128093858 (Sat Nov 28 09:38:58 2026)\n"
    "; Activate: 20261128093858 (Sat Nov 28 09:38:58 2026)\n"
    "example.org. IN DNSKEY 256 3 13 t7VH5pt0VHeMkY9FC1eD5lEZowtARUtSWqK8mpcS3ftoOKJ8JsQ/EBSc 66N95W66L9rCK5P/VBe2flrWEJqR3A==\n";
static const char bind_ecdsa_private[] = "Private-key-format: v1.3\n"
					 "Algorithm: 13 (ECDSAP256SHA256)\n"
					 "PrivateKey: jNo0udcnoz6mXaizKvd1KmLc8v0ldV83VvqSFchrQ7A=\n"
					 "Created: 20261128093858\n"
					 "Publish: 20261128093858\n"
					 "Activate: 20261128093858\n";
static const char bind_ed25519_key[] = "; This is a key-signing key, keyid 55237, for example.org.\n"
				       "; Created: 20261128093858 (Sat Nov 28 09:38:58 2026)\n"
				       "; Publish: 20261128093858 (Sat Nov 28 09:38:58 2026)\n"
				       "; Activate: 20261128093858 (Sat Nov 28 09:38:58 2026)\n"
				       "example.org. IN DNSKEY 257 3 15 kc+58fkldp7lp4o3eO2amhEl0VzsxoJ+qQevjwTG5aM=\n";
static const char bind_ed25519_private[] = "Private-key-format: v1.3\n"
					   "Algorithm: 15 (ED25519)\n"
					   "PrivateKey: VdkwtpmP+NZdQvgazLdrn/CZSnKY/IdrjDZbUh5Ucxc=\n"
					   "Created: 20261128093858\n"
					   "Publish: 20261128093858\n"
					   "Activate: 20261128093858\n";
static const char ldns_rsa_key[] =
    "example.org.	IN	DNSKEY	256 3 8 "
    "AwEAAeCbkcXpafFPMOTTGd1LcEzEGlAcyBRdfleHLXqVXTrIRtncD5mmDeE7LayqpUcQHuPFh/IVTGq54DYvqVF7PxyPHzKN/"
    "cuv63q6vP8ztacWWZWz4BTnMZWRiE6WfOBJmXQ4OUZ9fiDxLwdE9baY7U+wAWRoKDAJc8W5hjqzKv308/"
    "EOlTf25YNZe9THroylKctnmVFc0fOxzGxV0YiftPV5Yf4mHmQS0BhcrqkhzCWcDk6yDzrwndCXFL3Ztw7GaJSFsgyaEkNsptX8CR14Oz9CcZ/"
    "8gO8DAv+ieOyOb0aI+0LmtpUUQMLrqqsb80O+HLp8ejDa06MPEJYfHQwE+iE= ;{id = 57765 (zsk), size = 2048b}\n";
static const char ldns_rsa_private[] =
    "Private-key-format: v1.2\n"
    "Algorithm: 8 (RSASHA256)\n"
    "Modulus: "
    "4JuRxelp8U8w5NMZ3UtwTMQaUBzIFF1+V4ctepVdOshG2dwPmaYN4TstrKqlRxAe48WH8hVMarngNi+pUXs/HI8fMo39y6/rerq8/"
    "zO1pxZZlbPgFOcxlZGITpZ84EmZdDg5Rn1+IPEvB0T1tpjtT7ABZGgoMAlzxbmGOrMq/fTz8Q6VN/blg1l71MeujKUpy2eZUVzR87HMbFXRiJ+09Xlh/"
    "iYeZBLQGFyuqSHMJZwOTrIPOvCd0JcUvdm3DsZolIWyDJoSQ2ym1fwJHXg7P0Jxn/yA7wMC/"
    "6J47I5vRoj7Qua2lRRAwuuqqxvzQ74cunx6MNrTow8Qlh8dDAT6IQ==\n"
    "PublicExponent: AQAB\n"
    "PrivateExponent: "
    "Hrg4VlTH2CjIG6vhwDoWqHEz1hwxo1NsOcVzy23NXAJTam2mNpIXGOSSqSiHxXHnf6ifINWX54r3pwGay1mrdpj+"
    "n9f6y9aKQvVybwcgA7PTWd3JuqIqTnYiqfj8KGL4mYQtFT6JtzC1iW19m9VLs9fzQMvcH0HTs0neGX4y1Zve62BHjUcm6TNaSQpoiqcHzPTfWfphGj6Wb6GHbil4"
    "a6dyv3sXe/tafkyJ0mGK52XCfNtaVPpmMIOSaB5m2lJoj//TpBnwVLaw6+W/"
    "wYTXh1EJz3S03PlFQX2Q+CFP9jTPJmjC3nyNDacBnlOkgttXKnWKHHts39oD9oo1QDc27w==\n"
    "Prime1: "
    "+9OPkcpDEidwncGLhb3R97ljppybuVUzFbJm9Ax3L5oEFcSx053FteeBy47nh2xvDTPRdfcvS7+RuroO67gZMJlZX2gBgHcmHXBMIpPpn5pKYgo8XhzHboiC+/"
    "EphHGBV4pzExQlib1ACbWzaUVsYrzW+7aQku1lUgVX38wPID8=\n"
    "Prime2: "
    "5FSGrxL5lCUjRg1GT2tu5Kwi0BwM2ZjrmDtiLO8ot+8XCZEYlgdhYXy5d9i+JtKMA2pAOjTlr/JTTyRmMQkK17FcviVX6TdyhALVy67anqrSajFNtuatlgOv/"
    "XRssoZo8s/cARatIAhPf/ZFoPS2g9xL5gIQhbQNdB8hz1LTTZ8=\n"
    "Exponent1: "
    "BNdwbzEgUP0JIT9TW2Lm4ohh7hYcuFd2//fKGu8Sa4vegDyj3pmt721gBXXd5bCkAfD5GfeCpUYtmxVwq/+CHHkWSstJHBsuVGqQTCnj1/"
    "mzbGcd+gE7pFhjjEx6q90yy2gSBk/g2OEWlhk0NdXr24od6AD+jpSZ2hXYNqlJsSk=\n"
    "Exponent2: "
    "emK0LnNFQ5sEZTAIV9mF/xwlLNdcK+ZDob1yyhMHCFAnUQFs5D3gfJiV8R9EDRsd4Va6RnjEBKMm9GzWOcJXBXYT9/ecP21w/"
    "EFox1xZ4mI9lp4GwdqzgI1Jb9lPygExj7TKf+rfsSPDORuQBs4kZllWdVr18DSqYWuue6oxiJE=\n"
    "Coefficient: "
    "vOEv0QA8u+h1l2+ZrBgSp8XmminZCAj1lS5hNfMfQ/x8nwEql3zfQlk/WNg4RjY2OYDuzpKqfg4NaFZHDln4t3jY9HZ6xGW/"
    "1BaKg4BeOmX9fXHmRLQBd+N60EkRnYLShdiUVYvNcvWorLXy6MYwwOF6sBYQaKnCCZjfYiOt/oo=\n";

struct directory {
	char path[64];
};

static void put(const struct directory *d, const char *name, const char *text, unsigned mode) {
	char path[128];
	struct err e;
	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	if (file_replace(path, str_from(text), mode, &e) < 0)
		fail_msg("%s", e.text);
}

static int setup(void **state) {
	struct directory *d = mem_zalloc(sizeof(*d));
	strcpy(d->path, "/tmp/steerway-keys-XXXXXX");
	assert_non_null(mkdtemp(d->path));
	*state = d;
	return 0;
}

static int teardown(void **state) {
	struct directory *d = *state;
	char command[96];
	snprintf(command, sizeof(command), "rm -rf %s", d->path);
	assert_int_equal(system(command), 0);
	mem_free(d);
	return 0;
}

/* The root's label at the end of the literal is its NUL. */
static struct str zone(void) {
	return str_slice("\7example\3org", 13);
}

static void put_all(const struct directory *d) {
	put(d, "Kexample.org.+013+38403.key", bind_ecdsa_key, 0644);
	put(d, "Kexample.org.+013+38403.private", bind_ecdsa_private, 0600);
	put(d, "Kexample.org.+015+55237.key", bind_ed25519_key, 0644);
	put(d, "Kexample.org.+015+55237.private", bind_ed25519_private, 0600);
	put(d, "Kexample.org.+008+57765.key", ldns_rsa_key, 0644);
	put(d, "Kexample.org.+008+57765.private", ldns_rsa_private, 0600);
	put(d, "Kexample.com.+013+00001.key", "of another zone", 0644);
	put(d, "README", "no key", 0644);
}

static void load_fails(const struct directory *d, const char *expected) {
	struct keys k;
	struct err e;
	assert_int_equal(keys_load(&k, d->path, zone(), &e), -1);
	if (!strstr(e.text, expected))
		fail_msg("`%s` does not say `%s`", e.text, expected);
	assert_non_null(strstr(e.text, d->path));
}

/* Files of tools load, and sign what ldns verifies. */
static void test_load(void **state) {
	struct directory *d = *state;
	struct keys k;
	struct err e;
	put_all(d);
	if (keys_load(&k, d->path, zone(), &e) < 0)
		fail_msg("%s", e.text);
	static const struct {
		uint16_t tag, flags, n_signature;
		uint8_t algorithm;
	} expected[] = { { 57765, 256, 256, 8 }, { 38403, 256, 64, 13 }, { 55237, 257, 64, 15 } };
	assert_int_equal(k.n, COUNT_OF(expected));
	for (size_t i = 0; i < k.n; i++) {
		assert_int_equal(k.items[i].tag, expected[i].tag);
		assert_int_equal(k.items[i].flags, expected[i].flags);
		assert_int_equal(k.items[i].n_signature, expected[i].n_signature);
		assert_int_equal(k.items[i].algorithm->number, expected[i].algorithm);
	}
	/* BIND's have times, ldns' none. */
	assert_int_equal(k.items[0].times.at[KEY_PUBLISH], 0);
	assert_int_equal(k.items[1].times.at[KEY_PUBLISH], 1795858738);
	assert_int_equal(k.items[1].times.at[KEY_DELETE], 0);
	keys_fini(&k);
}

static void test_none(void **state) {
	struct directory *d = *state;
	struct keys k;
	struct err e;
	assert_int_equal(keys_load(&k, d->path, zone(), &e), 0);
	assert_int_equal(k.n, 0);
	assert_int_equal(keys_load(&k, "/nowhere", zone(), &e), -1);
	assert_string_equal(e.text, "/nowhere: No such file or directory");
}

/* What is written can be read, and is what was read. */
static void test_write(void **state) {
	(void)state;
	static const char *const texts[] = { bind_ecdsa_private, bind_ed25519_private };
	static const char *const keys[] = { bind_ecdsa_key, bind_ed25519_key };
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct key_private private;
		struct key_public public;
		struct buf out = { 0 };
		struct err e;
		assert_int_equal(key_private_parse(&private, str_from(texts[i]), &e), 0);
		key_private_write(&out, &private);
		buf_add_char(&out, '\0');
		assert_string_equal(out.p, texts[i]);
		out.n = 0;
		assert_int_equal(key_public_parse(&public, str_from(keys[i]), &e), 0);
		key_public_write(&out, &public);
		buf_add_char(&out, '\0');
		/* dnssec-keygen breaks the key's base64 with a blank. */
		assert_memory_equal(out.p + 2, keys[i] + 2, 10);
		struct key_public again;
		assert_int_equal(key_public_parse(&again, str_from(out.p), &e), 0);
		assert_int_equal(again.n, public.n);
		assert_memory_equal(again.rdata, public.rdata, public.n);
		assert_memory_equal(&again.times, &public.times, sizeof(again.times));
		buf_fini(&out);
	}
}

static void test_generate(void **state) {
	struct directory *d = *state;
	static const unsigned algorithms[] = { 8, 13, 15 };
	for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
		struct key_private private = { .algorithm = (uint8_t)algorithms[i] };
		struct key_public public = { .rdata = { 1, 0, 3, (uint8_t)algorithms[i] } };
		struct err e;
		assert_true(dns_name_read(&public.owner, zone()));
		if (key_algorithm_find(algorithms[i])->generate(&private, &public, &e) < 0)
			fail_msg("%s", e.text);
		struct buf text = { 0 };
		char *stem = key_stem("", zone(), algorithms[i], key_tag(public.rdata, public.n)), name[96];
		key_public_write(&text, &public);
		buf_add_char(&text, '\0');
		snprintf(name, sizeof(name), "%s.key", stem);
		put(d, name, text.p, 0644);
		text.n = 0;
		key_private_write(&text, &private);
		buf_add_char(&text, '\0');
		snprintf(name, sizeof(name), "%s.private", stem);
		put(d, name, text.p, 0600);
		mem_free(stem);
		buf_fini(&text);
	}
	struct keys k;
	struct err e;
	if (keys_load(&k, d->path, zone(), &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(k.n, 3);
	keys_fini(&k);
}

/* A private key that others may read is refused, as ssh does. */
static void test_modes(void **state) {
	struct directory *d = *state;
	put_all(d);
	char path[128];
	snprintf(path, sizeof(path), "%s/Kexample.org.+015+55237.private", d->path);
	assert_int_equal(chmod(path, 0640), 0);
	load_fails(d, "+015+55237.private: others than its owner may use this private key (mode 0640); chmod 600 it");
	assert_int_equal(unlink(path), 0);
	load_fails(d, "+015+55237.private: No such file or directory");
}

/* ldns-keygen writes a number of P-256 without its zeros at the front: here 1, whose public key is the generator (SEC 2 2.4.2). */
static void test_short_number(void **state) {
	struct directory *d = *state;
	static const char text[] = "example.org. IN DNSKEY 256 3 13 "
				   "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP"
				   "40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n";
	struct key_public public;
	struct keys k;
	struct err e;
	char name[96];
	assert_int_equal(key_public_parse(&public, str_from(text), &e), 0);
	char *stem = key_stem("", zone(), 13, key_tag(public.rdata, public.n));
	snprintf(name, sizeof(name), "%s.key", stem);
	put(d, name, text, 0644);
	snprintf(name, sizeof(name), "%s.private", stem);
	put(d, name, "Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: AQ==\n", 0600);
	mem_free(stem);
	if (keys_load(&k, d->path, zone(), &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(k.n, 1);
	keys_fini(&k);
}

/* A private key of another pair must not sign: all its signatures would be bogus. */
static void test_mixed_up(void **state) {
	struct directory *d = *state;
	struct key_private private = { .algorithm = 13 };
	struct key_public public = { .n = 0 };
	struct err e;
	put_all(d);
	assert_int_equal(key_algorithm_find(13)->generate(&private, &public, &e), 0);
	struct buf text = { 0 };
	key_private_write(&text, &private);
	buf_add_char(&text, '\0');
	put(d, "Kexample.org.+013+38403.private", text.p, 0600);
	buf_fini(&text);
	load_fails(d, "+013+38403.private: the private key does not belong to the DNSKEY record of the .key file");
	put(d, "Kexample.org.+013+38403.private", bind_ed25519_private, 0600);
	load_fails(d, "Algorithm: 15, but the .key file says 13");
}

static void test_faulty(void **state) {
	struct directory *d = *state;
	static const struct {
		const char *private, *says;
	} faults[] = {
		{ "", "Algorithm: is missing" },
		{ "Private-key-format: v2.0\n", "line 1: Private-key-format: only v1.x is known" },
		{ "Algorithm: 5 (RSASHA1)\n", "line 1: Algorithm: `5 (RSASHA1)` is not supported; use ECDSAP256SHA256 (13)" },
		{ "Algorithm: 13\nPrivateKey: !!!!\n", "line 2: PrivateKey: not in base64" },
		{ "Algorithm: 13\n\nPrivateKey: AAAA\nPrivateKey: AAAA\n", "line 4: PrivateKey: stands twice" },
		{ "Algorithm: 13\nPrivateKey: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
		  "PrivateKey: missing, or not as long as the algorithm wants" },
		{ "Algorithm: 13\nPrivateKey: AAAA\n", "the private key does not belong to the DNSKEY record" },
		{ "Algorithm: 13\n", "PrivateKey: missing" },
		{ "Algorithm: 13\nPublish: tomorrow\n", "line 2: Publish: no time; write it as YYYYMMDDHHMMSS" },
		{ "Algorithm: 13\nActivate: 20261301000000\n", "line 2: Activate: no time" },
		{ "Algorithm: 13\nRevoke: 20260101000000\n", "line 2: Revoke: revoked keys (RFC 5011) are not supported" },
		{ "-----BEGIN PRIVATE KEY-----\n", "line 1: not of the form `Field: value`" },
	};
	put_all(d);
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		put(d, "Kexample.org.+013+38403.private", faults[i].private, 0600);
		load_fails(d, faults[i].says);
		load_fails(d, "+013+38403.private");
	}
	put(d, "Kexample.org.+013+38403.private", bind_ecdsa_private, 0600);
	static const struct {
		const char *key, *says;
	} publics[] = {
		{ "; nothing\n", "no DNSKEY record" },
		{ "example.org. IN A 192.0.2.1\n", "line 1: no DNSKEY record" },
		{ "example.org. IN DNSKEY 0 3 13 AAAA\n", "no zone's key (flags 0, not 256 or 257)" },
		{ "example.org. IN DNSKEY 256 4 13 AAAA\n", "protocol is 4, not 3" },
		{ "example.org. IN DNSKEY 256 3 13 AAAA\n", "has not that algorithm's length" },
		{ "example.org. IN DNSKEY 256 3 14 AAAA\n", "algorithm (14) is not supported" },
		{ "example.com. IN DNSKEY 256 3 13 AAAA\n", "of another zone" },
		{ "example.org. IN DNSKEY 256 3 13 AAAA\nexample.org. IN DNSKEY 256 3 13 AAAA\n", "line 2: a second record" },
	};
	for (size_t i = 0; i < COUNT_OF(publics); i++) {
		put(d, "Kexample.org.+013+38403.key", publics[i].key, 0644);
		load_fails(d, publics[i].says);
	}
}

/* ---- times ---- */

static void test_times(void **state) {
	(void)state;
	struct key_times t = { { 0 } };
	assert_int_equal(key_state_at(&t, 1), KEY_IS_PUBLISHED | KEY_IS_ACTIVE);
	assert_int_equal(key_next_change(&t, 1), INT64_MAX);
	t = (struct key_times){ { [KEY_CREATED] = 50,
		                  [KEY_PUBLISH] = 100,
		                  [KEY_ACTIVATE] = 200,
		                  [KEY_INACTIVE] = 300,
		                  [KEY_DELETE] = 400,
		                  [KEY_SYNC_PUBLISH] = 150,
		                  [KEY_SYNC_DELETE] = 250 } };
	static const struct {
		int64_t now, next;
		unsigned state;
	} at[] = {
		{ 60, 100, 0 },
		{ 99, 100, 0 },
		{ 100, 150, KEY_IS_PUBLISHED },
		{ 150, 200, KEY_IS_PUBLISHED | KEY_IS_SYNCED },
		{ 200, 250, KEY_IS_PUBLISHED | KEY_IS_ACTIVE | KEY_IS_SYNCED },
		{ 250, 300, KEY_IS_PUBLISHED | KEY_IS_ACTIVE },
		{ 299, 300, KEY_IS_PUBLISHED | KEY_IS_ACTIVE },
		{ 300, 400, KEY_IS_PUBLISHED },
		{ 400, INT64_MAX, 0 },
	};
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		assert_int_equal(key_state_at(&t, at[i].now), at[i].state);
		assert_true(key_next_change(&t, at[i].now) == at[i].next);
	}
	/* Publish alone: a standby. Activate alone: published with it. */
	t = (struct key_times){ { [KEY_PUBLISH] = 100 } };
	assert_int_equal(key_state_at(&t, 1000), KEY_IS_PUBLISHED);
	t = (struct key_times){ { [KEY_ACTIVATE] = 100 } };
	assert_int_equal(key_state_at(&t, 99), 0);
	assert_int_equal(key_state_at(&t, 100), KEY_IS_PUBLISHED | KEY_IS_ACTIVE);
}

/* A pre-published ZSK, and a KSK that is rolled with a double signature (RFC 6781 4.1), on a clock that is moved by hand. */
static void test_roles(void **state) {
	(void)state;
	struct key items[] = {
		{ .flags = 257,
		  .times = { { [KEY_PUBLISH] = 10, [KEY_ACTIVATE] = 10, [KEY_INACTIVE] = 500, [KEY_DELETE] = 500 } } },
		{ .flags = 256,
		  .times = { { [KEY_PUBLISH] = 10, [KEY_ACTIVATE] = 10, [KEY_INACTIVE] = 200, [KEY_DELETE] = 300 } } },
		{ .flags = 256, .times = { { [KEY_PUBLISH] = 100, [KEY_ACTIVATE] = 200 } } },
		{ .flags = 257, .times = { { [KEY_PUBLISH] = 400, [KEY_ACTIVATE] = 400 } } },
	};
	struct keys k = { items, COUNT_OF(items) };
	for (size_t i = 0; i < k.n; i++)
		items[i].algorithm = key_algorithm_find(13);
	static const struct {
		int64_t now;
		unsigned roles[4];
	} at[] = {
		{ 5, { 0, 0, 0, 0 } },
		{ 10, { KEY_SIGNS_KEYS, KEY_SIGNS_ZONE, 0, 0 } },
		{ 100, { KEY_SIGNS_KEYS, KEY_SIGNS_ZONE, 0, 0 } },
		{ 200, { KEY_SIGNS_KEYS, 0, KEY_SIGNS_ZONE, 0 } },
		{ 400, { KEY_SIGNS_KEYS, 0, KEY_SIGNS_ZONE, KEY_SIGNS_KEYS } },
		{ 500, { 0, 0, KEY_SIGNS_ZONE, KEY_SIGNS_KEYS } },
	};
	for (size_t i = 0; i < COUNT_OF(at); i++)
		for (size_t j = 0; j < k.n; j++)
			assert_int_equal(keys_role(&k, j, at[i].now), at[i].roles[j]);
	assert_int_equal(keys_next_change(&k, 10), 100);
	assert_int_equal(keys_next_change(&k, 300), 400);
	/* A lone key signs everything, with SEP or without; so does one of another algorithm beside. */
	for (unsigned flags = 256; flags < 258; flags++) {
		struct key lone = { .flags = (uint16_t)flags, .algorithm = key_algorithm_find(15) };
		assert_int_equal(keys_role(&(struct keys){ &lone, 1 }, 0, 1), KEY_SIGNS_KEYS | KEY_SIGNS_ZONE);
	}
	items[1].algorithm = key_algorithm_find(15);
	assert_int_equal(keys_role(&k, 1, 150), KEY_SIGNS_KEYS | KEY_SIGNS_ZONE);
	assert_int_equal(keys_role(&k, 0, 150), KEY_SIGNS_KEYS | KEY_SIGNS_ZONE);
}

/* RFC 4034 5.4 has a DS of SHA-1; the one of SHA-256 is RFC 4509's 2.3 of the same key. */
static void test_digest(void **state) {
	(void)state;
	struct key_public public;
	struct err e;
	static const char key[] =
	    "dskey.example.com. 86400 IN DNSKEY 256 3 5 "
	    "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvxegXd/M5+X7OrzKBa"
	    "MbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==\n";
	static const uint8_t digest[32] = { 0xD4, 0xB7, 0xD5, 0x20, 0xE7, 0xBB, 0x5F, 0x0F, 0x67, 0x67, 0x4A,
		                            0x0C, 0xCE, 0xB1, 0xE3, 0xE0, 0x61, 0x4B, 0x93, 0xC4, 0xF9, 0xE9,
		                            0x9B, 0x83, 0x83, 0xF6, 0xA1, 0xE4, 0x46, 0x9D, 0xA5, 0x0A };
	uint8_t out[32];
	assert_int_equal(key_public_parse(&public, str_from(key), &e), 0);
	assert_int_equal(key_tag(public.rdata, public.n), 60485);
	key_digest(out, dns_name_suffix(&public.owner, 0), public.rdata, public.n);
	assert_memory_equal(out, digest, 32);
}

static void test_stem(void **state) {
	(void)state;
	char *stem = key_stem("/k", zone(), 13, 77);
	assert_string_equal(stem, "/k/Kexample.org.+013+00077");
	mem_free(stem);
	stem = key_stem("k", str_slice("\5a/b.c\3org", 11), 8, 65535);
	assert_string_equal(stem, "k/Ka%2Fb%2Ec.org.+008+65535");
	mem_free(stem);
	stem = key_stem("k", str_slice("", 1), 8, 1);
	assert_string_equal(stem, "k/K.+008+00001");
	mem_free(stem);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_load, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test(test_write),
		cmocka_unit_test_setup_teardown(test_generate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_number, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mixed_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_faulty, setup, teardown),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_stem),
	};
	return cmocka_run_group_tests_name("gslb/keys", tests, NULL, NULL);
}
