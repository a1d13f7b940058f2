/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Watching files by inotify on their folders, since a file that is replaced by renaming is another inode each time, and on the folders
 * of all links on the way, for these are switched (Kubernetes' ..data). So an event of any name leads to a look at the files, and only
 * a file that is another one than before, by what stat tells, counts as a change. With each look the watches are set anew: behind a
 * switched link stands another folder, and one that was made anew is another inode, too.
 *
 * Tools write key and chain one after the other: a change is told when nothing has happened for a moment.
 */
#include "io/private.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUIET_US = 200 * 1000, LATEST_US = 2 * 1000 * 1000, LINKS_MAX = 40 /* as the kernel */ };

#define WATCHED_EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR)

struct file_set {
	size_t n;
	struct set_file {
		char *path;
		struct stat is; /* zeroed: not there */
	} files[];
};

struct file_watch {
	struct loop *loop;
	struct event event;
	struct deadline settle;
	uint64_t first_us;    /* of the changes that are not told yet; 0: none */
	struct file_set *set; /* NULL: none */
	int fd;
	void (*on_change)(void *arg);
	void *arg;
};

static void look(const char *path, struct stat *out) {
	struct stat now;
	memset(out, 0, sizeof(*out));
	if (stat(path, &now) < 0)
		return;
	out->st_dev = now.st_dev;
	out->st_ino = now.st_ino;
	out->st_size = now.st_size;
	out->st_mode = now.st_mode;
	out->st_mtim = now.st_mtim;
	out->st_ctim = now.st_ctim;
}

static void on_event(evutil_socket_t fd, short what, void *arg);

/* ---- watches ---- */

static void close_descriptor(struct file_watch *w) {
	if (w->fd < 0)
		return;
	event_del(&w->event);
	close(w->fd); /* and all watches with it */
	w->fd = -1;
}

static int open_descriptor(struct file_watch *w) {
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->fd < 0)
		return -1;
	event_assign(&w->event, loop_base(w->loop), w->fd, EV_READ | EV_PERSIST, on_event, w);
	return event_add(&w->event, NULL);
}

static void watch_folder(struct file_watch *w, const char *path) {
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct str text = !slash ? STR(".") : slash == path ? STR("/") : str_slice(path, (size_t)(slash - path));
	str_copy(folder, sizeof(folder), text);
	if (inotify_add_watch(w->fd, folder, WATCHED_EVENTS) < 0) /* the same folder twice is one watch */
		log_warn("folder_not_watched", LOG_CSTR("folder", folder), LOG_CSTR("why", strerror(errno)),
		         LOG_CSTR("then", "changes of its files take a reload"));
}

/* The path with the link at its first `end` bytes replaced by what it says. False: it is too long. */
static bool follow(char path[PATH_MAX], size_t end, const char *target) {
	char next[PATH_MAX];
	size_t folder = target[0] == '/' ? 0 : end;
	while (folder > 0 && path[folder - 1] != '/')
		folder--;
	int n = snprintf(next, sizeof(next), "%.*s%s%s", (int)folder, path, target, path + end);
	if (n < 0 || (size_t)n >= sizeof(next))
		return false;
	memcpy(path, next, (size_t)n + 1);
	return true;
}

/* Watches wherever the path may come to mean another file: in the folders of the file and of each link on the way, and in the last one
 * that is there. */
static void watch_path(struct file_watch *w, const char *file) {
	char path[PATH_MAX], target[PATH_MAX];
	str_copy(path, sizeof(path), str_from(file));
	for (size_t end = 0, n_links = 0; path[end] != '\0' && n_links <= LINKS_MAX;) {
		end += 1 + strcspn(path + end + 1, "/");
		char behind = path[end];
		path[end] = '\0';
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		bool is_missing = n < 0 && errno != EINVAL;
		if (n >= 0 || is_missing || behind == '\0')
			watch_folder(w, path);
		path[end] = behind;
		if (is_missing)
			return;
		if (n < 0)
			continue;
		target[n] = '\0';
		if (!follow(path, end, target))
			return;
		n_links++;
		end = 0;
	}
}

static int watch_all(struct file_watch *w) {
	close_descriptor(w);
	if (open_descriptor(w) < 0) {
		log_warn("files_not_watched", LOG_CSTR("why", strerror(errno)),
		         LOG_CSTR("then", "changes of certificates take a reload"));
		close_descriptor(w);
		return -1;
	}
	for (size_t i = 0; i < w->set->n; i++)
		watch_path(w, w->set->files[i].path);
	return 0;
}

/* ---- changes ---- */

static void on_settled(struct deadline *d) {
	struct file_watch *w = CONTAINER_OF(d, struct file_watch, settle);
	bool is_changed = false;
	w->first_us = 0;
	if (w->set)
		(void)watch_all(w); /* before the look, so that nothing happens between the two */
	for (size_t i = 0; w->set && i < w->set->n; i++) {
		struct set_file *f = &w->set->files[i];
		struct stat now;
		look(f->path, &now);
		is_changed = is_changed || memcmp(&now, &f->is, sizeof(now)) != 0;
		f->is = now;
	}
	if (is_changed)
		w->on_change(w->arg);
}

static void on_event(evutil_socket_t fd, short what, void *arg) {
	(void)what;
	struct file_watch *w = arg;
	_Alignas(struct inotify_event) char events[4096];
	loop_enter(w->loop);
	while (read(fd, events, sizeof(events)) > 0) {
	}
	uint64_t now = clock_now_us(), latest = w->first_us + LATEST_US;
	if (w->first_us == 0) {
		w->first_us = now;
		latest = now + LATEST_US;
	}
	deadline_set(&w->settle, now + QUIET_US < latest ? now + QUIET_US : latest);
}

struct file_set *file_set_create(const struct str *paths, size_t n) {
	struct file_set *set = mem_zalloc(sizeof(*set) + n * sizeof(*set->files));
	for (set->n = 0; set->n < n; set->n++) {
		struct set_file *f = &set->files[set->n];
		f->path = mem_strdup(paths[set->n]);
		look(f->path, &f->is);
	}
	return set;
}

void file_set_destroy(struct file_set *set) {
	if (!set)
		return;
	for (size_t i = 0; i < set->n; i++)
		mem_free(set->files[i].path);
	mem_free(set);
}

static void drop(struct file_watch *w) {
	close_descriptor(w);
	file_set_destroy(w->set);
	w->set = NULL;
	deadline_clear(&w->settle);
	w->first_us = 0;
}

struct file_watch *file_watch_create(struct loop *l, void (*on_change)(void *arg), void *arg) {
	struct file_watch *w = mem_zalloc(sizeof(*w));
	w->loop = l;
	w->fd = -1;
	w->on_change = on_change;
	w->arg = arg;
	deadline_init(&w->settle, l, on_settled);
	return w;
}

void file_watch_set(struct file_watch *w, struct file_set *set) {
	drop(w);
	w->set = set;
	if (!set || set->n == 0)
		return;
	if (watch_all(w) < 0) {
		drop(w);
		return;
	}
	/* What happened between the first look and now, no event tells. */
	deadline_set(&w->settle, clock_now_us() + QUIET_US);
}

void file_watch_destroy(struct file_watch *w) {
	if (!w)
		return;
	drop(w);
	deadline_fini(&w->settle);
	mem_free(w);
}
