/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/serve/refresh.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "attest/fetch/cache.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/thread.h"

#define SEC UINT64_C(1000000)
#define DAY_SEC 86400
#define IN_USE_SEC (7 * DAY_SEC)
#define FORGET_SEC (30 * DAY_SEC)	/* a sort of machine that nobody asks for */
#define PERIOD_MIN_USEC (SEC / 10)	/* services are not flooded by a typing error */
#define RETRY_USEC (60 * SEC)		/* after a failure, and doubled up to the period */
#define NOTE_SEC 3600			/* how exactly the file MACHINES has times */
#define MACHINES_MAX 128
#define DEVICES_QUEUE 16
#define ABSENT_MAX 64
#define ABSENT_USEC (600 * SEC)		/* a device that was not found is left alone */

/* Requests for devices that nobody vouches for: AMD allows one in ten seconds. */
#define DEVICE_USEC (10 * SEC)
#define DEVICE_BURST 8

#define MACHINES "machines"
#define MACHINES_FILE_MAX 65536

struct machine {
	struct refresh_state s;
	uint64_t due_usec;		/* when to fetch next; 0: never */
	uint64_t not_before_usec;
	unsigned failures;		/* one after another */
	unsigned n_persons;		/* who wait for a device to be fetched */
	bool wanted;			/* because evidence lacked it, or a person asked */
	int64_t noted_asked, noted_used;	/* what the file says */
	char logged[512];		/* the trouble that was logged last */
};

struct device {
	struct needs needs;
	bool by_person;
};

/* What the thread does at a time. */
struct work {
	struct refresh_work w;
	char machine[NEEDS_MACHINE_LEN];
	bool by_person;
};

struct refresher {
	struct refresh_setup setup;
	atomic_bool stop;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct machine machines[MACHINES_MAX];
	unsigned n;
	struct device devices[DEVICES_QUEUE];
	unsigned n_devices;
	struct {
		char name[NEED_NAME_LEN];
		uint64_t until_usec;
	} absent[ABSENT_MAX];
	unsigned next_absent;
	unsigned tokens;
	uint64_t token_usec, hold_usec;	/* the last token; no device before */
	int device_error;		/* the last one that was logged */
	bool look, is_noting;		/* dates are to be looked at; the file is to be written */
};

static int64_t now_sec(void)
{
	return (int64_t)time(NULL);
}

/* From half to one and a half of @usec, so that brokers do not come all at once. */
static uint64_t about(uint64_t usec)
{
	uint32_t n;

	if (getrandom(&n, sizeof(n), GRND_NONBLOCK) != sizeof(n))
		return usec;
	return usec / 2 + (uint64_t)((double)usec * ((double)n / UINT32_MAX));
}

/* ---- machines ---- */

static struct machine *find_machine(struct refresher *r, const char *name)
{
	for (unsigned i = 0; i < r->n; i++)
		if (streq(r->machines[i].s.machine, name))
			return &r->machines[i];
	return NULL;
}

static bool is_in_use(const struct machine *m, int64_t now)
{
	return m->s.used > 0 && now - m->s.used < IN_USE_SEC;
}

/* The one that was asked for longest ago, of those that are not in use. */
static struct machine *find_room(struct refresher *r)
{
	struct machine *oldest = NULL;

	if (r->n < MACHINES_MAX)
		return &r->machines[r->n++];
	for (unsigned i = 0; i < r->n; i++) {
		struct machine *m = &r->machines[i];

		if (!is_in_use(m, now_sec()) && m->n_persons == 0 &&
		    (!oldest || m->s.asked < oldest->s.asked))
			oldest = m;
	}
	return oldest;
}

/* The machine of that name, new if need be; NULL without room. */
static struct machine *get_machine(struct refresher *r, const char *name)
{
	struct machine *m = find_machine(r, name);

	if (m || name[0] == '\0')
		return m;
	m = find_room(r);
	if (!m)
		return NULL;
	*m = (struct machine){ .due_usec = 0 };
	(void) snprintf(m->s.machine, sizeof(m->s.machine), "%s", name);
	if (r->setup.from.cache)
		m->due_usec = now_usec() + about(r->setup.period_usec);
	r->look = true;
	return m;
}

static void touch(struct refresher *r, struct machine *m, bool used)
{
	int64_t now = now_sec();

	r->look = r->look || (used && !is_in_use(m, now));
	m->s.asked = now;
	if (used)
		m->s.used = now;
	r->is_noting = r->is_noting || m->s.asked - m->noted_asked >= NOTE_SEC ||
		       m->s.used - m->noted_used >= NOTE_SEC;
}

static void want(struct refresher *r, struct machine *m)
{
	if (!r->setup.from.cache)
		return;
	m->wanted = true;
	m->due_usec = MIN(m->due_usec, MAX(now_usec(), m->not_before_usec));
	(void) pthread_cond_signal(&r->wake);
}

/* ---- devices ---- */

static const struct need *device_of(const struct needs *n)
{
	for (unsigned i = 0; i < n->n; i++)
		if (need_is_device(&n->list[i]))
			return &n->list[i];
	return NULL;
}

static bool is_absent(const struct refresher *r, const char *name)
{
	for (unsigned i = 0; i < ABSENT_MAX; i++)
		if (r->absent[i].until_usec > now_usec() && streq(r->absent[i].name, name))
			return true;
	return false;
}

static void note_absent(struct refresher *r, const char *name, int error)
{
	uint64_t usec = error == -ENOENT ? ABSENT_USEC : RETRY_USEC;

	(void) snprintf(r->absent[r->next_absent].name, NEED_NAME_LEN, "%s", name);
	r->absent[r->next_absent].until_usec = now_usec() + MIN(usec, r->setup.period_usec);
	r->next_absent = (r->next_absent + 1) % ABSENT_MAX;
}

static struct device *find_device(struct refresher *r, const char *name)
{
	for (unsigned i = 0; i < r->n_devices; i++)
		if (streq(device_of(&r->devices[i].needs)->name, name))
			return &r->devices[i];
	return NULL;
}

static void remove_device(struct refresher *r, struct device *d)
{
	size_t i = (size_t)(d - r->devices);

	r->n_devices--;
	memmove(d, d + 1, (r->n_devices - i) * sizeof(*d));
}

static struct device *first_of(struct refresher *r, bool by_person)
{
	for (unsigned i = 0; i < r->n_devices; i++)
		if (r->devices[i].by_person == by_person)
			return &r->devices[i];
	return NULL;
}

/* Returns 0, or -EBUSY when the queue is full; a person pushes a guest's out. */
static int queue_device(struct refresher *r, struct machine *m, const struct needs *n,
			bool by_person)
{
	const char *name = device_of(n)->name;
	struct device *d = find_device(r, name);

	if (d && (d->by_person || !by_person))
		return 0;
	if (!by_person && is_absent(r, name))
		return 0;
	if (!d && r->n_devices == DEVICES_QUEUE)
		d = by_person ? first_of(r, /* by_person= */ false) : NULL;
	if (!d && r->n_devices == DEVICES_QUEUE)
		return -EBUSY;
	if (d)
		remove_device(r, d);
	r->devices[r->n_devices++] = (struct device){ *n, by_person };
	m->n_persons += by_person;
	(void) pthread_cond_signal(&r->wake);
	return 0;
}

static bool take_token(struct refresher *r, uint64_t now)
{
	uint64_t n = (now - r->token_usec) / DEVICE_USEC;

	if (n > 0) {
		r->tokens = (unsigned)MIN(r->tokens + n, (uint64_t)DEVICE_BURST);
		r->token_usec += n * DEVICE_USEC;
	}
	if (now < r->hold_usec || r->tokens == 0)
		return false;
	r->tokens--;
	return true;
}

/* ---- what others ask ---- */

static void hear(struct refresher *r, enum judge_news news, const struct needs *n)
{
	char name[NEEDS_MACHINE_LEN];
	struct machine *m;

	needs_machine(n, name);
	m = get_machine(r, name);
	if (!m)
		return;
	touch(r, m, news == JUDGE_USED);
	if (news == JUDGE_USED || !r->setup.from.cache)
		return;
	if (news == JUDGE_LACKS_KEY && device_of(n))
		(void) queue_device(r, m, n, /* by_person= */ false);
	else
		want(r, m);
}

static void heard(void *userdata, enum judge_news news, const struct needs *n)
{
	struct refresher *r = userdata;

	(void) pthread_mutex_lock(&r->lock);
	hear(r, news, n);
	if (r->look)
		(void) pthread_cond_signal(&r->wake);
	(void) pthread_mutex_unlock(&r->lock);
}

static int warm(struct refresher *r, const struct needs *n)
{
	char name[NEEDS_MACHINE_LEN];
	struct machine *m;
	int e = 0;

	needs_machine(n, name);
	if (name[0] == '\0')
		return -EINVAL;
	m = get_machine(r, name);
	if (!m)
		return -EBUSY;
	touch(r, m, /* used= */ true);
	m->not_before_usec = 0;
	if (device_of(n))
		e = queue_device(r, m, n, /* by_person= */ true);
	else
		want(r, m);
	return e;
}

int refresher_warm(struct refresher *r, const struct needs *n)
{
	int e;

	if (!r || !r->setup.from.cache)
		return -EOPNOTSUPP;
	(void) pthread_mutex_lock(&r->lock);
	e = warm(r, n);
	(void) pthread_mutex_unlock(&r->lock);
	return e;
}

void refresher_look(struct refresher *r)
{
	if (!r)
		return;
	(void) pthread_mutex_lock(&r->lock);
	r->look = true;
	(void) pthread_cond_signal(&r->wake);
	(void) pthread_mutex_unlock(&r->lock);
}

/* The earliest end of what is in use; 0 if nothing is. */
static int64_t first_end(const struct refresher *r, int64_t now)
{
	int64_t until = INT64_MAX;

	for (unsigned i = 0; i < r->n; i++)
		if (is_in_use(&r->machines[i], now) && r->machines[i].s.until)
			until = MIN(until, r->machines[i].s.until);
	return until == INT64_MAX ? 0 : until;
}

bool refresher_is_good(struct refresher *r, int64_t now)
{
	int64_t until;

	if (!r)
		return true;
	(void) pthread_mutex_lock(&r->lock);
	until = first_end(r, now);
	(void) pthread_mutex_unlock(&r->lock);
	return until == 0 || until > now;
}

int refresher_walk(struct refresher *r,
		   int (*each)(void *userdata, const struct refresh_state *s), void *userdata)
{
	int e = 0;

	(void) pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; e == 0 && i < r->n; i++) {
		struct machine *m = &r->machines[i];

		m->s.pending = m->wanted || m->n_persons > 0;
		e = each(userdata, &m->s);
	}
	(void) pthread_mutex_unlock(&r->lock);
	return e;
}

/* ---- the file of machines ---- */

/* "NAME ASKED USED": times are seconds since 1970. */
static void read_line(struct refresher *r, char *line)
{
	char *asked = strchr(line, ' '), *used = asked ? strchr(asked + 1, ' ') : NULL;
	uint64_t at_asked, at_used;
	struct needs n;
	struct machine *m;

	if (!used)
		return;
	*asked++ = *used++ = '\0';
	if (needs_of_machine(line, &n) < 0 || parse_u64(asked, &at_asked) < 0 ||
	    parse_u64(used, &at_used) < 0)
		return;
	m = get_machine(r, line);
	if (!m)
		return;
	/* A time that is yet to come would keep it for ever. */
	m->noted_asked = m->s.asked = MIN((int64_t)MIN(at_asked, (uint64_t)INT64_MAX), now_sec());
	m->noted_used = m->s.used = MIN((int64_t)MIN(at_used, (uint64_t)INT64_MAX), now_sec());
	/* All of it soon, but not at once. */
	m->due_usec = now_usec() + about(MIN(r->setup.period_usec, RETRY_USEC));
}

/* What cannot be read is learned again. */
static void read_machines(struct refresher *r)
{
	_cleanup_(freep) char *text = NULL;
	char why[CACHE_WHY_LEN];
	char *rest, *line;
	int e;

	e = cache_read_file(r->setup.from.cache, MACHINES, MACHINES_FILE_MAX, &text, NULL, why);
	if (e < 0 && e != -ENOENT)
		log_warning("Which collateral is in use is not known, going on: %s", why);
	rest = text;
	while (e == 0 && (line = strsep(&rest, "\n")))
		read_line(r, line);
}

static int format_machines(struct refresher *r, char **ret, size_t *ret_len)
{
	FILE *f = open_memstream(ret, ret_len);
	bool failed;

	if (!f)
		return -ENOMEM;
	for (unsigned i = 0; i < r->n; i++) {
		struct machine *m = &r->machines[i];

		m->noted_asked = m->s.asked;
		m->noted_used = m->s.used;
		(void) fprintf(f, "%s %lld %lld\n", m->s.machine, (long long)m->s.asked,
			       (long long)m->s.used);
	}
	failed = ferror(f);
	return fclose(f) != 0 || failed || !*ret ? -ENOMEM : 0;
}

/* With the lock, which is given up while it is written. */
static void write_machines(struct refresher *r)
{
	_cleanup_(freep) char *text = NULL;
	char why[CACHE_WHY_LEN] = "out of memory";
	size_t len = 0;
	int e;

	r->is_noting = false;
	e = format_machines(r, &text, &len);
	(void) pthread_mutex_unlock(&r->lock);
	if (e == 0)
		e = cache_put(r->setup.from.cache, MACHINES,
			      (struct bytes){ (uint8_t *)text, len }, why);
	if (e < 0)
		log_warning("Which collateral is in use is not noted, going on: %s", why);
	(void) pthread_mutex_lock(&r->lock);
}

/* ---- the thread ---- */

/* With the lock, which is given up while files are read. */
static void look_at_dates(struct refresher *r)
{
	r->look = false;
	for (unsigned i = 0; i < r->n; i++) {
		char name[NEEDS_MACHINE_LEN];
		struct machine *m;
		struct needs n;
		int64_t until;

		memcpy(name, r->machines[i].s.machine, sizeof(name));
		(void) pthread_mutex_unlock(&r->lock);
		until = needs_of_machine(name, &n) == 0 ?
				judge_collateral_until(r->setup.judge, &n) :
				0;
		(void) pthread_mutex_lock(&r->lock);
		m = find_machine(r, name);
		if (m)
			m->s.until = until;
	}
}

static void forget_old(struct refresher *r)
{
	for (unsigned i = 0; i < r->n;) {
		if (now_sec() - r->machines[i].s.asked < FORGET_SEC ||
		    r->machines[i].n_persons > 0) {
			i++;
			continue;
		}
		r->machines[i] = r->machines[--r->n];
		r->is_noting = true;
	}
}

static bool take_device(struct refresher *r, uint64_t now, struct work *ret)
{
	struct device *d = first_of(r, /* by_person= */ true);

	if (!d && r->n_devices > 0 && take_token(r, now))
		d = &r->devices[0];
	if (!d)
		return false;
	*ret = (struct work){ .w = { .needs = d->needs, .is_device = true },
			      .by_person = d->by_person };
	needs_machine(&d->needs, ret->machine);
	remove_device(r, d);
	return true;
}

static bool take_machine(struct refresher *r, uint64_t now, struct work *ret)
{
	struct machine *first = NULL;

	for (unsigned i = 0; i < r->n; i++) {
		struct machine *m = &r->machines[i];

		if (m->due_usec && m->due_usec <= now &&
		    (!first || m->due_usec < first->due_usec))
			first = m;
	}
	if (!first)
		return false;
	*ret = (struct work){ .w.all = !first->wanted };
	memcpy(ret->machine, first->s.machine, sizeof(ret->machine));
	if (needs_of_machine(ret->machine, &ret->w.needs) == 0)
		return true;
	first->due_usec = 0;
	return false;
}

/* How long the thread may sleep. */
static uint64_t next_wake(const struct refresher *r, uint64_t now)
{
	uint64_t at = now + 60 * SEC;

	if (r->n_devices > 0)
		at = MIN(at, MAX(r->token_usec + DEVICE_USEC, r->hold_usec));
	for (unsigned i = 0; i < r->n; i++)
		if (r->machines[i].due_usec)
			at = MIN(at, r->machines[i].due_usec);
	return at;
}

/* Twice while it is good, and at least once in each period. */
static uint64_t delay_good(const struct refresher *r, const struct machine *m)
{
	uint64_t period = r->setup.period_usec, left;

	if (m->s.until == 0)
		return period;
	left = m->s.until > now_sec() ? (uint64_t)(m->s.until - now_sec()) * SEC : 0;
	return MIN(period, MAX(left / 2, MIN(period, RETRY_USEC)));
}

static uint64_t delay_bad(const struct refresher *r, const struct machine *m)
{
	return MIN(RETRY_USEC << MIN(m->failures - 1, 10u), r->setup.period_usec);
}

/* A cause may have the time in it. */
static bool is_same_cause(const char *a, const char *b)
{
	static const char digits[] = "0123456789";

	for (;;) {
		size_t n;

		a += strspn(a, digits);
		b += strspn(b, digits);
		n = strcspn(a, digits);
		if (n != strcspn(b, digits) || memcmp(a, b, n) != 0)
			return false;
		if (n == 0)
			return true;
		a += n;
		b += n;
	}
}

static void tell(struct machine *m, const struct work *w)
{
	if (w->w.result == 0 && m->logged[0])
		log_info("Collateral of %s: all of it is there again", m->s.machine);
	else if (w->w.result < 0 && !is_same_cause(m->logged, w->w.trouble))
		log_warning("Collateral of %s is not fetched, going on with what is there: %s",
			    m->s.machine, w->w.trouble);
	(void) snprintf(m->logged, sizeof(m->logged), "%s", w->w.trouble);
}

static void note_machine(struct refresher *r, struct machine *m, const struct work *w)
{
	uint64_t now = now_usec(), delay;

	m->wanted = false;
	m->failures = w->w.result < 0 ? m->failures + 1 : 0;
	delay = about(w->w.result < 0 ? delay_bad(r, m) : delay_good(r, m));
	m->due_usec = now + delay;
	m->not_before_usec = now + MIN(delay, RETRY_USEC);
}

/* A guest that makes up devices must not fill the log: each error is said once. */
static void note_device(struct refresher *r, struct machine *m, const struct work *w)
{
	if (w->by_person && m->n_persons > 0)
		m->n_persons--;
	if (w->w.result < 0)
		note_absent(r, device_of(&w->w.needs)->name, w->w.result);
	if (w->by_person)
		memcpy(m->s.trouble, w->w.trouble, sizeof(m->s.trouble));
	if (w->w.result < 0 && w->w.result != -ENOENT && w->w.result != r->device_error)
		log_warning("Certificates of devices of %s are not fetched: %s", m->s.machine,
			    w->w.trouble);
	else if (w->w.result < 0)
		log_debug("Nothing is fetched for a device of %s: %s", m->s.machine, w->w.trouble);
	if (w->w.result != -ENOENT)
		r->device_error = w->w.result;
}

static void note_result(struct refresher *r, const struct work *w)
{
	struct machine *m = find_machine(r, w->machine);

	if (w->w.busy)
		r->hold_usec = now_usec() + about(2 * DEVICE_USEC);
	if (!m)
		return;
	if (w->w.result == 0)
		m->s.fetched = now_sec();
	if (w->w.is_device) {
		note_device(r, m, w);
		return;
	}
	memcpy(m->s.trouble, w->w.trouble, sizeof(m->s.trouble));
	tell(m, w);
	note_machine(r, m, w);
}

static void sleep_until(struct refresher *r, uint64_t at_usec)
{
	const struct timespec t = { .tv_sec = (time_t)(at_usec / SEC),
				    .tv_nsec = (long)(at_usec % SEC) * 1000 };

	(void) pthread_cond_timedwait(&r->wake, &r->lock, &t);
}

/* Without the lock. */
static void do_work(struct refresher *r, struct refresh_work *w)
{
	struct cause why = { "" };

	refresh_work(&r->setup.from, judge_trust(r->setup.judge), &r->stop, w);
	if (w->changed && judge_reload(r->setup.judge, &why) < 0)
		refresh_work_fail(w, -EIO, "what was fetched is not read, going on with the old",
				  why.text);
}

static void turn(struct refresher *r, struct work *w)
{
	uint64_t now = now_usec();

	if (r->look)
		look_at_dates(r);
	metrics_set(r->setup.metrics, GAUGE_COLLATERAL_EXPIRES, first_end(r, now_sec()));
	forget_old(r);
	if (r->setup.from.cache && r->is_noting)
		write_machines(r);
	if (!r->setup.from.cache || !(take_device(r, now, w) || take_machine(r, now, w))) {
		if (!r->look && !atomic_load(&r->stop))
			sleep_until(r, next_wake(r, now));
		return;
	}
	(void) pthread_mutex_unlock(&r->lock);
	do_work(r, &w->w);
	(void) pthread_mutex_lock(&r->lock);
	if (w->w.changed)
		look_at_dates(r);
	if (!atomic_load(&r->stop))
		note_result(r, w);
}

static void *run(void *userdata)
{
	struct refresher *r = userdata;
	struct work *w = calloc(1, sizeof(*w));

	(void) pthread_mutex_lock(&r->lock);
	while (w && !atomic_load(&r->stop))
		turn(r, w);
	(void) pthread_mutex_unlock(&r->lock);
	free(w);
	return NULL;
}

int refresher_new(const struct refresh_setup *setup, struct refresher **ret, struct cause *why)
{
	struct refresher *r = calloc(1, sizeof(*r));
	pthread_condattr_t by_monotonic;

	if (!r)
		return cause_set_oom(why);
	r->setup = *setup;
	r->setup.period_usec = MAX(setup->period_usec, PERIOD_MIN_USEC);
	r->tokens = DEVICE_BURST;
	r->token_usec = now_usec();
	r->look = true;
	(void) pthread_mutex_init(&r->lock, NULL);
	(void) pthread_condattr_init(&by_monotonic);
	(void) pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&r->wake, &by_monotonic);
	(void) pthread_condattr_destroy(&by_monotonic);
	if (setup->from.cache)
		read_machines(r);
	if (thread_start(&r->thread, run, r) < 0) {
		(void) pthread_cond_destroy(&r->wake);
		(void) pthread_mutex_destroy(&r->lock);
		free(r);
		return cause_set(why, -EIO, "there can be no thread that fetches collateral");
	}
	judge_listen(setup->judge, heard, r);
	*ret = r;
	return 0;
}

struct refresher *refresher_free(struct refresher *r)
{
	if (!r)
		return NULL;
	judge_listen(r->setup.judge, NULL, NULL);
	atomic_store(&r->stop, true);
	(void) pthread_mutex_lock(&r->lock);
	(void) pthread_cond_signal(&r->wake);
	(void) pthread_mutex_unlock(&r->lock);
	(void) pthread_join(r->thread, NULL);
	if (r->setup.from.cache && r->is_noting) {
		(void) pthread_mutex_lock(&r->lock);
		write_machines(r);
		(void) pthread_mutex_unlock(&r->lock);
	}
	(void) pthread_cond_destroy(&r->wake);
	(void) pthread_mutex_destroy(&r->lock);
	free(r);
	return NULL;
}
