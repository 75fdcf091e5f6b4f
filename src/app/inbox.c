/* inbox.c - what the link and the store report, turned into events for the core. */
#include "app/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"

#define INBOX_BUDGET_MS 5    /* a key press is never kept waiting longer by messages */
#define RECORDS_PER_CLOCK 64 /* records between two looks at the clock */

static struct core_event event_at(enum core_event_kind kind, const struct link_record *r)
{
    return (struct core_event){.kind = kind, .now = {r->mono_ms, r->wall_ms}};
}

static void on_message(struct session *s, const struct link_record *r)
{
    static struct msg msg; /* 4 KiB: not on the stack of every turn; the main thread alone gets here */
    const struct wire_message in = {
        .topic = link_record_topic(r),
        .payload = link_record_payload(r),
        .len = r->payload_len,
        .oversize = r->oversize,
        .retained = r->retained,
        .rap = r->rap,
        .snapshot = r->retained && !r->journal && (!r->rap || !core_snapshot_settled(s->core)),
    };
    core_expect(s->core, in.topic);
    const enum reject reject = codec_decode(s->codec, &in, &msg);
    struct core_event ev = event_at(reject ? IN_REJECT : IN_MESSAGE, r);

    ev.journal = r->journal;
    if (reject) {
        ev.u.reject.reason = reject;
        ev.u.reject.bytes = r->payload_len;
        TEXT_SET(&ev.u.reject.topic, in.topic, strlen(in.topic));
        const size_t shown = r->payload_len < 256 ? r->payload_len : 256;
        TEXT_SET(&ev.u.reject.detail, in.payload, shown);
    } else {
        ev.u.msg = &msg;
    }
    session_feed(s, &ev);
}

static void on_connected(struct session *s, const struct link_record *r)
{
    struct core_event ev = event_at(IN_LINK_UP, r);

    session_forget_fetch(s);
    s->snapshot_complete = true;
    s->snapshot_done = false;
    s->refusal = (struct text160){{0}};
    ev.u.down.why = r->u.words;
    session_feed(s, &ev);
    session_publish_presence(s);
}

static void on_ended(struct session *s, const struct link_record *r)
{
    struct core_event ev = event_at(IN_LINK_DOWN, r);

    session_forget_fetch(s);
    session_drop_held_publishes(s);
    s->snapshot_done = false;
    ev.u.down.why = r->u.words;
    WORDS_RENDER(&r->u.words, i18n_translate, &s->refusal);
    session_feed(s, &ev);
}

/* The core is told once all fetches that it asked for have ended, since it concludes from absence. */
static void on_snapshot(struct session *s, const struct link_record *r)
{
    if (s->fetches_open > 0)
        s->fetches_open--;
    s->snapshot_complete = s->snapshot_complete && r->complete;
    if (s->fetches_open > 0 || s->fetch_sent < s->fetch_count)
        return;
    struct core_event ev = event_at(IN_SNAPSHOT_DONE, r);
    ev.u.snapshot.complete = s->snapshot_complete;
    s->snapshot_done = true;
    session_forget_fetch(s);
    session_feed(s, &ev);
}

static_assert((int)LINK_READ_ONLY == PUBLISH_READ_ONLY && (int)LINK_UNSENDABLE == PUBLISH_UNSENDABLE &&
                  (int)LINK_HANGS_UP == PUBLISH_HANGS_UP,
              "the link and the core mean the same");

static void on_published(struct session *s, const struct link_record *r)
{
    struct core_event ev = event_at(IN_PUBLISHED, r);

    ev.u.done.token = r->token;
    ev.u.done.reason = r->reason;
    session_feed(s, &ev);
}

static void on_refused(struct session *s, const struct link_record *r)
{
    const char *topic = link_record_topic(r);
    struct text160 clean = {{0}};

    TEXT_SET(&clean, topic, strlen(topic));
    refusals_note(&s->refusals, r->wall_ms, r->refusal, TEXT(clean), r->reason);
    if (strncmp(topic, "$SYS/", 5) == 0)
        return; /* a comfort: it is on the list, and nobody is told */
    session_say(s, &r->u.words);
    WORDS_RENDER(&r->u.words, i18n_translate, &s->refusal);
}

static void on_journal_slice(struct session *s, const struct link_record *r)
{
    s->slice_read = r->token;
    session_barrier(s);
}

static void on_journal_state(struct session *s, const struct link_record *r)
{
    (void)s, (void)r; /* shown from link_status */
}

/* Once, and again only where another broker lacks another number of things. */
static void tell_lacks(struct session *s)
{
    const unsigned lacking = traits_lacking(&s->link_status.traits);
    struct words words;

    if (!s->link_status.traits.tested || lacking == s->lacking_said)
        return;
    s->lacking_said = lacking;
    if (traits_say(&s->link_status.traits, &words))
        session_say(s, &words);
}

static void on_status(struct session *s, const struct link_record *r)
{
    s->link_status = r->u.status;
    tell_lacks(s);
}

static void (*const record_handlers[])(struct session *, const struct link_record *) = {
    [LINK_MESSAGE] = on_message,
    [LINK_CONNECTED] = on_connected,
    [LINK_ENDED] = on_ended,
    [LINK_TRY_FAILED] = on_ended,
    [LINK_SNAPSHOT] = on_snapshot,
    [LINK_PUBLISHED] = on_published,
    [LINK_REFUSED] = on_refused,
    [LINK_JOURNAL_SLICE] = on_journal_slice,
    [LINK_JOURNAL_STATE] = on_journal_state,
    [LINK_STATUS] = on_status,
};
static_assert(sizeof record_handlers / sizeof *record_handlers == LINK_STATUS + 1,
              "a link record without a handler");

void session_drain_inbox(struct session *s)
{
    struct ring *inbox = s->link ? link_inbox(s->link) : NULL;
    const int64_t until = clock_mono_ms() + INBOX_BUDGET_MS;
    const struct link_record *r;
    unsigned n = 0;
    size_t bytes;

    s->busy = false;
    while (inbox && (r = ring_peek(inbox, &bytes))) {
        record_handlers[r->kind](s, r);
        ring_pop(inbox);
        if (++n % RECORDS_PER_CLOCK == 0 && clock_mono_ms() >= until) {
            s->busy = true;
            return;
        }
    }
}

/* ---- the store ---- */

static void on_role(struct session *s, const struct store_report *r)
{
    const bool recorder = r->status.recorder;

    s->store_status = r->status;
    if (recorder == s->recorder)
        return;
    s->recorder = recorder;
    /* What this process heard while another one recorded may be missing in the database. */
    if (recorder && core_counts(s->core)->messages > 0)
        s->sync = (struct sync){.rows = true, .snapshot = s->sync.snapshot};
    session_tell_recording(s);
    session_feed(s, &(struct core_event){.kind = IN_ROLE, .now = session_now(), .u.recorder = recorder});
    session_publish_presence(s);
}

static bool says_of_an_alarm(struct session *s, const struct effect *row, struct msg *out)
{
    const struct wire_message in = {.topic = row->u.publish.topic,
                                    .payload = row->u.publish.payload,
                                    .len = row->u.publish.len};

    return codec_decode(s->codec, &in, out) == REJECT_NONE && out->kind == MSG_CONSOLE_ACK;
}

static void on_adopted(struct session *s, struct store_adopted *a)
{
    static struct msg said; /* 4 KiB: the main thread alone gets here */
    struct core_event ev = {.kind = IN_ADOPTED, .now = session_now()};

    ev.u.adopted.command = a->has_command ? &a->command : NULL;
    ev.u.adopted.row = a->has_row ? &a->row : NULL;
    ev.u.adopted.said = a->has_row && says_of_an_alarm(s, &a->row, &said) ? &said : NULL;
    session_feed(s, &ev);
    free(a);
}

static void on_rollout(struct session *s, struct store_rollout *r)
{
    struct core_event ev = {.kind = IN_ROLLOUT, .now = session_now()};

    ev.u.rollout.row = &r->row;
    ev.u.rollout.members = r->members;
    ev.u.rollout.ours = r->ours;
    session_feed(s, &ev);
    free(r);
}

static void on_report(struct session *s, const struct store_report *r)
{
    switch (r->kind) {
    case STORE_DURABLE:
        break; /* the store's thread told the link's already */
    case STORE_STATUS:
        s->store_status = r->status;
        break;
    case STORE_OUTBOX_STORED:
        session_feed(s, &(struct core_event){
                            .kind = IN_STORED, .now = session_now(), .u.done.token = r->token});
        break;
    case STORE_ROLE:
        on_role(s, r);
        break;
    case STORE_WANT_SNAPSHOT:
        s->sync.snapshot = true;
        break;
    case STORE_ADOPTED:
        on_adopted(s, r->adopted);
        break;
    case STORE_ROLLOUT:
        on_rollout(s, r->rollout);
        break;
    case STORE_WITHDRAWN:
        session_feed(s, &(struct core_event){
                            .kind = IN_WITHDRAWN, .now = session_now(), .u.withdrawn = r->command});
        break;
    case STORE_RESYNC:
        s->sync.rows = true;
        s->sync.phase = 0;
        s->sync.next = 0;
        break;
    }
}

void session_drain_reports(struct session *s)
{
    struct ring *reports = store_reports(s->store);
    const struct store_report *r;
    size_t bytes;

    while ((r = ring_peek(reports, &bytes))) {
        on_report(s, r);
        ring_pop(reports);
    }
}
