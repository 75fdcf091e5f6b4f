/* ack.c - acknowledging and shelving: a short session with the broker. */
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "cli/dataset.h"

#define CONNECT_MS 10000
#define CONFIRM_MS 10000

struct target {
    const char *word; /* as given */
    char alarm_id[ALARM_ID];
    struct alarm last;    /* as last seen */
    struct client client; /* that it is about; its spelling is printed */
    bool done_before;     /* nothing was left to do */
};

struct ack_job {
    struct call *call;
    enum operator_verb verb;
    int64_t shelve_ms;
    struct target *targets;
    int count;
    int64_t deadline_mono;
};

/* ---- what is meant by a word ---- */

static bool is_alarm_id(const char *word)
{
    const char *dash = strrchr(word, '-');
    char kind[32];

    if (!dash || strlen(dash + 1) != 16 || (size_t)(dash - word) >= sizeof kind ||
        strspn(dash + 1, "0123456789abcdef") != 16)
        return false;
    snprintf(kind, sizeof kind, "%.*s", (int)(dash - word), word);
    return vocabulary_find(alarm_kinds, ALARM_KINDS, kind) >= 0;
}

static bool unknown_alarm(const char *word, struct err *e)
{
    return err_set(e, EXIT_NOT_FOUND, _("no alarm %s: see infoscreen-tui alarms"),
                   quote(word).clean);
}

static const struct client *client_of_core(const void *user, uint32_t index)
{
    return core_client(user, index);
}

/* Its standing service_failed, else its most urgent alarm (the core's order). */
static const struct alarm *alarm_of_client(const struct core *core, const struct client *c)
{
    const struct alarm *urgent = NULL;

    for (uint32_t i = 0; i < core_alarm_count(core); i++) {
        const struct alarm *a = core_alarm(core, i);
        if (!uid_equal(&a->client, &c->id) || a->state == ALARM_NORMAL)
            continue;
        if (a->kind == ALARM_SERVICE_FAILED)
            return a;
        if (!urgent)
            urgent = a;
    }
    return urgent;
}

struct past_search {
    const char *id;
    struct alarm found;
    bool any;
};

static bool match_past(void *user, const struct alarm *a)
{
    struct past_search *s = user;

    if (strcmp(a->id, s->id) != 0)
        return true;
    s->found = *a;
    s->any = true;
    return false;
}

/* An alarm that is over stands in the history only; acknowledging it again is no fault. */
static bool find_past(const struct call *call, struct target *t)
{
    struct past_search s = {.id = t->word};
    struct err ignored = {0};
    struct reader *r = reader_open(call->globals.db_path, &ignored);

    if (r)
        reader_alarms(r, true, match_past, &s, &ignored);
    reader_close(r);
    if (s.any) {
        t->last = s.found;
        t->done_before = true;
    }
    return s.any;
}

static bool find_target(const struct ack_job *a, const struct core *core, struct target *t,
                        struct err *e)
{
    const struct alarm *alarm = NULL;

    if (is_alarm_id(t->word)) {
        alarm = core_find_alarm(core, t->word);
        if (!alarm || alarm->state == ALARM_NORMAL)
            return find_past(a->call, t) || unknown_alarm(t->word, e);
    } else {
        const struct client *c =
            find_by_prefix(t->word, client_of_core, core, core_client_count(core), e);
        if (!c)
            return false;
        alarm = alarm_of_client(core, c);
        if (!alarm)
            return err_set(e, EXIT_NOT_FOUND, _("no alarm of client %s: nothing to do"),
                           quote(t->word).clean);
    }
    t->last = *alarm;
    memcpy(t->alarm_id, alarm->id, sizeof t->alarm_id);
    return true;
}

/* ---- has it happened ---- */

/* A service_failed is done when its clear was seen coming back, whoever acknowledged it. */
static bool is_still_retained(const struct core *core, const struct alarm *alarm)
{
    const struct client *c =
        alarm->kind == ALARM_SERVICE_FAILED ? core_find_client(core, &alarm->client) : NULL;

    return c && c->failed;
}

static bool is_reached(const struct ack_job *a, const struct core *core, const struct alarm *alarm)
{
    if (!alarm || alarm->state == ALARM_NORMAL)
        return true;
    switch (a->verb) {
    case OP_SHELVE:
        return alarm->state == ALARM_SHELVED;
    case OP_UNSHELVE:
        return alarm->state != ALARM_SHELVED;
    default:
        return alarm->state != ALARM_UNACKNOWLEDGED && alarm->state != ALARM_RETURNED &&
               !is_still_retained(core, alarm);
    }
}

/* Each shelf has an end of its own, and a note is still to be said. */
static bool is_already(const struct ack_job *a, const struct core *core, const struct alarm *alarm)
{
    if (a->verb == OP_SHELVE || call_has(a->call, "note"))
        return false;
    if (a->verb == OP_ACKNOWLEDGE && alarm->state != ALARM_ACKNOWLEDGED)
        return false;
    return is_reached(a, core, alarm);
}

/* ---- the job ---- */

static void submit(const struct ack_job *a, struct job_host *h, const struct target *t)
{
    const struct call *call = a->call;
    const char *note = call_last(call, "note");
    struct operator_action op = {.verb = a->verb, .shelve_until_at = TIME_NONE};

    memcpy(op.alarm_id, t->alarm_id, sizeof op.alarm_id);
    op.mark = t->last.mark;
    TEXT_SET(&op.by, call->globals.operator_name, strlen(call->globals.operator_name));
    if (note)
        TEXT_SET(&op.note, note, strlen(note));
    if (a->verb == OP_SHELVE)
        op.shelve_until_at = job_now(h).wall_ms + a->shelve_ms;
    job_operator(h, &op);
}

static void note_client(const struct core *core, struct target *t)
{
    const struct client *c = core_find_client(core, &t->last.client);

    if (c)
        t->client = *c;
}

/* What is never shared is a matter of the database alone, as is the alarm that there is no broker. */
static bool needs_broker(const struct ack_job *a, const struct core *core)
{
    for (int i = 0; i < a->count; i++) {
        const struct alarm *alarm = core_find_alarm(core, a->targets[i].word);
        if (!alarm || !alarm_kind_is_local(alarm->kind))
            return true;
    }
    return false;
}

static bool ack_start(struct job *j, struct job_host *h, bool connected)
{
    struct ack_job *a = j->user;

    if (!connected && needs_broker(a, job_core(h)))
        return err_no_broker(&j->err, h), true;
    for (int i = 0; i < a->count;
         i++) /* all or nothing: a wrong word must not leave half of them done */
        if (!find_target(a, job_core(h), &a->targets[i], &j->err))
            return true;
    for (int i = 0; i < a->count; i++) {
        struct target *t = &a->targets[i];
        note_client(job_core(h), t);
        if (!t->done_before && is_already(a, job_core(h), &t->last))
            t->done_before = true;
        if (!t->done_before)
            submit(a, h, t);
    }
    a->deadline_mono = job_now(h).mono_ms + CONFIRM_MS;
    return false;
}

static bool all_reached(struct ack_job *a, const struct core *core)
{
    bool all = true;

    for (int i = 0; i < a->count; i++) {
        struct target *t = &a->targets[i];
        const struct alarm *now = t->done_before ? NULL : core_find_alarm(core, t->alarm_id);
        /* a newer occurrence is another alarm: ours is over */
        const bool newer = now && !text_equal(TEXT(now->mark), TEXT(t->last.mark));
        if (now && !newer)
            t->last = *now;
        all &= t->done_before || newer || is_reached(a, core, now);
    }
    return all;
}

/* Of what we publish; that the broker refuses something else, our presence perhaps, undoes nothing. */
static bool say_refused(const struct target *t, const struct job_host *h, struct err *e)
{
    char topic[64 + ALARM_ID];

    snprintf(topic, sizeof topic, "infoscreen/console/ack/%s", t->alarm_id);
    if (!job_is_refused(h, topic))
        snprintf(topic, sizeof topic, "infoscreen/%s/service_failed", t->client.spelling);
    if (t->done_before || !job_is_refused(h, topic))
        return false;
    err_set(e, EXIT_FAILED, _("refused by the broker: %s: check the account's access rules"),
            topic);
    return true;
}

static bool ack_step(struct job *j, struct job_host *h)
{
    struct ack_job *a = j->user;
    const bool sent = job_outbox_empty(h);
    const bool too_late = job_now(h).mono_ms >= a->deadline_mono;

    for (int i = 0; i < a->count && (sent || too_late); i++)
        if (say_refused(&a->targets[i], h, &j->err))
            return true;
    if (sent && all_reached(a, job_core(h)))
        return true;
    if (!too_late)
        return false;
    err_set(&j->err, EXIT_TIMED_OUT,
            _("not confirmed by the broker within %d s: it stays stored and is sent by the next "
              "console"),
            CONFIRM_MS / 1000);
    return true;
}

/* ---- what is said about it ---- */

static void say_target(const struct ack_job *a, const struct target *t, FILE *out)
{
    const struct alarm *al = &t->last;
    static const char *const words[] = {
        [OP_ACKNOWLEDGE] = N_("%s acknowledged\n"),
        [OP_SHELVE] = N_("%s shelved\n"),
        [OP_UNSHELVE] = N_("%s no longer shelved\n"),
    };

    if (!t->done_before)
        fprintf(out, _(words[a->verb]), al->id);
    else if (!text_is_empty(TEXT(al->acknowledged_by)) && a->verb == OP_ACKNOWLEDGE)
        fprintf(out, _("%s already acknowledged by %s\n"), al->id, al->acknowledged_by.clean);
    else
        fprintf(out, _("%s: nothing left to do\n"), al->id);
}

static int print_result(struct ack_job *a, struct err *e)
{
    struct dataset d = {.as_of = clock_wall_ms()};
    struct alarm *rows;
    int code = EXIT_FAILED;

    if (a->call->globals.output == OUTPUT_TABLE) {
        for (int i = 0; i < a->count; i++)
            say_target(a, &a->targets[i], stdout);
        return output_finish(stdout, e);
    }
    rows = calloc((size_t)a->count + 1, sizeof *rows);
    d.clients = calloc((size_t)a->count + 1, sizeof *d.clients);
    d.client_count = (size_t)a->count;
    for (int i = 0; rows && d.clients && i < a->count; i++) {
        rows[i] = a->targets[i].last;
        d.clients[i] = a->targets[i].client;
    }
    if (!rows || !d.clients)
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    else if (dataset_index(&d, e))
        code = print_rows(a->call, &alarms_listing, &d, rows, (size_t)a->count, sizeof *rows, e);
    free(rows);
    dataset_close(&d);
    return code;
}

/* Words that cannot name anything are answered without asking the broker. */
static bool check_words(const struct call *call, struct err *e)
{
    for (int i = 0; i < call->arg_count; i++) {
        const char *word = call->args[i];
        if (!is_alarm_id(word) && !is_uid_prefix(word))
            return unknown_alarm(word, e);
    }
    return true;
}

static int run_operator(struct call *call, enum operator_verb verb, int64_t shelve_ms,
                        struct err *e)
{
    struct ack_job a = {
        .call = call, .verb = verb, .shelve_ms = shelve_ms, .count = call->arg_count};
    struct job job = {.user = &a, .start = ack_start, .step = ack_step, .connect_ms = CONNECT_MS};
    int code = EXIT_FAILED;

    if (!check_words(call, e))
        return e->code;
    a.targets = calloc((size_t)a.count + 1, sizeof *a.targets);
    if (!a.targets) {
        err_set(e, EXIT_FAILED, _("out of memory: close something else"));
        return EXIT_FAILED;
    }
    for (int i = 0; i < a.count; i++)
        a.targets[i].word = call->args[i];
    code = call->host->run_job(&call->globals, &job);
    if (code == EXIT_DONE)
        code = print_result(&a, e);
    else
        *e = job.err;
    free(a.targets);
    return code;
}

int run_ack(struct call *call, struct err *e)
{
    return run_operator(call, OP_ACKNOWLEDGE, 0, e);
}

int run_shelve(struct call *call, struct err *e)
{
    const int64_t ms = call_duration(call, "for", 0);

    if (ms <= 0) {
        err_set(e, EXIT_USAGE, _("shelve: for how long is missing: give --for 2h"));
        return EXIT_USAGE;
    }
    return run_operator(call, OP_SHELVE, ms, e);
}

int run_unshelve(struct call *call, struct err *e)
{
    return run_operator(call, OP_UNSHELVE, 0, e);
}
