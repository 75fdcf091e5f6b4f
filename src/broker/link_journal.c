/* link_journal.c - `journal`: the persistent session. Everything that a handle sends waits in one
 * queue, so while a slice is on its way to the disk this connection neither writes (its PUBACKs
 * stand in the queue) nor reads (the next slice's would join them). Nothing else waits with it. */
#include "broker/link_impl.h"

#include <string.h>

#define TRY_MS    10000
#define STEADY_MS 10000
#define SESSION_EXPIRY_S                                                                           \
    (7 * 24 * 3600) /* an orphaned session must not fill the broker for ever                       \
                     */

static const char *const acks[] = {"infoscreen/+/commands/ack", "infoscreen/+/command/ack"};
static const char *const alarms[] = {"infoscreen/+/service_failed", "infoscreen/console/ack/+",
                                     "infoscreen/console/presence/+"};

bool journal_waits(const struct link *l)
{
    return l->journal.read > atomic_load(&l->durable);
}

static void tell_state(struct link *l, bool up, bool session_present, const struct words *why)
{
    struct link_record *r = inbox_begin(l, LINK_JOURNAL_STATE, 0);

    l->status.journal_up = up;
    if (up)
        l->status.session_present = session_present;
    if (!r)
        return;
    r->journal = true;
    r->complete = up;
    r->session_present = session_present;
    if (why)
        r->u.words = *why;
    inbox_end(l);
}

/* Its session was here before: what came for it in between is lost with it. */
static void note_session(struct link *l, bool session_present)
{
    if (l->journal.had_session)
        l->status.traits.has[TRAIT_SESSIONS] = session_present ? KNOWN_YES : KNOWN_NO;
    l->journal.had_session = true;
}

/* It ended without a word, `live` stood all the while, and the broker took it back: another program
 * had its place. */
static void note_contest(struct link *l)
{
    struct journal *j = &l->journal;
    struct words words;

    if (j->dropped_at && l->live.conn.up && l->live.conn.up_since <= j->dropped_at &&
        contest_lose(&j->contest, j->dropped_at))
        contest_words(l, l->live.conn.host->name, l->config.journal_id, &words);
    j->dropped_at = 0;
}

/* Re-subscribing is harmless with Retain Handling 2; a subscription is never lowered, since what is
 * published meanwhile would be lost. */
static void on_up(struct link *l, bool session_present)
{
    struct journal *j = &l->journal;
    const int rap = MQTT_NO_RETAINED | MQTT_RETAIN_AS_PUBLISHED;

    note_session(l, session_present);
    note_contest(l);
    j->mid[0] = mqtt_subscribe(j->conn.mqtt, acks, 2, 1, MQTT_NO_RETAINED);
    j->mid[1] = mqtt_subscribe(j->conn.mqtt, alarms, 3, 1, rap);
    tell_state(l, true, session_present, NULL);
}

static bool awaits_suback(const struct journal *j)
{
    return j->mid[0] > 0 || j->mid[1] > 0;
}

static void judge_end(struct link *l)
{
    struct journal *j = &l->journal;
    const enum mqtt_failure why = j->conn.why;

    if (l->mono - j->conn.up_since >= STEADY_MS)
        j->backoff.n = 0;
    if (why == MQTT_FAIL_DROPPED && awaits_suback(j) && conn_protocol(&j->conn) != 5)
        inbox_refused(l, REFUSED_BY_HANGING_UP, j->mid[0] > 0 ? acks[0] : alarms[0], 0);
    else if (why == MQTT_FAIL_DROPPED || why == MQTT_FAIL_TAKEN_OVER)
        j->dropped_at = l->mono;
}

static void on_down(struct link *l, bool was_up)
{
    struct journal *j = &l->journal;

    if (was_up)
        judge_end(l);
    backoff_fail(&j->backoff, l->mono);
    if (j->contest.reported)
        contest_back_off(&j->backoff, l->mono);
    if (was_up)
        tell_state(l, false, false, &j->conn.words);
}

/* Stored copies come here with MQTT 3.1.1 alone; `live` brings them. */
static void on_message(void *user, const struct mqtt_message *m)
{
    struct conn *c = user;
    const bool rap = conn_protocol(c) == 5 && topic_has_rap(m->topic);

    if (m->retained && !rap)
        return;
    inbox_message(c->link, m, true, rap);
    if (inbox_blocked(c->link))
        mqtt_pause(c->mqtt);
}

static void on_filter_refused(void *user, int mid, int index)
{
    struct conn *c = user;
    const struct journal *j = &c->link->journal;

    if (mid == j->mid[0] && index < 2)
        inbox_refused(c->link, REFUSED_SUBSCRIBE, acks[index], 0);
    else if (mid == j->mid[1] && index < 3)
        inbox_refused(c->link, REFUSED_SUBSCRIBE, alarms[index], 0);
}

static void on_subscribed(void *user, int mid, bool refused)
{
    struct conn *c = user;
    struct journal *j = &c->link->journal;
    (void)refused; /* each filter was told of */

    for (int i = 0; i < 2; i++)
        if (j->mid[i] == mid)
            j->mid[i] = 0;
}

static const struct conn_role role = {
    .up = on_up,
    .down = on_down,
    .handlers = {.message = on_message,
                 .subscribed = on_subscribed,
                 .filter_refused = on_filter_refused},
};

void journal_init(struct link *l)
{
    l->journal.conn = (struct conn){.link = l, .role = &role};
}

static void try_now(struct link *l)
{
    struct journal *j = &l->journal;
    const struct conn *live = &l->live.conn;
    struct mqtt_options o = {
        .client_id = l->config.journal_id,
        .clean = false,
        .session_expiry_s = SESSION_EXPIRY_S,
        .delay_puback = true,
    };

    j->backoff.next_try = 0;
    conn_try(&j->conn, live->host, live->address, &o, TRY_MS);
}

static void read_slice(struct link *l, short revents)
{
    struct journal *j = &l->journal;
    const uint64_t before = l->status.received;

    conn_turn(&j->conn, revents, true, true);
    if (l->status.received == before)
        return;
    if (l->emit.lost) { /* it comes again, since nothing of it was acknowledged */
        conn_fail(&j->conn, MQTT_FAIL_OTHER);
        return;
    }
    struct link_record *r = inbox_begin(l, LINK_JOURNAL_SLICE, 0);
    if (!r) {
        conn_fail(&j->conn, MQTT_FAIL_OTHER);
        return;
    }
    r->journal = true;
    r->token = ++j->read;
    inbox_end(l);
}

/* Its sessions live on the broker that `live` talks to. */
static bool stands_elsewhere(const struct link *l)
{
    const struct conn *mine = &l->journal.conn, *live = &l->live.conn;
    return live->up && mine->mqtt &&
           (mine->host != live->host || strcmp(mine->address, live->address) != 0);
}

void journal_turn(struct link *l, short revents)
{
    struct journal *j = &l->journal;

    if (stands_elsewhere(l)) {
        const bool was_up = j->conn.up;
        conn_close(&j->conn, !journal_waits(l));
        if (was_up)
            tell_state(l, false, false, NULL);
    }
    if (journal_waits(l))
        return;
    if (j->conn.mqtt)
        read_slice(l, revents);
    else if (j->wanted && l->live.conn.up && l->mono >= j->backoff.next_try)
        try_now(l);
}

int64_t journal_due(const struct link *l)
{
    const struct journal *j = &l->journal;

    if (journal_waits(l))
        return INT64_MAX;
    if (j->conn.mqtt)
        return conn_due(&j->conn);
    return j->wanted && l->live.conn.up ? j->backoff.next_try : INT64_MAX;
}

/* Closing forgets the PUBACKs that wait: the broker delivers those messages again to whoever
 * records next. */
void journal_record(struct link *l, bool on)
{
    struct journal *j = &l->journal;

    on = on && l->config.journal_id;
    if (on == j->wanted)
        return;
    j->wanted = on;
    j->backoff = (struct backoff){0};
    if (on)
        return;
    const bool was_up = j->conn.up;
    journal_fini(l, true);
    if (was_up)
        tell_state(l, false, false, NULL);
}

void journal_fini(struct link *l, bool politely)
{
    struct journal *j = &l->journal;

    conn_close(&j->conn, politely && !journal_waits(l));
    if (j->read > atomic_load(&l->durable)) /* nobody will say so any more */
        atomic_store(&l->durable, j->read);
}
