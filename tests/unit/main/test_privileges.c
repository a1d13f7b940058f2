/* SPDX-License-Identifier: BSD-2-Clause */
/* privileges.c: who may run as whom; after the drop no thread has root's powers, and one may bind low ports. The drop itself needs root. */
#include "main/privileges.c"

#include <dirent.h>
#include <pthread.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <cmocka.h>

static void resolve(const char *user, bool run_as_root, const char *error) {
	struct cfg_root cfg = { .user = str_from(user), .run_as_root = run_as_root };
	struct privileges p;
	struct err e = { "" };
	assert_int_equal(privileges_resolve(&cfg, &p, &e), error ? -1 : 0);
	if (error != NULL && strstr(e.text, error) == NULL)
		fail_msg("`%s` does not say: %s", e.text, error);
}

static void test_resolve(void **state) {
	(void)state;
	resolve("no-such-user", false, "there is no user `no-such-user`");
	if (geteuid() != 0) {
		resolve("", false, NULL);
		resolve("root", true, "only root can become `root`");
		return;
	}
	resolve("", false, "does not stay root");
	resolve("", true, NULL);
	resolve("nobody", false, NULL);
	resolve("root", false, "is root");
	resolve("root", true, NULL);
}

static void *thread_wait(void *arg) {
	pthread_barrier_wait(arg);
	pthread_barrier_wait(arg);
	return NULL;
}

/* Capabilities that a thread holds or could take up again. */
static uint64_t capabilities_of(const char *task) {
	char path[300], line[256];
	unsigned long long permitted = 0, effective = 0;
	snprintf(path, sizeof(path), "/proc/self/task/%s/status", task);
	FILE *f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		sscanf(line, "CapPrm: %llx", &permitted);
		sscanf(line, "CapEff: %llx", &effective);
	}
	if (f == NULL || fclose(f) != 0)
		return UINT64_MAX;
	return permitted | effective;
}

/* In a child: 0 when all is well, else the number of the line that is not. */
static int drop_and_look(void) {
	const uint64_t bind = UINT64_C(1) << CAP_NET_BIND_SERVICE;
	struct privileges p;
	struct cfg_root cfg = { .user = STR("nobody") };
	struct err e;
	pthread_t threads[3];
	pthread_barrier_t barrier;
	char own[16];
	int n = 0;
	pthread_barrier_init(&barrier, NULL, 4);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		if (pthread_create(&threads[i], NULL, thread_wait, &barrier) != 0)
			return __LINE__;
	pthread_barrier_wait(&barrier);
	if (privileges_resolve(&cfg, &p, &e) < 0 || !p.is_change || privileges_drop(&p, &e) < 0)
		return __LINE__;
	snprintf(own, sizeof(own), "%d", (int)getpid());
	DIR *d = opendir("/proc/self/task");
	for (struct dirent *entry; d != NULL && (entry = readdir(d)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		uint64_t has = capabilities_of(entry->d_name);
		if (has & ~(strcmp(entry->d_name, own) == 0 ? bind : 0))
			return __LINE__;
		n++;
	}
	if (d == NULL || closedir(d) != 0 || n < 4)
		return __LINE__;
	if (setuid(0) == 0 || setgid(0) == 0 || getgroups(0, NULL) > 1)
		return __LINE__;
	pthread_barrier_wait(&barrier);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static void test_drop(void **state) {
	(void)state;
	int status;
	if (geteuid() != 0)
		skip();
	pid_t pid = fork();
	if (pid == 0)
		_exit(drop_and_look() & 0xff);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_logs_are_given(void **state) {
	(void)state;
	char folder[] = "/tmp/steerway-test-logs-XXXXXX", path[128], link_path[128];
	struct privileges p;
	struct stat st;
	struct err e;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/error.log", folder);
	snprintf(link_path, sizeof(link_path), "%s/link", folder);
	struct cfg_root cfg = { .user = STR("nobody"), .log = { .path = str_from(path) } };
	assert_int_equal(privileges_resolve(&cfg, &p, &e), 0);
	assert_int_equal(privileges_give_logs(&p, &cfg, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, p.uid);
	/* Not through a link: it may point to a file that root must keep. */
	assert_int_equal(chown(path, 0, 0), 0);
	assert_int_equal(symlink(path, link_path), 0);
	cfg.log.path = str_from(link_path);
	assert_int_equal(privileges_give_logs(&p, &cfg, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	unlink(link_path);
	unlink(path);
	rmdir(folder);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_logs_are_given),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
