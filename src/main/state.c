/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state file: what the operator said (drain, maint...) outlives a restart. Read before anyone serves; written anew, by a thread of
 * its own since fsync may take long, after each publish in which it changed.
 * A file that can't be written is logged and tried again at the next change. The text is fleet's.
 */
#include "main/daemon.h"

#include "steerway/base/file.h"
#include "steerway/base/log.h"
#include "steerway/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_BYTES_MAX (16u << 20)

struct state {
	struct fleet *fleet;
	struct fleet_subscriber subscriber;
	bool is_loaded;
	char *path;       /* NULL: none is kept */
	struct buf known; /* what was last handed to the writer */
	pthread_t writer;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	char *todo_path; /* NULL: nothing to do */
	struct buf todo;
	bool is_ending;
};

struct state_plan {
	struct state *state;
	char *path;
	struct buf text; /* of the file, the first time */
};

/* ---- the writer ---- */

static void write_state(const char *path, struct str text) {
	struct err e;
	if (file_replace(path, text, 0640, &e) < 0)
		log_error("state_write_failed", LOG_CSTR("path", path), LOG_CSTR("error", e.text),
		          LOG_CSTR("remedy", "the folder must belong to the daemon's user"));
}

static void *writer_run(void *arg) {
	struct state *s = arg;
	pthread_setname_np(pthread_self(), "state");
	pthread_mutex_lock(&s->lock);
	for (;;) {
		while (s->todo_path == NULL && !s->is_ending)
			pthread_cond_wait(&s->changed, &s->lock);
		if (s->todo_path == NULL)
			break;
		char *path = s->todo_path;
		struct buf text = s->todo;
		s->todo_path = NULL;
		s->todo = (struct buf){ 0 };
		pthread_mutex_unlock(&s->lock);
		write_state(path, buf_str(&text));
		mem_free(path);
		buf_fini(&text);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* Hands `known` over; what was not written yet is outdated by it. */
static void writer_ask(struct state *s) {
	pthread_mutex_lock(&s->lock);
	mem_free(s->todo_path);
	s->todo_path = mem_strdup(str_from(s->path));
	s->todo.n = 0;
	buf_add(&s->todo, buf_str(&s->known));
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void on_publish(struct fleet_subscriber *subscriber) {
	struct state *s = CONTAINER_OF(subscriber, struct state, subscriber);
	struct buf now = { 0 };
	if (!s->is_loaded || s->path == NULL)
		return;
	fleet_state_write(s->fleet, &now);
	if (str_eq(buf_str(&now), buf_str(&s->known))) {
		buf_fini(&now);
		return;
	}
	buf_fini(&s->known);
	s->known = now;
	writer_ask(s);
}

/* ---- life ---- */

struct state *state_create(struct fleet *f, struct err *e) {
	struct state *s = mem_zalloc(sizeof(*s));
	s->fleet = f;
	s->subscriber.on_publish = on_publish;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	errno = pthread_create(&s->writer, NULL, writer_run, s);
	if (errno != 0) {
		err_errno(e, "the thread that writes the state file can't be started");
		mem_free(s);
		return NULL;
	}
	fleet_subscribe(f, &s->subscriber);
	return s;
}

void state_destroy(struct state *s) {
	if (s == NULL)
		return;
	list_remove(&s->subscriber.link);
	pthread_mutex_lock(&s->lock);
	s->is_ending = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->writer, NULL);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	buf_fini(&s->known);
	buf_fini(&s->todo);
	mem_free(s->path);
	mem_free(s);
}

/* ---- its part of a configuration ---- */

static int file_read(const char *path, struct buf *out, struct err *e) {
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_errno(e, "admin.state_file: %s", path);
	ssize_t n = 1;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > STATE_BYTES_MAX) {
		close(fd);
		return err_set(e, "admin.state_file: %s is not a file that steerway wrote; name another", path);
	}
	while (n > 0 && out->n <= STATE_BYTES_MAX) {
		n = read(fd, buf_reserve(out, 4096), 4096);
		out->n += n > 0 ? (size_t)n : 0;
	}
	int result = n < 0 ? err_errno(e, "admin.state_file: %s", path) : 0;
	close(fd);
	return result;
}

struct state_plan *state_prepare(struct state *s, const struct cfg_root *cfg, struct err *e) {
	struct state_plan *p = mem_zalloc(sizeof(*p));
	p->state = s;
	if (cfg->admin.state_file.n > 0)
		p->path = mem_strdup(cfg->admin.state_file);
	if (!s->is_loaded && p->path != NULL && file_read(p->path, &p->text, e) < 0) {
		state_discard(p);
		return NULL;
	}
	return p;
}

void state_commit(struct state_plan *p) {
	struct state *s = p->state;
	bool is_same = s->path && p->path && strcmp(s->path, p->path) == 0;
	mem_free(s->path);
	s->path = p->path;
	p->path = NULL;
	if (!s->is_loaded) {
		fleet_state_read(s->fleet, buf_str(&p->text));
		s->is_loaded = true;
		fleet_state_write(s->fleet, &s->known);
	} else if (s->path != NULL && !is_same) {
		s->known.n = 0;
		fleet_state_write(s->fleet, &s->known);
		writer_ask(s);
	}
	state_discard(p);
}

void state_discard(struct state_plan *p) {
	buf_fini(&p->text);
	mem_free(p->path);
	mem_free(p);
}
