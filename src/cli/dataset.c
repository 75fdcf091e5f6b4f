/* dataset.c - reading the history, or copying what a short session heard. */
#include "cli/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/i18n.h"

/* ---- growing lists ---- */

static void *next_slot(struct dataset *d, void *list, size_t *count, size_t *cap, size_t size)
{
    void *slot = array_add(list, count, cap, size);

    d->no_memory |= !slot;
    return slot;
}

#define NEXT(d, list)                                                                              \
    next_slot((d), &(d)->list##s, &(d)->list##_count, &(d)->list##_cap, sizeof *(d)->list##s)

static bool add_client(void *user, const struct client *c)
{
    struct client *slot = NEXT((struct dataset *)user, client);
    if (slot)
        *slot = *c;
    return slot != NULL;
}

static bool add_alarm(void *user, const struct alarm *a)
{
    struct alarm *slot = NEXT((struct dataset *)user, alarm);
    if (slot)
        *slot = *a;
    return slot != NULL;
}

static bool add_command(void *user, const struct command *c)
{
    struct command *slot = NEXT((struct dataset *)user, command);
    if (slot)
        *slot = *c;
    return slot != NULL;
}

static bool add_log(void *user, const struct log_line *l)
{
    struct log_line *slot = NEXT((struct dataset *)user, log);
    if (slot)
        *slot = *l;
    return slot != NULL;
}

static bool add_event(void *user, const struct history_event *ev, const char *packed)
{
    struct dataset *d = user;
    struct event_row *slot = NEXT(d, event);

    if (!slot)
        return false;
    slot->event = *ev;
    slot->summary.clean[0] = '\0';
    words_render_packed(packed, d->english ? NULL : i18n_translate, slot->summary.clean,
                        sizeof slot->summary.clean);
    return true;
}

static bool out_of_memory(const struct dataset *d, struct err *e)
{
    return d->no_memory ? err_set(e, EXIT_FAILED, _("out of memory: narrow the query")) : true;
}

/* ---- order and look-up ---- */

static int by_urgency(const void *a, const void *b)
{
    const struct client *x = a, *y = b;
    struct text64 sx, sy;

    if (x->state != y->state)
        return x->state < y->state ? 1 : -1;
    const int names = text_compare(client_name(x, &sx), client_name(y, &sy));
    return names ? names : memcmp(x->id.b, y->id.b, sizeof x->id.b);
}

static int by_uid(const void *a, const void *b, void *clients)
{
    const struct client *c = clients;
    const uint32_t *i = a, *k = b;
    return memcmp(c[*i].id.b, c[*k].id.b, sizeof c->id.b);
}

static bool sort_clients(struct dataset *d)
{
    if (d->client_count)
        qsort(d->clients, d->client_count, sizeof *d->clients, by_urgency);
    return true;
}

bool dataset_index(struct dataset *d, struct err *e)
{
    d->by_id = calloc(d->client_count + 1, sizeof *d->by_id);
    if (!d->by_id) {
        d->no_memory = true;
        return out_of_memory(d, e);
    }
    for (size_t i = 0; i < d->client_count; i++)
        d->by_id[i] = (uint32_t)i;
    qsort_r(d->by_id, d->client_count, sizeof *d->by_id, by_uid, d->clients);
    return true;
}

const struct client *dataset_client(const struct dataset *d, const struct uid *id)
{
    size_t low = 0, high = d->client_count;

    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        const struct client *c = &d->clients[d->by_id[mid]];
        const int order = memcmp(c->id.b, id->b, sizeof id->b);
        if (order == 0)
            return c;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

void dataset_spelling(const struct dataset *d, const struct uid *id, char out[UID_TEXT])
{
    const struct client *c = dataset_client(d, id);

    if (c && c->spelling[0])
        snprintf(out, UID_TEXT, "%s", c->spelling);
    else
        uid_format(id, out);
}

bool is_uid_prefix(const char *text)
{
    return text[0] && strlen(text) < UID_TEXT &&
           strspn(text, "0123456789abcdefABCDEF-") == strlen(text);
}

const struct client *find_by_prefix(const char *prefix, client_at_fn at, const void *user,
                                    uint32_t n, struct err *e)
{
    const struct client *found = NULL;
    const size_t len = strlen(prefix);
    char candidates[260] = "";
    unsigned matches = 0;

    for (uint32_t i = 0; i < n && is_uid_prefix(prefix); i++) {
        const struct client *c = at(user, i);
        char id[UID_TEXT];
        uid_format(&c->id, id);
        if (strncasecmp(id, prefix, len) != 0)
            continue;
        found = c;
        const size_t used = strlen(candidates);
        if (++matches <= 5)
            snprintf(candidates + used, sizeof candidates - used, "%s%s", used ? ", " : "",
                     c->spelling[0] ? c->spelling : id);
    }
    if (matches == 1)
        return found;
    if (matches == 0)
        err_set(e, EXIT_NOT_FOUND, _("no client %s: see infoscreen-tui clients"),
                quote(prefix).clean);
    else
        err_set(e, EXIT_USAGE, _("%s fits %u clients (%s%s): give more of the uuid"),
                quote(prefix).clean, matches, candidates, matches > 5 ? ", …" : "");
    return NULL;
}

static const struct client *client_at(const void *user, uint32_t i)
{
    const struct dataset *d = user;
    return &d->clients[i];
}

const struct client *dataset_find(const struct dataset *d, const char *prefix, struct err *e)
{
    return find_by_prefix(prefix, client_at, d, (uint32_t)d->client_count, e);
}

/* ---- from the broker ---- */

struct listening {
    struct dataset *data;
    int64_t ms, until_mono;
};

static void copy_core(struct dataset *d, const struct core *core, struct now now)
{
    const struct history_event *ev;
    const struct log_line *line;
    char packed[640];

    d->as_of = now.wall_ms;
    d->connected = core_link_is_up(core);
    for (uint32_t i = 0; i < core_client_count(core); i++)
        add_client(d, core_client(core, i));
    for (uint32_t i = 0; i < core_alarm_count(core); i++)
        add_alarm(d, core_alarm(core, i));
    d->outage = core_is_out(core);
    for (uint32_t i = 0; i < core_command_count(core); i++)
        add_command(d, core_command(core, i));
    for (uint32_t k = 0; (ev = core_history(core, k)) != NULL; k++) {
        words_pack(&ev->summary, packed, sizeof packed);
        if (ev->kind != EVENT_IMAGE)
            add_event(d, ev, packed);
    }
    uint32_t lines = 0;
    while (core_log(core, lines))
        lines++;
    while (lines > 0 && (line = core_log(core, --lines)) != NULL)
        add_log(d, line);
}

/* The refusal's own words end in what to do. */
bool err_no_broker(struct err *e, const struct job_host *h)
{
    const char *why = job_last_refusal(h);

    if (why)
        return err_set(e, EXIT_BROKER, _("no broker: %s"), why);
    return err_set(e, EXIT_BROKER, _("no broker: no answer in time: check --host and --port"));
}

static bool listen_start(struct job *j, struct job_host *h, bool connected)
{
    struct listening *l = j->user;

    if (!connected)
        return err_no_broker(&j->err, h), true;
    l->until_mono = job_now(h).mono_ms + l->ms;
    return false;
}

static bool listen_step(struct job *j, struct job_host *h)
{
    struct listening *l = j->user;

    if (job_now(h).mono_ms < l->until_mono)
        return false;
    copy_core(l->data, job_core(h), job_now(h));
    return true;
}

static bool open_live(struct dataset *d, struct call *call, struct err *e)
{
    struct listening l = {.data = d, .ms = call->globals.live_ms};
    struct job job = {.user = &l, .start = listen_start, .step = listen_step, .connect_ms = 10000};

    d->live = true;
    if (call->host->run_job(&call->globals, &job) == EXIT_DONE)
        return true;
    *e = job.err;
    return false;
}

/* ---- from the history ---- */

static bool open_stored(struct dataset *d, const struct call *call, struct err *e)
{
    struct reader_meta meta = {.as_of = TIME_NONE};
    struct err why = {0};

    d->reader = reader_open(call->globals.db_path, &why);
    if (!d->reader && why.code == EXIT_NOT_FOUND) {
        fprintf(stderr,
                _("infoscreen-tui: no history yet at %s: start the console or the recorder, or "
                  "ask the broker with --live 10s\n"),
                quote(call->globals.db_path).clean);
        return true;
    }
    if (!d->reader) {
        *e = why;
        return false;
    }
    if (!reader_meta(d->reader, &meta, e) || !reader_clients(d->reader, add_client, d, e))
        return false;
    d->as_of = meta.as_of;
    d->connected = meta.connected;
    d->outage = meta.outage;
    return true;
}

bool dataset_open(struct dataset *d, struct call *call, struct err *e)
{
    *d = (struct dataset){.as_of = TIME_NONE, .english = call->globals.output != OUTPUT_TABLE};
    return (call->globals.live_ms ? open_live(d, call, e) : open_stored(d, call, e)) &&
           out_of_memory(d, e) && sort_clients(d) && dataset_index(d, e);
}

void dataset_close(struct dataset *d)
{
    reader_close(d->reader);
    free(d->clients);
    free(d->by_id);
    free(d->alarms);
    free(d->commands);
    free(d->events);
    free(d->logs);
}

static bool is_listed(const struct alarm *a, bool all)
{
    return all || (a->state != ALARM_NORMAL && a->state != ALARM_SUPPRESSED);
}

bool dataset_alarms(struct dataset *d, bool all, struct err *e)
{
    size_t kept = 0;

    if (d->reader && !reader_alarms(d->reader, all, add_alarm, d, e))
        return false;
    for (size_t i = 0; i < d->alarm_count; i++)
        if (is_listed(&d->alarms[i], all))
            d->alarms[kept++] = d->alarms[i];
    d->alarm_count = kept;
    return out_of_memory(d, e);
}

static bool is_active(const struct command *c)
{
    return c->status == COMMAND_QUEUED || c->status == COMMAND_PUBLISHED ||
           c->status == COMMAND_ACCEPTED || c->status == COMMAND_EXECUTION_STARTED;
}

bool command_is_named(const struct command *c, const struct uid *id)
{
    struct uid rollout;
    const char *text = c->rollout_id.clean;

    return uid_equal(&c->id, id) ||
           (uid_parse(text, strlen(text), &rollout) && uid_equal(&rollout, id));
}

static bool command_matches(const struct command *c, const struct command_query *q)
{
    bool named = q->id_count == 0;

    for (int i = 0; i < q->id_count; i++)
        named |= command_is_named(c, &q->ids[i]);
    return named && (!q->active || is_active(c)) &&
           (!q->client || uid_equal(&c->client, q->client));
}

bool dataset_commands(struct dataset *d, const struct command_query *q, struct err *e)
{
    size_t kept = 0;

    if (d->reader && !reader_commands(d->reader, q, add_command, d, e))
        return false;
    for (size_t i = 0; i < d->command_count; i++)
        if (command_matches(&d->commands[i], q))
            d->commands[kept++] = d->commands[i];
    d->command_count = kept;
    return out_of_memory(d, e);
}

static bool event_matches(const struct history_event *ev, const struct history_query *q)
{
    return (!q->client || uid_equal(&ev->client, q->client)) &&
           (q->since_at == TIME_NONE || ev->at >= q->since_at) &&
           (q->until_at == TIME_NONE || ev->at <= q->until_at) &&
           (q->kind < 0 || (int)ev->kind == q->kind);
}

bool dataset_history(struct dataset *d, const struct history_query *q, struct err *e)
{
    const size_t limit = q->limit > 0 ? (size_t)q->limit : 1000;
    size_t kept = 0;

    if (d->reader)
        return reader_history(d->reader, q, add_event, d, e) && out_of_memory(d, e);
    for (size_t i = 0; i < d->event_count && kept < limit; i++)
        if (event_matches(&d->events[i].event, q))
            d->events[kept++] = d->events[i];
    d->event_count = kept;
    return true;
}

bool dataset_logs(struct dataset *d, const struct log_query *q, int64_t *last_id, struct err *e)
{
    size_t kept = 0;

    if (d->reader) {
        d->log_count = 0;
        return reader_logs(d->reader, q, add_log, d, last_id, e) && out_of_memory(d, e);
    }
    for (size_t i = 0; i < d->log_count; i++) {
        const struct log_line *l = &d->logs[i];
        if ((!q->client || uid_equal(&l->client, q->client)) &&
            (!q->level || !strcasecmp(l->level.clean, q->level)) &&
            (q->since_at == TIME_NONE || l->at >= q->since_at))
            d->logs[kept++] = *l;
    }
    d->log_count = kept;
    return true;
}
