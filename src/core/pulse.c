/* pulse.c - how long may a fleet be quiet before that is proof? Each client's intervals are
 * learned, mean and spread; a hush is weighed by what they make of it together. docs/outage.md
 * derives it. */
#include <math.h>

#include "core/core_internal.h"

#define TICK_MS  500
#define KNOWN_MS 10000.0f
#define PAIR_MS  50  /* a heartbeat and the health report beside it */
#define ODD_MAX  16  /* so many far too short intervals are its new habit */
#define MIN_LOOK 500 /* shorter hushes are nothing */
#define LOOK_MS  (5 * SECOND_MS)
#define FLOOR_MS (3 * SECOND_MS) /* a network or a busy computer may halt everybody for so long */
#define BACK_MS  (10 * SECOND_MS)

/* One false alarm by chance in ten years, for a fleet and for all of its groups together. */
#define YEARS   10.0
#define YEAR_MS (365.25 * 24 * 3600 * 1000)

#define FLEET_MIN 3 /* fewer are no fleet: their silence is each one's own */

void pulse_init(struct pulse *p, enum timer_kind kind)
{
    *p = (struct pulse){
        .timer.kind = kind, .heard_at = TIME_NONE, .resumed = INT64_MIN, .look = MIN_LOOK};
}

/* ---- one client: mean and variance of its intervals, as running averages ---- */

/* The first reports may be a burst: a rhythm is one after ten seconds or eight intervals. */
static bool is_known(const struct rhythm *r)
{
    return r->learned >= RHYTHM_SURE || r->mean_ms * (float)r->learned >= KNOWN_MS;
}

/* Until then a client is taken for one that speaks about three times within the time-out. */
static double mean_of(const struct core *c, const struct device *d)
{
    return is_known(&d->rhythm) ? (double)d->rhythm.mean_ms
                                : (double)c->config.fleet.heartbeat_timeout / 3;
}

/* Never narrower than an eighth of the mean: the most regular client may lose a message. And what
 * was seen but once or twice is not known that well. */
static double spread_of(const struct device *d, double mean)
{
    const bool known = is_known(&d->rhythm);
    const double least = mean / (known ? d->rhythm.learned : 2);
    const double spread = known ? sqrt((double)d->rhythm.variance) : 0;

    return spread > least ? spread : least;
}

/* Duplicates, bursts, the two kinds of report at once: the pause between them is no interval. */
static bool is_odd(struct rhythm *r, float ms)
{
    if (ms > PAIR_MS && (!r->learned || ms >= r->mean_ms / 4)) {
        r->odd = 0;
        return false;
    }
    if (ms > PAIR_MS && ++r->odd >= ODD_MAX)
        *r = (struct rhythm){0};
    return true;
}

static void learn(struct rhythm *r, float ms)
{
    if (is_odd(r, ms))
        return;
    if (r->learned < RHYTHM_SURE)
        r->learned++;
    else if (ms > 4 * r->mean_ms)
        ms = 4 * r->mean_ms; /* it was away: a hint, no more */
    const float off = ms - r->mean_ms, gain = 1.0f / (float)r->learned;
    r->mean_ms += gain * off;
    if (r->learned > 1)
        r->variance += gain * (off * off - r->variance);
}

/* ---- many: what a hush proves ---- */

struct survey {
    uint32_t online, timed_out;
    uint32_t units;  /* that can be cut off by themselves: groups and clients in none, or members */
    double rate;     /* reports a millisecond */
    double evidence; /* -ln of the probability that all are well and yet so quiet */
    double most;     /* of it that one unit may give */
};

static double tail(double late, double spread)
{
    return late > 0 ? log1p(late / spread * (late / spread)) : 0;
}

int64_t pulse_hush_from(const struct core *c, const struct pulse *p)
{
    int64_t from = p->heard > p->from ? p->heard : p->from;

    return from > c->pulse.from ? from : c->pulse.from;
}

/* It fell silent with the last outage and has the time to come back that any silence has. */
static bool is_returning(const struct core *c, const struct pulse *p, const struct device *d)
{
    const int64_t timeout = c->config.fleet.heartbeat_timeout;

    return p->resumed != INT64_MIN && d->heard_air < p->resumed &&
           d->heard_air >= p->began - timeout && air_now(c, c->now.mono_ms) <= p->resumed + timeout;
}

/* One that was silent before the hush began has reasons of its own. */
bool pulse_includes(const struct core *c, const struct pulse *p, const struct device *d)
{
    if (!fleet_was_heard(d) || (d->row.silent && d->heard_mono == INT64_MIN))
        return false;
    return d->heard_air >= pulse_hush_from(c, p) - c->config.fleet.heartbeat_timeout ||
           is_returning(c, &c->pulse, d) || is_returning(c, p, d);
}

static bool counts(const struct core *c, const struct pulse *p, const struct device *d)
{
    return pulse_includes(c, p, d) && quiet_reason(c, d) == QUIET_NONE;
}

static void count_in(const struct core *c, const struct device *d, struct survey *s, bool by_group)
{
    s->online++;
    s->timed_out += d->row.silent;
    s->rate += 1 / mean_of(c, d);
    if (!by_group || !d->group) {
        s->units++;
    } else if (d->group->surveyed != c->step) {
        d->group->surveyed = c->step;
        d->group->evidence = 0;
        s->units++;
    }
}

/* How much less likely its silence is now than it was when the hush began. */
static double evidence_of(const struct core *c, const struct pulse *p, const struct device *d)
{
    const double mean = mean_of(c, d), spread = spread_of(d, mean);
    const double age = (double)(air_now(c, c->now.mono_ms) - d->heard_air);
    const double before = (double)(pulse_hush_from(c, p) - d->heard_air);

    return tail(age - mean, spread) - tail(before - mean, spread);
}

static double least_of(double a, double b)
{
    return a < b ? a : b;
}

static void weigh(const struct core *c, const struct pulse *p, const struct device *d,
                  struct survey *s, bool by_group)
{
    double *unit = by_group && d->group ? &d->group->evidence : NULL;
    const double before = unit ? *unit : 0, own = evidence_of(c, p, d);

    s->evidence += least_of(before + own, s->most) - least_of(before, s->most);
    if (unit)
        *unit += own;
}

static const struct device *next_of(const struct core *c, const struct group *g,
                                    const struct device *last)
{
    if (g)
        return group_member(c, g, last);
    const uint32_t i = last ? device_number(last) : 0;
    return i < c->counts.clients ? fleet_device(c, i) : NULL;
}

static void survey_counts(const struct core *c, struct pulse *p, const struct group *g,
                          struct survey *s)
{
    for (const struct device *d = NULL; (d = next_of(c, g, d));)
        if (counts(c, p, d))
            count_in(c, d, s, !g);
    p->online = s->online;
    p->mean_ms = s->online ? (float)(s->online / s->rate) : 0;
}

/* What chance alone would do once in YEARS: each report begins a hush. All groups share the years.
 */
static double enough(const struct core *c, const struct survey *s, const struct group *g)
{
    const double hushes = s->rate * YEARS * YEAR_MS * (g ? c->groups.count : 1);

    return hushes > 1 ? log(hushes) : 0;
}

/* A part may be cut off by itself: no proof about all comes from less than most of them. */
#define MOST 0.6

static bool is_proof(const struct core *c, const struct pulse *p, const struct group *g,
                     struct survey *s)
{
    const double needed = enough(c, s, g);

    s->most = needed / (MOST * s->units);
    for (const struct device *d = NULL; (d = next_of(c, g, d));)
        if (counts(c, p, d))
            weigh(c, p, d, s, !g);
    return s->evidence >= needed;
}

/* What halts everybody at once is no chance, and passes: as it lately did, at least, and the memory
 * of it halves by the hour. Fast fleets are not made to wait for long. */
static int64_t least_hush(const struct core *c, const struct pulse *p)
{
    const int64_t hours = (air_now(c, c->now.mono_ms) - p->stall_since) / HOUR_MS;
    const int64_t stall = hours < 32 ? p->stall >> hours : 0;
    const int64_t least = FLOOR_MS + 2 * stall, most = (int64_t)(5 * p->mean_ms);

    return least < most ? least : most;
}

/* A group is quiet while the others are not, or it is not about the group. */
static bool is_alone(const struct core *c, const struct pulse *p, int64_t hush)
{
    return c->pulse.heard > pulse_hush_from(c, p) + hush / 2;
}

static void judge(struct core *c, struct group *g)
{
    struct pulse *p = outage_pulse(c, g);
    const int64_t hush = air_now(c, c->now.mono_ms) - pulse_hush_from(c, p);
    const uint32_t least = g ? (uint32_t)c->config.fleet.group_outage_min : FLEET_MIN;

    p->proven = false;
    if (hush < p->look)
        return;
    struct survey s = {0};
    survey_counts(c, p, g, &s);
    p->look = hush + (hush / 4 > MIN_LOOK ? hush / 4 : MIN_LOOK);
    if (s.online < least || (g && !is_alone(c, p, hush)))
        return;
    const int64_t floor = least_hush(c, p);
    p->proven = is_proof(c, p, g, &s);
    if ((p->proven && hush >= floor) || s.timed_out == s.online)
        outage_begin(c, g);
    else if (p->proven)
        p->look = floor;
}

/* ---- looking now and then ---- */

/* Every half second, so that it is known when this process itself did not run (core.c). */
void pulse_due(struct core *c, struct timer *t)
{
    heap_set(&c->air, t, air_now(c, c->now.mono_ms) + TICK_MS);
    judge(c, NULL);
}

/* A timer that is set stays where it is: a report costs no work in the heap. */
static int64_t next_look(const struct core *c, const struct pulse *p)
{
    const int64_t half = (int64_t)(p->mean_ms / 2);
    const int64_t first = half < LOOK_MS ? half : LOOK_MS; /* the mean may be old */
    const int64_t look = p->look > first ? p->look : first;
    const int64_t now = air_now(c, c->now.mono_ms);
    const int64_t wait = pulse_hush_from(c, p) + look - now;

    return now + (wait < MIN_LOOK ? MIN_LOOK : wait > LOOK_MS ? LOOK_MS : wait);
}

/* A hush of the fleet was the fleet's: the group's begins after it. */
static void follow_fleet(const struct core *c, struct pulse *p)
{
    if (p->restarted >= c->pulse.restarted)
        return;
    p->restarted = c->pulse.restarted;
    p->look = MIN_LOOK;
}

void pulse_group_due(struct core *c, struct timer *t)
{
    struct group *g = CONTAINER(t, struct group, pulse.timer);

    follow_fleet(c, &g->pulse);
    if (!g->pulse.out && !c->pulse.out)
        judge(c, g);
    heap_set(&c->air, t, next_look(c, &g->pulse));
}

/* Worth a look at once, but one look serves all whose time runs out in this step. */
static void consider(struct core *c, struct group *g)
{
    struct pulse *p = outage_pulse(c, g);
    const int64_t now = air_now(c, c->now.mono_ms);
    const int64_t hush = now - pulse_hush_from(c, p);

    if (p->out || hush < FLOOR_MS)
        return;
    if (p->look > hush && p->considered != now) {
        p->considered = now;
        p->look = 0;
        judge(c, g);
    }
    if (!p->out)
        p->look = hush; /* and again, once it counts as silent */
}

void pulse_consider(struct core *c, const struct device *d)
{
    consider(c, NULL);
    if (d->group && !c->pulse.out)
        consider(c, d->group);
}

/* ---- heard ---- */

static void revive(struct core *c, struct group *g)
{
    struct pulse *p = outage_pulse(c, g);
    const int64_t now = air_now(c, c->now.mono_ms);

    if (p->proven && !p->out && now >= pulse_hush_from(c, p)) {
        p->stall = now - pulse_hush_from(c, p);
        p->stall_since = now;
    }
    p->proven = false;
    p->heard = now;
    p->heard_at = c->now.wall_ms;
    p->look = MIN_LOOK;
    if (!p->timer.place)
        heap_set(&c->air, &p->timer, now + TICK_MS);
    if (p->out)
        outage_end(c, g);
}

/* An interval in which nobody could be heard, or it was known to be away, is none. */
static bool is_interval(const struct core *c, const struct device *d)
{
    return d->heard_mono != INT64_MIN && !d->row.silent && d->heard_air >= c->pulse.restarted &&
           (!d->group || d->heard_air >= d->group->pulse.restarted);
}

void pulse_heard(struct core *c, struct device *d)
{
    if (is_interval(c, d))
        learn(&d->rhythm, (float)(air_now(c, c->now.mono_ms) - d->heard_air));
    revive(c, NULL);
    if (d->group)
        revive(c, d->group);
}

/* Who was away for long may need as long again to come back, but no more than a few reports. */
void pulse_restart(struct core *c, struct pulse *p, const struct group *g, int64_t away)
{
    const int64_t now = air_now(c, c->now.mono_ms);

    p->from = p->restarted = now;
    p->look = MIN_LOOK;
    p->proven = false;
    if (away <= 0)
        return;
    struct survey s = {0};
    survey_counts(c, p, g, &s);
    const double mean =
        p->mean_ms > 0 ? (double)p->mean_ms : (double)c->config.fleet.heartbeat_timeout / 3;
    const int64_t back = away + BACK_MS, most = (int64_t)(5 * mean);
    p->from += back < most ? back : most;
}
