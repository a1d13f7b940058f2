/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Root binds the sockets, then the daemon becomes `user` for good. setuid goes through to all threads (glibc), and takes their
 * capabilities; the control thread alone keeps CAP_NET_BIND_SERVICE, since PR_SET_KEEPCAPS and capset are a thread's own. What has to be
 * opened again later (logs) is given to the user before; TLS keys that only root may read can't be reloaded afterwards, and the
 * reload says so. Refuses to go on when root could be had back.
 */
#include "main/daemon.h"

#include "steerway/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int group_find(struct str name, gid_t *gid, struct err *e) {
	char text[64];
	struct group *g = getgrnam(str_copy(text, sizeof(text), name));
	if (g == NULL)
		return err_set(e, "group: there is no group `%s`; create it with `groupadd --system %s`", text, text);
	*gid = g->gr_gid;
	return 0;
}

int privileges_resolve(const struct cfg_root *cfg, struct privileges *out, struct err *e) {
	bool is_root = geteuid() == 0;
	*out = (struct privileges){ 0 };
	if (cfg->user.n == 0) {
		if (is_root && !cfg->run_as_root)
			return err_set(e, "steerway does not stay root: name a user (`user: steerway`), start it as another "
			                  "user, or, on a throw-away "
			                  "machine, say `run_as_root: true`");
		return 0;
	}
	struct passwd *pw = getpwnam(str_copy(out->user, sizeof(out->user), cfg->user));
	if (pw == NULL)
		return err_set(e, "user: there is no user `%s`; create it with `useradd --system %s`", out->user, out->user);
	out->uid = pw->pw_uid;
	out->gid = pw->pw_gid;
	if (cfg->group.n > 0 && group_find(cfg->group, &out->gid, e) < 0)
		return -1;
	if (!is_root && geteuid() != out->uid)
		return err_set(e, "user: only root can become `%s`; start steerway as root or as that user", out->user);
	if (is_root && out->uid == 0 && !cfg->run_as_root)
		return err_set(e, "user: `%s` is root; name another, or, on a throw-away machine, say `run_as_root: true`",
		               out->user);
	out->is_change = is_root && out->uid != 0;
	return 0;
}

/* A plain file of root's becomes the user's; what is no plain file (a terminal, a pipe), or another's, stays as it is. */
static int log_give(const struct privileges *p, struct str path, struct err *e) {
	char text[4096];
	struct stat st;
	if (path.n == 0 || str_eq(path, STR("-")))
		return 0;
	int fd = open(str_copy(text, sizeof(text), path),
	              O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0640);
	if (fd < 0)
		return errno == ELOOP || errno == ENXIO ? 0 : err_errno(e, "%s", text);
	int result = 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink == 1 && fchown(fd, p->uid, p->gid) < 0)
		result = err_errno(e, "%s can't be given to %s", text, p->user);
	close(fd);
	return result;
}

int privileges_give_logs(const struct privileges *p, const struct cfg_root *cfg, struct err *e) {
	if (!p->is_change)
		return 0;
	if (log_give(p, cfg->log.path, e) < 0)
		return err_context(e, "log.path");
	if (cfg->log.access.is_given && log_give(p, cfg->log.access.path, e) < 0)
		return err_context(e, "log.access.path");
	if (cfg->log.queries.is_given && log_give(p, cfg->log.queries.path, e) < 0)
		return err_context(e, "log.queries.path");
	return 0;
}

/* This thread alone; bounded by what it holds (a container may have taken it). */
static int capabilities_keep_bind(struct err *e) {
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
	if (syscall(SYS_capget, &header, data) < 0)
		return err_errno(e, "capget");
	uint32_t bind = data[0].permitted & (1u << CAP_NET_BIND_SERVICE);
	memset(data, 0, sizeof(data));
	data[0].permitted = data[0].effective = bind;
	if (syscall(SYS_capset, &header, data) < 0)
		return err_errno(e, "capset");
	return 0;
}

static int root_is_gone(const struct privileges *p, struct err *e) {
	uid_t real, effective, saved;
	getresuid(&real, &effective, &saved);
	if (real != p->uid || effective != p->uid || saved != p->uid || setuid(0) == 0 || setresuid(0, 0, 0) == 0 ||
	    seteuid(0) == 0)
		return err_set(e, "root could be had back after becoming %s; not going on", p->user);
	return 0;
}

int privileges_drop(const struct privileges *p, struct err *e) {
	if (!p->is_change)
		return 0;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_errno(e, "PR_SET_KEEPCAPS");
	if (initgroups(p->user, p->gid) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 || setresuid(p->uid, p->uid, p->uid) < 0)
		return err_errno(e, "can't become %s; steerway needs CAP_SETUID and CAP_SETGID for it", p->user);
	if (capabilities_keep_bind(e) < 0)
		return -1;
	return root_is_gone(p, e);
}
