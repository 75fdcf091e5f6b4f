/* link_snapshot.c - what `live` subscribes to, and in which order. A broker with default limits
 * keeps 1,000 messages for a subscriber and drops the rest in silence, so retained messages come at
 * QoS 0, one kind after the other, what matters most first; and what is known to exist but didn't
 * come is asked for by name, a few hundred at a time.
 *
 * MQTT has no message that marks the end of the stored ones. Mosquitto answers strictly in order:
 * there an UNSUBSCRIBE, of something never subscribed, is sent behind each SUBSCRIBE, and its
 * answer is the mark. Elsewhere a step has settled when its SUBACK is there and nothing retained
 * came for a while, during which everything that had arrived was read. */
#include "broker/link_impl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS     40  /* where no mark is: most brokers send them right behind the SUBACK */
#define PATIENCE_OLD_MS 300 /* without MQTT 5 they may follow it: aedes reads them from its store  \
                             */
#define FINAL_MS        150 /* after the last exact topic, since absence is concluded from it */
#define PATIENCE_MAX_MS 2000
#define PATIENCE_SUBACK 3 /* times what the broker took to answer */
#define BATCH_TOPICS    500
#define BATCH_QUIET_MS  20 /* between batches; the last one gets the whole patience */
#define SUBACK_MS       10000
#define STEP_MS         30000

static const char *const kind[] = {"$SYS/broker/version"};
static const char *const beats[] = {"infoscreen/+/heartbeat", "infoscreen/+/health",
                                    "infoscreen/+/logs/#", "infoscreen/+/commands"};
static const char *const acks[] = {"infoscreen/+/commands/ack", "infoscreen/+/command/ack"};
static const char *const failures[] = {"infoscreen/+/service_failed"};
static const char *const groups[] = {"infoscreen/+/group_id"};
static const char *const consoles[] = {"infoscreen/console/ack/+", "infoscreen/console/presence/+"};
static const char *const shown[] = {"infoscreen/groups/+/power/intent", "infoscreen/events/+"};
static const char *const figures[] = {
    "$SYS/broker/uptime",
    "$SYS/broker/clients/connected",
    "$SYS/broker/clients/total",
    "$SYS/broker/load/messages/received/1min",
    "$SYS/broker/load/messages/sent/1min",
    "$SYS/broker/messages/stored",
    "$SYS/broker/retained messages/count",
    "$SYS/broker/publish/messages/dropped",
    "$SYS/broker/heap/current",
};

struct step {
    const char *const *filters;
    int n, qos, options;
    bool settles; /* brings retained messages that the next step waits for */
};
#define FILTERS(list) .filters = (list), .n = (int)(sizeof(list) / sizeof *(list))

/* With MQTT 5 the live topics come first: Retain Handling keeps stored copies of them, which mean
 * nothing, from crowding out the rest. */
static const struct step steps_new[] = {
    {FILTERS(kind)},
    {FILTERS(beats), .qos = 0, .options = MQTT_NO_RETAINED},
    {FILTERS(acks), .qos = 1, .options = MQTT_NO_RETAINED},
    {FILTERS(failures), .options = MQTT_RETAIN_AS_PUBLISHED, .settles = true},
    {FILTERS(groups), .settles = true},
    {FILTERS(consoles), .options = MQTT_RETAIN_AS_PUBLISHED, .settles = true},
    {FILTERS(shown), .settles = true},
    {FILTERS(figures), .settles = true},
};
/* MQTT 3.1.1 can't hold them back: they come when the snapshot is in. */
static const struct step steps_old[] = {
    {FILTERS(failures), .settles = true},
    {FILTERS(groups), .settles = true},
    {FILTERS(consoles), .settles = true},
    {FILTERS(shown), .settles = true},
    {FILTERS(beats), .qos = 0},
    {FILTERS(acks), .qos = 1},
    {FILTERS(kind)},
    {FILTERS(figures), .settles = true},
};
#define STEPS SNAPSHOT_STEPS
static_assert(sizeof steps_new / sizeof *steps_new == STEPS, "a mid for each step");
static_assert(sizeof steps_new == sizeof steps_old, "the same steps in another order");

bool topic_has_rap(const char *topic)
{
    static const char console[] = "infoscreen/console/", failed[] = "/service_failed";
    const size_t n = strlen(topic), tail = sizeof failed - 1;

    return strncmp(topic, console, sizeof console - 1) == 0 ||
           (n > tail && strcmp(topic + n - tail, failed) == 0);
}

static struct mqtt *mqtt_of(struct link *l)
{
    return l->live.conn.mqtt;
}

static const struct step *step_of(const struct link *l, int i)
{
    return conn_protocol(&l->live.conn) == 5 ? &steps_new[i] : &steps_old[i];
}

/* Nobody ever subscribes to it. */
static void place_marker(struct link *l)
{
    static const char *const nothing[] = {"infoscreen/console/canary/none"};
    const int mid = mqtt_unsubscribe(mqtt_of(l), nothing, 1);

    l->snapshot.marker = mid < 0 ? 0 : mid;
}

static void ask(struct link *l, const char *const *filters, int n, int qos, int options)
{
    struct snapshot *s = &l->snapshot;

    s->mid = mqtt_subscribe(mqtt_of(l), filters, n, qos, options);
    s->asked_at = s->quiet_since = l->mono;
    s->acked = s->mid < 0; /* the connection is ending: there is nothing to wait for */
    if (s->ordered)
        place_marker(l);
}

/* ---- the end ---- */

static void tell(struct link *l, bool complete)
{
    struct link_record *r = inbox_begin(l, LINK_SNAPSHOT, 0);

    if (!r)
        return;
    r->complete = complete;
    inbox_end(l);
}

/* ---- wildcards ---- */

static bool is_figure(const char *filter)
{
    return strncmp(filter, "$SYS/", 5) == 0;
}

/* The broker hangs up on these. Without $SYS a console is whole; without the others it isn't. */
static void skip(struct link *l, const struct step *step)
{
    l->snapshot.complete = l->snapshot.complete && is_figure(step->filters[0]);
    for (int i = 0; i < step->n; i++)
        inbox_refused(l, REFUSED_BY_HANGING_UP, step->filters[i], 0);
}

static void next_step(struct link *l)
{
    struct snapshot *s = &l->snapshot;

    for (; s->step < STEPS; s->step++) {
        const struct step *step = step_of(l, s->step);
        if (hangup_has_condemned_step(l, s->step)) {
            skip(l, step);
            continue;
        }
        ask(l, step->filters, step->n, step->qos, step->options);
        s->mids[s->step] = s->mid;
        if (step->settles || l->live.hangups.careful)
            return;
    }
    s->mid = 0;
    tell(l, s->complete);
}

void snapshot_begin(struct link *l)
{
    l->snapshot.step = 0;
    l->snapshot.complete = true;
    l->snapshot.patience_ms = conn_protocol(&l->live.conn) == 5 ? PATIENCE_MS : PATIENCE_OLD_MS;
    next_step(l);
}

/* ---- exact fetches ---- */

static int compare_topics(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    const int rap = topic_has_rap(y) - topic_has_rap(x);

    return rap ? rap : strcmp(x, y);
}

static void fetch_free(struct fetch *f)
{
    if (!f)
        return;
    free(f->topics);
    free(f->bytes);
    free(f);
}

static struct fetch *fetch_new(char *bytes, size_t len)
{
    struct fetch *f = calloc(1, sizeof *f);
    int n = 0;

    for (size_t i = 0; i < len; i++)
        n += bytes[i] == '\0';
    if (f)
        f->topics = malloc(((size_t)n + 1) * sizeof *f->topics);
    if (!f || !f->topics) {
        fetch_free(f);
        return NULL;
    }
    f->bytes = bytes;
    f->complete = true;
    for (char *at = bytes; f->n < n; at += strlen(at) + 1)
        f->topics[f->n++] = at;
    if (n > 1)
        qsort(f->topics, (size_t)n, sizeof *f->topics, compare_topics);
    return f;
}

void snapshot_fetch(struct link *l, char *bytes, size_t len)
{
    struct snapshot *s = &l->snapshot;
    struct fetch *f = l->live.conn.up ? fetch_new(bytes, len) : NULL;

    if (!f) { /* while it is down nobody waits: LINK_ENDED was told */
        free(bytes);
        if (l->live.conn.up)
            tell(l, false);
        return;
    }
    if (s->last)
        s->last->next = f;
    else
        s->first = f;
    s->last = f;
    if (!s->current)
        s->current = f;
}

static void drop_before(struct link *l)
{
    struct snapshot *s = &l->snapshot;
    struct batch *b = &s->before;

    if (b->n > 0) {
        const int mid = mqtt_unsubscribe(mqtt_of(l), (const char *const *)b->topics, b->n);
        s->marker = s->ordered && mid > 0 ? mid : 0;
    }
    b->n = 0;
}

/* As many as share their options and fit. */
static int batch_size(const struct fetch *f)
{
    const bool rap = topic_has_rap(f->topics[f->sent]);
    int n = 1;

    while (n < BATCH_TOPICS && f->sent + n < f->n && topic_has_rap(f->topics[f->sent + n]) == rap)
        n++;
    return n;
}

/* False when all batches of all fetches were sent. */
static bool send_batch(struct link *l)
{
    struct snapshot *s = &l->snapshot;

    drop_before(l);
    s->before = s->batch;
    s->batch.n = 0;
    while (s->current && s->current->sent == s->current->n)
        s->current = s->current->next;
    if (!s->current)
        return false;
    struct fetch *f = s->current;
    s->batch = (struct batch){.topics = f->topics + f->sent, .n = batch_size(f), .of = f};
    f->sent += s->batch.n;
    const bool rap = topic_has_rap(s->batch.topics[0]);
    ask(l, (const char *const *)s->batch.topics, s->batch.n, 0, rap ? MQTT_RETAIN_AS_PUBLISHED : 0);
    return true;
}

static void finish_fetches(struct link *l)
{
    struct snapshot *s = &l->snapshot;

    drop_before(l);
    while (s->first) {
        struct fetch *f = s->first;
        s->first = f->next;
        tell(l, f->complete);
        fetch_free(f);
    }
    s->last = s->current = NULL;
    s->closing = false;
    s->mid = 0;
}

void snapshot_forget(struct link *l)
{
    while (l->snapshot.first) {
        struct fetch *f = l->snapshot.first;
        l->snapshot.first = f->next;
        fetch_free(f);
    }
    l->snapshot = (struct snapshot){0};
}

static bool batch_has(const struct batch *b, const char *topic)
{
    return b->n > 0 && bsearch(&topic, b->topics, (size_t)b->n, sizeof *b->topics, compare_topics);
}

/* ---- what comes in ---- */

/* Tried with 2.0.11 at 10,000 and 30,000 messages. The first step that settles has been asked
 * already. */
static void learn_kind(struct link *l, const struct mqtt_message *m)
{
    static const char mosquitto[] = "mosquitto version ";
    struct snapshot *s = &l->snapshot;

    if (s->ordered || strcmp(m->topic, kind[0]) != 0 || m->len < sizeof mosquitto ||
        memcmp(m->payload, mosquitto, sizeof mosquitto - 1) != 0)
        return;
    s->ordered = true;
    if (s->mid)
        place_marker(l);
}

/* True if it had come before; from now on it has. */
static bool mark_come(struct snapshot *s, const char *topic)
{
    const uint64_t hash = hangup_key(topic, strlen(topic)) % (sizeof s->come * 8);
    const unsigned char bit = (unsigned char)(1u << hash % 8);
    const bool before = s->come[hash / 8] & bit;

    s->come[hash / 8] |= bit;
    return before;
}

/* Those that are fetched by name. What a device publishes there after the wildcard was subscribed
 * comes live, and again, stored, by its name. */
static bool is_kept(const char *topic)
{
    static const char failed[] = "/service_failed", group[] = "/group_id";
    const size_t n = strlen(topic);

    return (n > sizeof failed && strcmp(topic + n + 1 - sizeof failed, failed) == 0) ||
           (n > sizeof group && strcmp(topic + n + 1 - sizeof group, group) == 0);
}

void snapshot_message(struct link *l, const struct mqtt_message *m)
{
    struct snapshot *s = &l->snapshot;
    const bool before = is_kept(m->topic) && mark_come(s, m->topic);

    if (!m->retained)
        return;
    s->quiet_since = l->mono;
    learn_kind(l, m);
    if (before || (!batch_has(&s->batch, m->topic) && !batch_has(&s->before, m->topic)))
        return;
    /* It exists, and its wildcard didn't bring it. */
    if (l->status.traits.has[TRAIT_RETAINED_WILDCARD] == KNOWN_NO)
        return;
    l->status.snapshot_cut = true;
    l->status.traits.has[TRAIT_QUEUES] = KNOWN_NO;
}

void snapshot_suback(struct link *l, int mid)
{
    struct snapshot *s = &l->snapshot;

    if (mid != s->mid || s->acked)
        return;
    const int64_t took = (l->mono - s->asked_at) * PATIENCE_SUBACK;
    if (took > s->patience_ms)
        s->patience_ms = took < PATIENCE_MAX_MS ? took : PATIENCE_MAX_MS;
    s->acked = true;
    s->quiet_since = l->mono;
}

void snapshot_unsuback(struct link *l, int mid)
{
    if (mid == l->snapshot.marker)
        l->snapshot.marker = 0;
}

static const char *filter_of(const struct link *l, int mid, int index)
{
    for (int i = 0; i < STEPS; i++)
        if (l->snapshot.mids[i] == mid && index < step_of(l, i)->n)
            return step_of(l, i)->filters[index];
    return NULL;
}

static const char *batch_refused(struct link *l, int mid, int index)
{
    const struct batch *b = &l->snapshot.batch;

    if (mid != l->snapshot.mid || index >= b->n)
        return NULL;
    b->of->complete = false;
    return b->topics[index];
}

void snapshot_refused(struct link *l, int mid, int index)
{
    const char *filter = batch_refused(l, mid, index);

    if (!filter) {
        filter = filter_of(l, mid, index);
        if (!filter)
            return;
        l->snapshot.complete = l->snapshot.complete && is_figure(filter);
    }
    inbox_refused(l, REFUSED_SUBSCRIBE, filter, 0);
}

/* ---- time ---- */

static bool is_waiting(const struct snapshot *s)
{
    return s->mid != 0;
}

bool snapshot_awaits_suback(const struct link *l)
{
    return is_waiting(&l->snapshot) && !l->snapshot.acked;
}

bool snapshot_is_in(const struct link *l)
{
    return l->live.conn.up && l->snapshot.step >= STEPS && !is_waiting(&l->snapshot);
}

static int64_t quiet_needed(const struct snapshot *s)
{
    const bool exact = s->step >= STEPS;

    if (exact && !s->closing)
        return BATCH_QUIET_MS;
    return exact && s->patience_ms < FINAL_MS ? FINAL_MS : s->patience_ms;
}

static bool has_settled(const struct link *l)
{
    const struct snapshot *s = &l->snapshot;

    if (s->ordered)
        return s->acked && !s->marker;
    return s->acked && l->mono - s->quiet_since >= quiet_needed(s);
}

static void go_on(struct link *l)
{
    struct snapshot *s = &l->snapshot;

    if (s->step < STEPS) {
        s->step++;
        next_step(l);
    } else if (s->closing && !s->current) {
        finish_fetches(l);
    } else {
        s->closing = !send_batch(l);
        s->quiet_since = l->mono;
        if (s->closing && s->ordered)
            drop_before(
                l); /* all of it has come; done when no exact filter stands beside a wildcard */
    }
}

void snapshot_turn(struct link *l)
{
    struct snapshot *s = &l->snapshot;

    if (!l->live.conn.up)
        return;
    if (!is_waiting(s)) {
        if (s->current && !send_batch(l))
            finish_fetches(l);
        return;
    }
    mqtt_hurry(mqtt_of(l));
    if (!s->acked && l->mono - s->asked_at >= SUBACK_MS) {
        conn_fail(&l->live.conn, MQTT_FAIL_TIMEOUT);
        return;
    }
    /* Unread bytes may hold more of it. */
    if (inbox_blocked(l) || l->live.conn.full || mqtt_has_pending(mqtt_of(l)))
        s->quiet_since = l->mono;
    const bool endless = l->mono - s->asked_at >= STEP_MS && !inbox_blocked(l);
    if (endless)
        s->complete = false;
    if (endless || has_settled(l))
        go_on(l);
}

int64_t snapshot_due(const struct link *l)
{
    const struct snapshot *s = &l->snapshot;

    if (!l->live.conn.up || inbox_blocked(l))
        return INT64_MAX;
    if (!is_waiting(s))
        return s->current ? l->mono : INT64_MAX;
    if (!s->acked)
        return s->asked_at + SUBACK_MS;
    return has_settled(l) ? l->mono
           : s->ordered   ? s->asked_at + STEP_MS
                          : s->quiet_since + quiet_needed(s);
}
