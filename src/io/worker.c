/* SPDX-License-Identifier: BSD-2-Clause */
/* Worker threads: a loop each, known by an index, registered as readers of RCU snapshots. */
#include "io/private.h"

#include "steerway/base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <urcu/urcu-memb.h>

struct worker {
	pthread_t thread;
	struct loop *loop;
	unsigned index;
	bool runs;
};

struct workers {
	unsigned n;
	struct worker each[];
};

static void *worker_run(void *arg) {
	struct worker *w = arg;
	char name[16];
	snprintf(name, sizeof(name), "worker-%u", w->index);
	pthread_setname_np(pthread_self(), name);
	urcu_memb_register_thread();
	loop_run(w->loop);
	stream_thread_fini();
	tls_thread_fini();
	udp_thread_fini();
	urcu_memb_unregister_thread();
	return NULL;
}

struct workers *workers_create(unsigned n, struct err *e) {
	struct workers *w = mem_zalloc(sizeof(*w) + n * sizeof(w->each[0]));
	w->n = n;
	/* Signals belong to the control thread. */
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned i = 0; i < n; i++) {
		w->each[i].index = i;
		w->each[i].loop = loop_create(e);
		if (!w->each[i].loop)
			goto fail;
		errno = pthread_create(&w->each[i].thread, NULL, worker_run, &w->each[i]);
		if (errno != 0) {
			err_errno(e, "cannot start worker %u of %u", i + 1, n);
			goto fail;
		}
		w->each[i].runs = true;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return w;
fail:
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	workers_destroy(w);
	return NULL;
}

void workers_destroy(struct workers *w) {
	if (!w)
		return;
	for (unsigned i = 0; i < w->n; i++)
		if (w->each[i].runs)
			loop_stop(w->each[i].loop);
	for (unsigned i = 0; i < w->n; i++)
		if (w->each[i].runs)
			pthread_join(w->each[i].thread, NULL);
	for (unsigned i = 0; i < w->n; i++)
		loop_destroy(w->each[i].loop);
	mem_free(w);
}

unsigned workers_count(const struct workers *w) {
	return w->n;
}

struct loop *workers_loop(const struct workers *w, unsigned i) {
	return w->each[i].loop;
}

/* One workers_call under way. */
struct call {
	void (*fn)(void *arg, unsigned worker, struct loop *l);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned left;
};

struct call_task {
	struct loop_task task;
	struct call *call;
	struct worker *worker;
};

static void call_run(struct loop_task *task) {
	struct call_task *t = (struct call_task *)task;
	struct call *c = t->call;
	c->fn(c->arg, t->worker->index, t->worker->loop);
	pthread_mutex_lock(&c->lock);
	if (--c->left == 0)
		pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock); /* the caller may return, and c end, from here on */
}

void workers_call(struct workers *w, void (*fn)(void *arg, unsigned worker, struct loop *l), void *arg) {
	struct call c = { .fn = fn, .arg = arg, .left = w->n };
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.changed, NULL);
	struct call_task *tasks = mem_zalloc_array(w->n, sizeof(*tasks));
	for (unsigned i = 0; i < w->n; i++) {
		tasks[i] = (struct call_task){ .task = { .run = call_run }, .call = &c, .worker = &w->each[i] };
		loop_post(w->each[i].loop, &tasks[i].task);
	}
	pthread_mutex_lock(&c.lock);
	while (c.left > 0)
		pthread_cond_wait(&c.changed, &c.lock);
	pthread_mutex_unlock(&c.lock);
	pthread_cond_destroy(&c.changed);
	pthread_mutex_destroy(&c.lock);
	mem_free(tasks);
}
