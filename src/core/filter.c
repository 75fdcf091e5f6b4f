#include "core/filter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"

/* What a term may look at; whatever the row at hand has not is NULL. */
struct row {
    const struct client *client;
    const struct alarm *alarm;
    const struct command *command;
    const struct history_event *event;
    const struct log_line *log;
};

enum key { KEY_ANY, KEY_UUID, KEY_NAME, KEY_GROUP, KEY_STATE, KEY_KIND, KEY_ACTION, KEY_BY, KEY_LEVEL, KEYS };

struct term {
    enum key key;
    bool negated;
    bool ascii;                         /* the value has no character beyond ASCII */
    struct text96 value;                /* lower case where it is ASCII */
    uint32_t clients, alarms, commands; /* KEY_STATE: states that match, one bit each */
    uint32_t kinds, events;             /* KEY_KIND: of alarms, of lines of the history */
};

struct filter {
    size_t count;
    struct term terms[];
};

/* ---- looking for text ---- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool begins_with(const char *s, const char *prefix)
{
    while (*prefix && lower(*s) == *prefix) {
        s++;
        prefix++;
    }
    return *prefix == '\0';
}

/* Nearly every field and needle is ASCII, and a filter looks at a million fields per key press. */
static bool holds(const struct term *t, const char *s)
{
    if (!t->ascii)
        return text_contains((struct text){s}, TEXT(t->value));
    const char first = t->value.clean[0];
    for (const char *p = s; *p; p++) {
        if ((unsigned char)*p >= 0x80) /* some letters fold to ASCII */
            return text_contains((struct text){s}, TEXT(t->value));
        if (lower(*p) == first && begins_with(p, t->value.clean))
            return true;
    }
    return first == '\0';
}

static bool uid_begins(const struct term *t, const struct uid *id)
{
    char text[UID_TEXT];

    uid_format(id, text);
    return begins_with(text, t->value.clean);
}

/* ---- one key each ---- */

static bool match_uuid(const struct term *t, const struct row *r)
{
    return (r->client && uid_begins(t, &r->client->id)) ||
           (r->command && (uid_begins(t, &r->command->id) || uid_begins(t, &r->command->client))) ||
           (r->event && !uid_is_zero(&r->event->client) && uid_begins(t, &r->event->client)) ||
           (r->log && uid_begins(t, &r->log->client)) ||
           (r->alarm && !uid_is_zero(&r->alarm->client) && uid_begins(t, &r->alarm->client));
}

static bool match_name(const struct term *t, const struct row *r)
{
    struct text64 scratch = {""};

    return r->client && holds(t, client_name(r->client, &scratch).clean);
}

static bool match_group(const struct term *t, const struct row *r)
{
    return (r->client && holds(t, r->client->group.clean)) ||
           (r->alarm && holds(t, r->alarm->group.clean));
}

/* Of the row's own states; where none of them is meant, of its client's. */
static bool match_state(const struct term *t, const struct row *r)
{
    if (r->alarm && t->alarms)
        return t->alarms >> r->alarm->state & 1u;
    if (r->command && t->commands)
        return t->commands >> r->command->status & 1u;
    return r->client && (t->clients >> r->client->state & 1u);
}

/* A line about an alarm of one of these kinds: its id begins with the word. */
static bool event_is_about(const struct history_event *ev, uint32_t kinds)
{
    const char *dash = strrchr(ev->alarm_id, '-');
    const size_t n = dash ? (size_t)(dash - ev->alarm_id) : 0;

    for (int k = 0; n && k < ALARM_KINDS; k++)
        if (kinds >> k & 1u && strlen(alarm_kinds[k].word) == n &&
            memcmp(alarm_kinds[k].word, ev->alarm_id, n) == 0)
            return true;
    return false;
}

static bool match_kind(const struct term *t, const struct row *r)
{
    uint32_t holding = 0;

    if (r->event)
        return t->events >> r->event->kind & 1u || event_is_about(r->event, t->kinds);
    if (r->alarm) {
        holding = 1u << r->alarm->kind;
    } else if (r->client && !r->command && !r->log) {
        holding |= (uint32_t)r->client->failed << ALARM_SERVICE_FAILED;
        holding |= (uint32_t)r->client->crashed << ALARM_PROCESS_CRASHED;
        holding |= (uint32_t)r->client->silent << ALARM_CLIENT_SILENT;
    }
    return holding & t->kinds;
}

static bool match_action(const struct term *t, const struct row *r)
{
    return r->command && (begins_with(actions[r->command->action].word, t->value.clean) ||
                          begins_with(r->command->action_text.clean, t->value.clean));
}

static bool match_by(const struct term *t, const struct row *r)
{
    return (r->command && holds(t, r->command->requested_by.clean)) ||
           (r->alarm && holds(t, r->alarm->acknowledged_by.clean)) ||
           (r->event && holds(t, r->event->by.clean));
}

static bool match_level(const struct term *t, const struct row *r)
{
    return r->log && begins_with(r->log->level.clean, t->value.clean);
}

static bool client_holds(const struct term *t, const struct client *c)
{
    return holds(t, c->hostname.clean) || holds(t, c->spelling) || holds(t, c->group.clean) ||
           holds(t, client_states[c->state].word) || holds(t, c->process.clean) ||
           holds(t, c->process_status.clean) || holds(t, c->ip.clean) ||
           holds(t, c->version.clean) || holds(t, c->failed_unit.clean);
}

static bool alarm_holds(const struct term *t, const struct alarm *a)
{
    struct text512 summary = {""};

    words_render(&a->summary, NULL, summary.clean, sizeof(summary.clean));
    return holds(t, alarm_kinds[a->kind].word) || holds(t, alarm_states[a->state].word) ||
           holds(t, priorities[a->priority].word) || holds(t, a->subject.clean) ||
           holds(t, a->group.clean) || holds(t, a->acknowledged_by.clean) ||
           holds(t, a->note.clean) || holds(t, summary.clean) || holds(t, a->id);
}

static bool command_holds(const struct term *t, const struct command *c)
{
    char id[UID_TEXT], client[UID_TEXT];

    uid_format(&c->id, id);
    uid_format(&c->client, client);
    return holds(t, actions[c->action].word) || holds(t, c->action_text.clean) ||
           holds(t, command_statuses[c->status].word) || holds(t, c->requested_by.clean) ||
           holds(t, c->reason.clean) || holds(t, c->error_code.clean) ||
           holds(t, c->error_message.clean) || holds(t, c->rollout_id.clean) || holds(t, id) ||
           holds(t, client);
}

static bool event_holds(const struct term *t, const struct history_event *ev)
{
    struct text512 summary = {""};
    char command[UID_TEXT] = "";

    words_render(&ev->summary, NULL, summary.clean, sizeof(summary.clean));
    if (!uid_is_zero(&ev->command))
        uid_format(&ev->command, command);
    return holds(t, event_kinds[ev->kind].word) || holds(t, summary.clean) ||
           holds(t, ev->by.clean) || holds(t, ev->alarm_id) || holds(t, command);
}

static bool log_holds(const struct term *t, const struct log_line *l)
{
    return holds(t, l->level.clean) || holds(t, l->message.clean);
}

/* A row of another table shows its client by name, uuid and group. */
static bool shown_client_holds(const struct term *t, const struct client *c)
{
    return holds(t, c->hostname.clean) || holds(t, c->spelling) || holds(t, c->group.clean);
}

static bool match_any(const struct term *t, const struct row *r)
{
    if (r->alarm && alarm_holds(t, r->alarm))
        return true;
    if (r->command && command_holds(t, r->command))
        return true;
    if ((r->event && event_holds(t, r->event)) || (r->log && log_holds(t, r->log)))
        return true;
    if (!r->client)
        return false;
    return r->alarm || r->command || r->event || r->log ? shown_client_holds(t, r->client) : client_holds(t, r->client);
}

/* ---- compiling ---- */

static bool compile_state(struct term *t, struct err *e);
static bool compile_kind(struct term *t, struct err *e);

static const struct {
    const char *name;
    bool (*match)(const struct term *t, const struct row *r);
    bool (*compile)(struct term *t, struct err *e); /* NULL: any value will do */
} keys[] = {
    [KEY_ANY] = {"", match_any, NULL},
    [KEY_UUID] = {"uuid", match_uuid, NULL},
    [KEY_NAME] = {"name", match_name, NULL},
    [KEY_GROUP] = {"group", match_group, NULL},
    [KEY_STATE] = {"state", match_state, compile_state},
    [KEY_KIND] = {"kind", match_kind, compile_kind},
    [KEY_ACTION] = {"action", match_action, NULL},
    [KEY_BY] = {"by", match_by, NULL},
    [KEY_LEVEL] = {"level", match_level, NULL},
};
static_assert(sizeof(keys) / sizeof(keys[0]) == KEYS, "a row per key");

/* Bits of the words that are value, or, if none is, of those that begin with it. */
static uint32_t words_matching(const struct vocabulary *table, int n, const char *value)
{
    const int exact = vocabulary_find(table, n, value);
    uint32_t bits = 0;

    if (exact >= 0)
        return 1u << exact;
    for (int i = 0; i < n; i++)
        bits |= (uint32_t)begins_with(table[i].word, value) << i;
    return bits;
}

/* Appends the words of a table to a list that fits the error's text; a word twice is listed once.
 */
static void list_words(const struct vocabulary *table, int n, struct text512 *list)
{
    for (int i = 0; i < n; i++) {
        const size_t at = strlen(list->clean);
        const size_t len = strlen(table[i].word);
        if (!len || strstr(list->clean, table[i].word) || at + len + 2 >= sizeof(list->clean))
            continue;
        memcpy(list->clean + at, " ", 1);
        memcpy(list->clean + at + 1, table[i].word, len + 1);
    }
}

static bool compile_state(struct term *t, struct err *e)
{
    struct text512 known = {""};

    t->clients = words_matching(client_states, CLIENT_STATES, t->value.clean);
    t->alarms = words_matching(alarm_states, ALARM_STATES, t->value.clean);
    t->commands = words_matching(command_statuses, COMMAND_STATUSES, t->value.clean);
    if (t->clients || t->alarms || t->commands)
        return true;
    list_words(client_states, CLIENT_STATES, &known);
    list_words(alarm_states, ALARM_STATES, &known);
    list_words(command_statuses, COMMAND_STATUSES, &known);
    return err_set(e, EXIT_USAGE, _("filter: no state \"%s\": use one of%s"), t->value.clean,
                   known.clean);
}

static bool compile_kind(struct term *t, struct err *e)
{
    struct text512 known = {""};

    t->kinds = words_matching(alarm_kinds, ALARM_KINDS, t->value.clean);
    t->events = words_matching(event_kinds, EVENT_KINDS, t->value.clean);
    t->events &= ~(1u << EVENT_IMAGE); /* never listed */
    if (t->kinds || t->events)
        return true;
    list_words(alarm_kinds, ALARM_KINDS, &known);
    return err_set(e, EXIT_USAGE, _("filter: no kind of alarm \"%s\": use one of%s"),
                   t->value.clean, known.clean);
}

static bool is_letter(char c)
{
    return (lower(c) >= 'a' && lower(c) <= 'z') || c == '_';
}

/* "name:" at s? Returns its length with the colon, else 0 ("10:30" and "fe80::1" are text). */
static size_t key_length(const char *s)
{
    size_t n = 0;

    while (is_letter(s[n]))
        n++;
    return n > 0 && s[n] == ':' && s[n + 1] != ':' ? n + 1 : 0;
}

static bool find_key(const char *s, size_t n, enum key *key, struct err *e)
{
    struct text40 shown = {""};

    for (unsigned k = KEY_ANY + 1; k < KEYS; k++) {
        if (strlen(keys[k].name) == n && begins_with(s, keys[k].name)) {
            *key = (enum key)k;
            return true;
        }
    }
    TEXT_SET(&shown, s, n);
    return err_set(e, EXIT_USAGE,
                   _("filter: unknown key \"%s:\": use uuid: name: group: state: kind: action: by: level: "
                     "or put the text in double quotes"),
                   shown.clean);
}

/* The end of the word at s: a blank outside quotes. */
static size_t word_length(const char *s)
{
    bool quoted = false;
    size_t n = 0;

    for (; s[n] && (quoted || (s[n] != ' ' && s[n] != '\t')); n++)
        quoted ^= s[n] == '"';
    return n;
}

static void set_value(struct term *t, const char *s, size_t n)
{
    char bare[512];
    size_t len = 0;

    for (size_t i = 0; i < n && len < sizeof(bare); i++) {
        if (s[i] != '"')
            bare[len++] = s[i];
    }
    TEXT_SET(&t->value, bare, len);
    t->ascii = true;
    for (char *p = t->value.clean; *p; p++) {
        t->ascii = t->ascii && (unsigned char)*p < 0x80;
        *p = lower(*p);
    }
}

static bool compile_term(struct term *t, const char *s, size_t n, struct err *e)
{
    *t = (struct term){.negated = n > 0 && *s == '!'};
    s += t->negated;
    n -= t->negated;
    const size_t head = key_length(s);
    if (head > 0 && head <= n && !find_key(s, head - 1, &t->key, e))
        return false;
    if (t->key != KEY_ANY) {
        s += head;
        n -= head;
    }
    set_value(t, s, n);
    return !keys[t->key].compile || keys[t->key].compile(t, e);
}

static size_t count_words(const char *s)
{
    size_t words = 0;

    for (s += strspn(s, " \t"); *s; s += strspn(s, " \t")) {
        s += word_length(s);
        words++;
    }
    return words;
}

struct filter *filter_new(const char *expression, struct err *e)
{
    const size_t count = count_words(expression);
    struct filter *f = malloc(sizeof(*f) + count * sizeof(f->terms[0]));

    if (!f) {
        err_set(e, EXIT_FAILED, _("filter: out of memory: close other programs"));
        return NULL;
    }
    f->count = count;
    for (size_t i = 0; i < count; i++) {
        expression += strspn(expression, " \t");
        const size_t n = word_length(expression);
        if (!compile_term(&f->terms[i], expression, n, e)) {
            filter_free(f);
            return NULL;
        }
        expression += n;
    }
    return f;
}

void filter_free(struct filter *f)
{
    free(f);
}

/* ---- matching ---- */

static bool match_row(const struct filter *f, const struct row *r)
{
    for (size_t i = 0; f && i < f->count; i++) {
        const struct term *t = &f->terms[i];
        const bool empty = t->value.clean[0] == '\0'; /* "state:" while it is still being typed */
        if (!empty && keys[t->key].match(t, r) == t->negated)
            return false;
    }
    return true;
}

bool filter_client(const struct filter *f, const struct client *c)
{
    return match_row(f, &(struct row){.client = c});
}

bool filter_alarm(const struct filter *f, const struct alarm *a, const struct client *c_or_null)
{
    return match_row(f, &(struct row){.client = c_or_null, .alarm = a});
}

bool filter_event(const struct filter *f, const struct history_event *ev,
                  const struct client *c_or_null)
{
    return match_row(f, &(struct row){.client = c_or_null, .event = ev});
}

bool filter_log(const struct filter *f, const struct log_line *l, const struct client *c_or_null)
{
    return match_row(f, &(struct row){.client = c_or_null, .log = l});
}

bool filter_command(const struct filter *f, const struct command *cmd,
                    const struct client *c_or_null)
{
    return match_row(f, &(struct row){.client = c_or_null, .command = cmd});
}
