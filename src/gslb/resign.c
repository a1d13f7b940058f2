/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zones signed anew while they serve: before their signatures end, when a key's time comes, or when an operator changed keys. A
 * thread of its own makes the zones anew of what is in memory (zones_renew()), so that nothing hangs on files that an operator may be
 * editing; the control thread then switches as a reload does. Until then the old ones serve, and their signatures hold: `refresh`
 * says for how long.
 *
 * A zone of whose keys none is active any more is signed on by those that last were, so that neither it nor another runs out of
 * signatures; that is logged each time. Any other failure changes nothing, is logged, and tried again after RETRY_S. What is under
 * way when a reload or the end comes is given up.
 */
#include "gslb/dnssec.h"
#include "gslb/private.h"

#include "steerway/base/clock.h"
#include "steerway/base/log.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>

#define RETRY_S 300
#define LOOK_S 3600 /* at the wall clock, which may be set, at least as often */
#define NICE 10     /* what is urgent here is measured in days */

/* What the thread works on: it reads the zones in force, of which nothing that it reads changes, and makes others. */
struct resign_job {
	const struct cfg_root *cfg;
	struct zones *old, *new;
	const struct zone *reads_keys;
	_Atomic bool is_cancelled, is_finished;
	struct err err;
};
struct resign {
	struct gslb *gslb;
	struct loop *loop; /* NULL: nothing happens by itself */
	struct deadline timer;
	int done_fd; /* an eventfd: a thread has finished; it may be one that was given up */
	struct event done;
	pthread_t thread;
	struct resign_job *job; /* the one that runs */
};

static int64_t now_s(void) {
	return (int64_t)(clock_wall_fresh_us() / USEC_PER_SEC);
}

static struct resign_job *job_create(struct resign *s, const struct zone *reads_keys) {
	struct resign_job *j = mem_zalloc(sizeof(*j));
	j->cfg = s->gslb->cfg;
	j->old = zones_now(s->gslb);
	j->reads_keys = reads_keys;
	return j;
}

static void job_run(struct resign_job *j) {
	struct renewal how = { .reads_keys = j->reads_keys, .is_cancelled = &j->is_cancelled };
	j->new = zones_renew(j->cfg, j->old, &how, &j->err);
}

static void job_destroy(struct resign_job *j) {
	zones_destroy(j->new);
	mem_free(j);
}

/* ---- the switch ---- */

static void log_signed(const struct zone *z) {
	int64_t end = signer_first_end(z->signer);
	char until[LOG_TIME_BYTES];
	log_format_time(until, (uint64_t)end * USEC_PER_SEC);
	log_info("zone_signed", LOG_STR("zone", z->text), LOG_U64("keys", signer_keys(z->signer)->n),
	         LOG_U64("proofs", z->denial->n), LOG_STR("valid_until", str_slice(until, sizeof(until))));
	if (signer_fault(z->signer)) /* loud: without signatures every validator would take the zone for forged */
		log_error("zone_keys_kept", LOG_STR("zone", z->text), LOG_CSTR("why", signer_fault(z->signer)),
		          LOG_CSTR("then", "those that signed it last sign on"));
}

static void job_switch(struct resign *s, struct resign_job *j) {
	struct gslb *g = s->gslb;
	steer_inherit(j->new, j->old);
	for (const struct zone *z = j->new->first; z; z = z->next)
		if (z->is_signed)
			log_signed(z);
	steer_refresh(j->new, g->fleet, g->render);
	acme_publish(&g->acme, j->new);
	atomic_store_explicit(&g->zones, j->new, memory_order_release);
	gslb_count_kept(g, j->new);
	j->new = NULL;
	urcu_memb_synchronize_rcu();
	zones_destroy(j->old);
}

/* ---- when ---- */

static void timer_set(struct resign *s, int64_t at) {
	int64_t left = at - now_s();
	left = left < 0 ? 0 : left > LOOK_S ? LOOK_S : left;
	if (s->loop)
		deadline_set(&s->timer, clock_now_us() + (uint64_t)left * USEC_PER_SEC);
}

static int64_t first_due(const struct zones *zs) {
	int64_t first = INT64_MAX;
	for (const struct zone *z = zs ? zs->first : NULL; z; z = z->next) {
		int64_t at = z->is_signed ? zone_sign_at(z) : INT64_MAX;
		first = at < first ? at : first;
	}
	return first;
}

static void job_end(struct resign *s) {
	struct resign_job *j = s->job;
	s->job = NULL;
	if (j->new) {
		job_switch(s, j);
		timer_set(s, first_due(zones_now(s->gslb)));
	} else {
		log_error("zone_sign_failed", LOG_CSTR("error", j->err.text), LOG_U64("retry_s", RETRY_S));
		timer_set(s, now_s() + RETRY_S);
	}
	job_destroy(j);
	maps_catch_up(s->gslb);
}

static void on_done(evutil_socket_t fd, short what, void *arg) {
	struct resign *s = arg;
	eventfd_t n;
	(void)what;
	clock_update(); /* libevent brought us here, not a descriptor of the loop's */
	eventfd_read(fd, &n);
	if (!s->job || !atomic_load_explicit(&s->job->is_finished, memory_order_acquire))
		return;
	pthread_join(s->thread, NULL);
	job_end(s);
}

static void *thread_run(void *arg) {
	struct resign *s = arg;
	int fd = s->done_fd;
	setpriority(PRIO_PROCESS, (id_t)gettid(), NICE);
	job_run(s->job);
	atomic_store_explicit(&s->job->is_finished, true, memory_order_release);
	eventfd_write(fd, 1);
	return NULL;
}

static int start(struct resign *s, const struct zone *reads_keys, struct err *e) {
	s->job = job_create(s, reads_keys);
	if (pthread_create(&s->thread, NULL, thread_run, s) == 0)
		return 0;
	job_destroy(s->job);
	s->job = NULL;
	return err_set(e, "no thread could be started to sign");
}

static void on_timer(struct deadline *d) {
	struct resign *s = CONTAINER_OF(d, struct resign, timer);
	int64_t due = first_due(zones_now(s->gslb));
	struct err e;
	if (s->job)
		return; /* its end sets the timer anew */
	if (due > now_s()) {
		timer_set(s, due);
		return;
	}
	if (start(s, NULL, &e) < 0) {
		log_error("zone_sign_failed", LOG_CSTR("error", e.text), LOG_U64("retry_s", RETRY_S));
		timer_set(s, now_s() + RETRY_S);
	}
}

/* ---- for the others ---- */

struct resign *resign_create(struct gslb *g, struct loop *control, struct err *e) {
	struct resign *s = mem_zalloc(sizeof(*s));
	s->gslb = g;
	s->loop = control;
	s->done_fd = -1;
	if (!control)
		return s;
	deadline_init(&s->timer, control, on_timer);
	s->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->done_fd < 0) {
		err_errno(e, "eventfd");
		mem_free(s);
		return NULL;
	}
	event_assign(&s->done, loop_base(control), s->done_fd, EV_READ | EV_PERSIST, on_done, s);
	event_add(&s->done, NULL);
	return s;
}

bool resign_is_busy(const struct resign *s) {
	return s->job != NULL;
}

void resign_cancel(struct resign *s) {
	if (!s->job)
		return;
	atomic_store_explicit(&s->job->is_cancelled, true, memory_order_relaxed);
	pthread_join(s->thread, NULL);
	job_destroy(s->job);
	s->job = NULL;
}

void resign_schedule(struct resign *s) {
	timer_set(s, first_due(zones_now(s->gslb)));
	maps_catch_up(s->gslb);
}

int resign_zone(struct resign *s, const struct zone *z, struct err *e) {
	resign_cancel(s);
	if (!s->loop)
		return resign_now(s, z, e);
	int result = start(s, z, e);
	if (result < 0)
		resign_schedule(s); /* what was cancelled is due as before */
	return result;
}

int resign_due(struct resign *s, struct err *e) {
	return first_due(zones_now(s->gslb)) > now_s() ? 0 : resign_now(s, NULL, e);
}

int resign_now(struct resign *s, const struct zone *reads_keys, struct err *e) {
	struct resign_job *j = job_create(s, reads_keys);
	job_run(j);
	int result = j->new ? 0 : -1;
	if (result < 0)
		*e = j->err;
	else
		job_switch(s, j);
	job_destroy(j);
	return result;
}

void resign_destroy(struct resign *s) {
	if (!s)
		return;
	resign_cancel(s);
	if (s->loop) {
		deadline_fini(&s->timer);
		event_del(&s->done);
		close(s->done_fd);
	}
	mem_free(s);
}
