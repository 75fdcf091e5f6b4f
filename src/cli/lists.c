/* lists.c - subcommands that read: clients, alarms, commands, history, logs; and the three that
 * main runs. */
#include "cli/commands.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/i18n.h"
#include "cli/dataset.h"
#include "core/filter.h"

int run_console(struct call *call, struct err *e)
{
    (void)e;
    return call->host->console(&call->globals);
}

int run_record(struct call *call, struct err *e)
{
    (void)e;
    return call->host->record(&call->globals);
}

int run_demo(struct call *call, struct err *e)
{
    const struct cli_demo d = {
        .clients = (int)call_count(call, "clients", 0),
        .seed = (uint32_t)call_count(call, "seed", 1),
        .script = call_last(call, "script"),
        .headless_ms = call_duration(call, "headless", 0),
    };

    if (!call_above_zero(call, "clients", e))
        return EXIT_USAGE;
    return call->host->demo(&call->globals, &d);
}

static struct view view_of(const struct call *call, const struct dataset *d)
{
    return (struct view){.data = d,
                         .config = &call->globals.config,
                         .now = {clock_mono_ms(), clock_wall_ms()},
                         .json = call->globals.output != OUTPUT_TABLE};
}

static int print_pointers(const struct call *call, const struct listing *l, const struct dataset *d,
                          const void *const *rows, size_t n, struct err *e)
{
    const struct view v = view_of(call, d);
    const enum output_format format = call->globals.output;

    if (n == 0 && format == OUTPUT_TABLE && (d->reader || d->live))
        fprintf(stderr, _("infoscreen-tui: nothing to show\n"));
    if (n > 0 || format != OUTPUT_TABLE)
        listing_print(l, &v, rows, n, format, stdout, output_has_colours(&call->globals, stdout));
    return output_finish(stdout, e);
}

int print_rows(const struct call *call, const struct listing *l, const struct dataset *d,
               const void *first, size_t n, size_t size, struct err *e)
{
    const void **rows = calloc(n + 1, sizeof *rows);
    int code = EXIT_FAILED;

    if (!rows)
        err_set(e, EXIT_FAILED, _("out of memory: narrow the query"));
    for (size_t i = 0; rows && i < n; i++)
        rows[i] = (const char *)first + i * size;
    if (rows)
        code = print_pointers(call, l, d, rows, n, e);
    free(rows);
    return code;
}

/* ---- what is so now ---- */

#define STALE_MS 15000 /* a living recorder keeps the history a second old, last-seen times fifteen */

/* A table of what was so an hour ago looks like one of now. JSON says it itself, as `as_of`. */
static bool open_current(struct dataset *d, struct call *call, struct err *e)
{
    char age[ISO_SIZE];

    if (!dataset_open(d, call, e))
        return false;
    const int64_t ms = d->as_of == TIME_NONE ? 0 : clock_wall_ms() - d->as_of;
    if (d->live || ms < STALE_MS || call->globals.output == OUTPUT_JSON)
        return true;
    age_format(ms, age);
    fprintf(stderr,
            _("infoscreen-tui: this is how it was %s ago, nobody records since: start the console or the "
              "recorder, or ask the broker with --live 10s\n"),
            age);
    return true;
}

/* ---- clients ---- */

struct client_choice {
    bool state[CLIENT_STATES], any_state;
    struct text64 group;
    struct filter *filter;
    const struct client **named; /* by uuid; NULL: all */
    int named_count;
};

static void choose_states(const struct call *call, struct client_choice *ch)
{
    const char *word;

    ch->any_state = !call_has(call, "state");
    for (int k = 0; (word = call_value(call, "state", k)) != NULL; k++) {
        const int state = vocabulary_find(client_states, CLIENT_STATES, word);
        ch->state[state] = true;
        if (state == CLIENT_CRASHED) /* a stale heartbeat counts as crashed here, as in the fleet's
                                        old API */
            ch->state[CLIENT_SILENT] = true;
    }
}

static bool choose_named(const struct call *call, const struct dataset *d, struct client_choice *ch,
                         struct err *e)
{
    if (call->arg_count == 0 || (!d->reader && !d->live))
        return true;
    ch->named = calloc((size_t)call->arg_count, sizeof(const struct client *));
    if (!ch->named)
        return err_set(e, EXIT_FAILED, _("out of memory: narrow the query"));
    for (int i = 0; i < call->arg_count; i++) {
        ch->named[i] = dataset_find(d, call->args[i], e);
        if (!ch->named[i])
            return false;
        ch->named_count++;
    }
    return true;
}

static bool is_chosen(const struct client_choice *ch, const struct client *c)
{
    bool named = ch->named_count == 0;

    for (int i = 0; i < ch->named_count; i++)
        named |= ch->named[i] == c;
    return named && (ch->any_state || ch->state[c->state]) &&
           (text_is_empty(TEXT(ch->group)) || text_equal(TEXT(c->group), TEXT(ch->group))) &&
           (!ch->filter || filter_client(ch->filter, c));
}

static bool choose(const struct call *call, const struct dataset *d, struct client_choice *ch,
                   struct err *e)
{
    const char *group = call_last(call, "group"), *filter = call_last(call, "filter");

    choose_states(call, ch);
    if (group)
        TEXT_SET(&ch->group, group, strlen(group));
    if (filter && !(ch->filter = filter_new(filter, e)))
        return false;
    return choose_named(call, d, ch, e);
}

int run_clients(struct call *call, struct err *e)
{
    struct client_choice ch = {0};
    struct dataset d = {0};
    const void **rows = NULL;
    size_t n = 0;
    int code = EXIT_FAILED;

    if (!open_current(&d, call, e) || !choose(call, &d, &ch, e))
        goto out;
    rows = calloc(d.client_count + 1, sizeof *rows);
    if (!rows) {
        err_set(e, EXIT_FAILED, _("out of memory: narrow the query"));
        goto out;
    }
    for (size_t i = 0; i < d.client_count; i++)
        if (is_chosen(&ch, &d.clients[i]))
            rows[n++] = &d.clients[i];
    code = print_pointers(call, &clients_listing, &d, rows, n, e);
out:
    free(rows);
    free(ch.named);
    filter_free(ch.filter);
    dataset_close(&d);
    return e->code ? e->code : code;
}

/* ---- alarms ---- */

static void keep_kinds(const struct call *call, struct dataset *d)
{
    const char *word;
    bool wanted[ALARM_KINDS] = {false};
    size_t kept = 0;

    if (!call_has(call, "kind"))
        return;
    for (int k = 0; (word = call_value(call, "kind", k)) != NULL; k++)
        wanted[vocabulary_find(alarm_kinds, ALARM_KINDS, word)] = true;
    for (size_t i = 0; i < d->alarm_count; i++)
        if (wanted[d->alarms[i].kind])
            d->alarms[kept++] = d->alarms[i];
    d->alarm_count = kept;
}

static int by_sort(const void *left, const void *right, void *user)
{
    const struct alarm *const *a = left, *const *b = right;
    const int order = alarm_sort_compare(*(const enum alarm_sort *)user, *a, *b);

    return order ? order : (*a > *b) - (*a < *b); /* as they lay */
}

static int print_alarms(const struct call *call, const struct dataset *d, struct err *e)
{
    const char *word = call_last(call, "sort");
    enum alarm_sort sort = word ? (enum alarm_sort)vocabulary_find(alarm_sorts, ALARM_SORTS, word)
                                : ALARMS_BY_URGENCY;
    const struct alarm **rows = calloc(d->alarm_count + 1, sizeof *rows);
    int code = EXIT_FAILED;

    if (!rows)
        err_set(e, EXIT_FAILED, _("out of memory: narrow the query"));
    for (size_t i = 0; rows && i < d->alarm_count; i++)
        rows[i] = &d->alarms[i];
    if (rows) {
        qsort_r(rows, d->alarm_count, sizeof *rows, by_sort, &sort);
        code = print_pointers(call, alarms_listing_for(&call->globals.config), d,
                              (const void *const *)rows, d->alarm_count, e);
    }
    free(rows);
    return code;
}

int run_alarms(struct call *call, struct err *e)
{
    struct dataset d = {0};
    int code = EXIT_FAILED;

    if (open_current(&d, call, e) && dataset_alarms(&d, call_has(call, "all"), e)) {
        keep_kinds(call, &d);
        code = call_has(call, "metrics") ? print_metrics(call, &d, e) : print_alarms(call, &d, e);
    }
    dataset_close(&d);
    return e->code ? e->code : code;
}

/* ---- commands ---- */

/* A client named by an option; *out stays NULL where none was given or there is no history. */
static bool client_option(const struct call *call, const struct dataset *d, const char *word,
                          const struct uid **out, struct err *e)
{
    (void)call;
    *out = NULL;
    if (!word || (!d->reader && !d->live))
        return true;
    const struct client *c = dataset_find(d, word, e);
    if (c)
        *out = &c->id;
    return c != NULL;
}

static bool command_ids(const struct call *call, struct uid *ids, struct err *e)
{
    for (int i = 0; i < call->arg_count; i++)
        if (!uid_parse(call->args[i], strlen(call->args[i]), &ids[i]))
            return err_set(e, EXIT_NOT_FOUND, _("no command %s: see infoscreen-tui commands"),
                           quote(call->args[i]).clean);
    return true;
}

static bool all_commands_found(const struct call *call, const struct dataset *d,
                               const struct uid *ids, struct err *e)
{
    for (int i = 0; i < call->arg_count && (d->reader || d->live); i++) {
        bool found = false;
        for (size_t k = 0; k < d->command_count; k++)
            found |= command_is_named(&d->commands[k], &ids[i]);
        if (!found && !call_has(call, "active") && !call_has(call, "client"))
            return err_set(e, EXIT_NOT_FOUND, _("no command %s: see infoscreen-tui commands"),
                           quote(call->args[i]).clean);
    }
    return true;
}

int run_commands(struct call *call, struct err *e)
{
    struct dataset d = {0};
    struct uid *ids = calloc((size_t)call->arg_count + 1, sizeof *ids);
    struct command_query q = {
        .active = call_has(call, "active"), .ids = ids, .id_count = call->arg_count};
    int code = EXIT_FAILED;

    if (ids && command_ids(call, ids, e) && dataset_open(&d, call, e) &&
        client_option(call, &d, call_last(call, "client"), &q.client, e) &&
        dataset_commands(&d, &q, e) && all_commands_found(call, &d, ids, e))
        code = print_rows(call, &commands_listing, &d, d.commands, d.command_count,
                          sizeof *d.commands, e);
    dataset_close(&d);
    free(ids);
    return e->code ? e->code : code;
}

/* ---- history ---- */

int run_history(struct call *call, struct err *e)
{
    struct dataset d = {0};
    const char *kind = call_last(call, "kind");
    struct history_query q = {
        .since_at = call_when(call, "since"),
        .until_at = call_when(call, "until"),
        .kind = kind ? vocabulary_find(event_kinds, EVENT_KINDS, kind) : -1,
        .limit = call_count(call, "limit", 1000),
    };
    int code = EXIT_FAILED;

    if (dataset_open(&d, call, e) &&
        client_option(call, &d, call_last(call, "client"), &q.client, e) &&
        dataset_history(&d, &q, e))
        code = print_rows(call, &history_listing, &d, d.events, d.event_count, sizeof *d.events, e);
    dataset_close(&d);
    return e->code ? e->code : code;
}

/* ---- logs ---- */

static void print_followed(const struct call *call, struct dataset *d, const struct view *v)
{
    struct json_out j = {.out = stdout};

    for (size_t i = 0; i < d->log_count; i++) {
        const struct log_line *l = &d->logs[i];
        char at[ISO_SIZE], client[UID_TEXT];
        if (call->globals.output ==
            OUTPUT_JSON) { /* an endless list has no end bracket: one object a line */
            j.comma = false;
            listing_row_json(&logs_listing, v, l, &j);
            fputc('\n', stdout);
            continue;
        }
        time_local(l->at, v->now.wall_ms, at);
        dataset_spelling(d, &l->client, client);
        fprintf(stdout, "%s  %s  %s  %s\n", at, client, l->level.clean, l->message.clean);
    }
}

/* Until somebody interrupts it or the reader goes away. */
static int follow(const struct call *call, struct dataset *d, struct log_query *q, struct err *e)
{
    for (;;) {
        const struct view v = view_of(call, d);
        int64_t last = q->after_id;
        if (!dataset_logs(d, q, &last, e))
            return e->code;
        q->after_id = last;
        print_followed(call, d, &v);
        const int code = output_finish(stdout, e);
        if (code != EXIT_DONE)
            return code;
        poll(NULL, 0, 500);
    }
}

int run_logs(struct call *call, struct err *e)
{
    struct dataset d = {0};
    struct log_query q = {
        .level = call_last(call, "level"),
        .since_at = call_when(call, "since"),
        .limit = call_count(call, "limit", 1000),
    };
    int64_t last = 0;
    int code = EXIT_FAILED;

    if (call_has(call, "follow") && (call_has(call, "live") || call->globals.output == OUTPUT_CSV))
        return err_set(e, EXIT_USAGE,
                       _("--follow: goes with neither --live nor -o csv: leave one out")),
               EXIT_USAGE;
    if (dataset_open(&d, call, e) &&
        client_option(call, &d, call->arg_count ? call->args[0] : NULL, &q.client, e)) {
        if (call_has(call, "follow") && d.reader)
            code = follow(call, &d, &q, e);
        else if (dataset_logs(&d, &q, &last, e))
            code = print_rows(call, &logs_listing, &d, d.logs, d.log_count, sizeof *d.logs, e);
    }
    dataset_close(&d);
    return e->code ? e->code : code;
}
