/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The room's front door: opens what the configuration names and gives the socket to its owner. Refuses unknown users and groups.
 * The socket file is ours to remove.
 */
#include "admin/internal.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first name that is not empty. */
static struct str name_or(struct str name, struct str other) {
	return name.n > 0 ? name : other;
}

/* Only root can give a file away; else the socket is its own already, and a configured owner must be who we are. */
static int socket_give(const char *path, struct str user, struct str group, struct err *e) {
	uid_t uid = (uid_t)-1;
	gid_t gid = (gid_t)-1;
	char name[128];
	if (user.n > 0) {
		struct passwd *pw = getpwnam(str_copy(name, sizeof(name), user));
		if (pw == NULL)
			return err_set(e, "admin.socket: there is no user `%s`; create it or change `user`", name);
		uid = pw->pw_uid;
		gid = pw->pw_gid;
	}
	if (group.n > 0) {
		struct group *gr = getgrnam(str_copy(name, sizeof(name), group));
		if (gr == NULL)
			return err_set(e, "admin.socket: there is no group `%s`; create it or change `group`", name);
		gid = gr->gr_gid;
	}
	/* Not through a symbolic link: the folder may belong to the user already, who could have put one there meanwhile. */
	if (lchown(path, uid, gid) < 0)
		return err_errno(e, "admin.socket: %s can't be given to %.*s:%.*s", path, STR_ARG(user), STR_ARG(group));
	return 0;
}

/* /run is emptied at boot: makes the socket's folder (not its parents) when it is missing. */
static int folder_make(const char *path, struct str user, struct str group, struct err *e) {
	char folder[4096];
	const char *slash = strrchr(path, '/');
	if (slash == NULL || slash == path)
		return 0;
	str_copy(folder, sizeof(folder), str_slice(path, (size_t)(slash - path)));
	if (mkdir(folder, 0755) < 0) {
		if (errno == EEXIST)
			return 0;
		return err_errno(e, "admin.socket: folder %s can't be made; make it, or change admin.socket.path", folder);
	}
	return socket_give(folder, user, group, e);
}

static int socket_open(struct admin *a, const struct cfg_admin_socket *cfg, struct err *e) {
	const struct cfg_root *root = a->house.config(a->house.arg);
	char path[4096];
	str_copy(path, sizeof(path), cfg->path);
	/* The folder is the daemon's, which must be able to remove the socket at the end. */
	if (folder_make(path, root->user, root->group, e) < 0)
		return -1;
	int fd = socket_listen_unix(path, cfg->mode, e);
	if (fd < 0)
		return err_context(e, "admin.socket");
	a->socket_path = mem_strdup(cfg->path);
	/* A group alone leaves the owner as it is. */
	if (socket_give(path, name_or(cfg->user, root->user), name_or(cfg->group, cfg->user.n > 0 ? STR_NONE : root->group), e) <
	    0) {
		close(fd);
		return -1;
	}
	a->socket = admin_service_start(a, &admin_line_protocol, fd, e);
	return a->socket ? 0 : err_context(e, "admin.socket");
}

static int http_open(struct admin *a, const struct cfg_admin_http *cfg, struct err *e) {
	int fd = socket_listen_tcp(&cfg->bind, ADMIN_CLIENTS_MAX, e);
	if (fd < 0)
		return err_context(e, "admin.http.bind");
	a->http = admin_service_start(a, &admin_http_protocol, fd, e);
	return a->http ? 0 : err_context(e, "admin.http");
}

struct admin *admin_create(const struct admin_house *house, const struct cfg_admin *cfg, struct err *e) {
	struct admin *a = mem_zalloc(sizeof(*a));
	a->house = *house;
	a->started_us = clock_now_us();
	if (cfg->socket.path.n > 0 && socket_open(a, &cfg->socket, e) < 0)
		goto fail;
	if (cfg->http.is_given && http_open(a, &cfg->http, e) < 0)
		goto fail;
	return a;
fail:
	admin_destroy(a);
	return NULL;
}

void admin_destroy(struct admin *a) {
	if (a == NULL)
		return;
	admin_service_stop(a->socket);
	admin_service_stop(a->http);
	if (a->socket_path != NULL && unlink(a->socket_path) < 0 && errno != ENOENT)
		log_warn("admin_socket_left", LOG_CSTR("path", a->socket_path), LOG_CSTR("error", strerror(errno)));
	mem_free(a->socket_path);
	mem_free(a);
}
