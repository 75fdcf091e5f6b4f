/* complete.c - the hidden __complete: candidates for the last word of a line, one on a line, from
 * the same tables as everything else; uuids and alarm ids come from the history. */
#include "cli/commands.h"

#include <string.h>
#include <strings.h>

#include "base/i18n.h"
#include "cli/dataset.h"
#include "core/filter.h"

static void offer(const char *candidate, const char *start)
{
    if (!strncmp(candidate, start, strlen(start)))
        puts(candidate);
}

static void offer_words(const struct vocabulary *table, int n, const char *start)
{
    for (int i = 0; i < n; i++)
        if (table[i].word)
            offer(table[i].word, start);
}

static bool offer_client(void *user, const struct client *c)
{
    if (!strncasecmp(c->spelling, user, strlen(user)))
        puts(c->spelling);
    return true;
}

static bool offer_alarm(void *user, const struct alarm *a)
{
    offer(a->id, user);
    return true;
}

static void offer_stored(const struct call *call, const char *start, bool alarms)
{
    struct err e = {0};
    struct reader *r = reader_open(call->globals.db_path, &e);
    char word[64];

    snprintf(word, sizeof word, "%s", start);
    if (r)
        reader_clients(r, offer_client, word, &e);
    if (r && alarms)
        reader_alarms(r, false, offer_alarm, word, &e);
    reader_close(r);
}

static void offer_keys(const char *start)
{
    unsigned n;
    const struct config_key *keys = config_keys(&n);
    char word[96];

    for (unsigned i = 0; i < n; i++) {
        snprintf(word, sizeof word, "%s=", keys[i].name);
        offer(word, start);
    }
}

static void offer_values(const struct call *call, enum value_type type, const char *start)
{
    static const char *const formats[] = {"table", "json", "csv", "md"};

    switch (type) {
    case VALUE_STATE:
        offer_words(client_states, CLIENT_STATES, start);
        break;
    case VALUE_ALARM_KIND:
        offer_words(alarm_kinds, ALARM_KINDS, start);
        break;
    case VALUE_ALARM_SORT:
        offer_words(alarm_sorts, ALARM_SORTS, start);
        break;
    case VALUE_EVENT_KIND:
        offer_words(event_kinds + 1, EVENT_KINDS - 1, start);
        break;
    case VALUE_OUTPUT:
        for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
            offer(formats[i], start);
        break;
    case VALUE_SETTING:
        offer_keys(start);
        break;
    case VALUE_CLIENT:
        offer_stored(call, start, false);
        break;
    case VALUE_ALARM:
        offer_stored(call, start, true);
        break;
    default:
        break;
    }
}

static void offer_options(const struct cli_option *o, unsigned n, const char *start)
{
    char word[64];

    for (unsigned i = 0; i < n; i++) {
        if (!o[i].name)
            continue;
        snprintf(word, sizeof word, "--%s", o[i].name);
        offer(word, start);
    }
}

/* The option that the word before belongs to, if it wants a value. */
static const struct cli_option *wanting(const struct cli_option *o, unsigned n, const char *before)
{
    for (unsigned i = 0; i < n; i++) {
        const bool by_letter =
            o[i].letter && before[0] == '-' && before[1] == o[i].letter && !before[2];
        const bool by_name =
            o[i].name && !strncmp(before, "--", 2) && !strcmp(before + 2, o[i].name);
        if (o[i].type != VALUE_NONE && (by_letter || by_name))
            return &o[i];
    }
    return NULL;
}

/* The subcommand among the words before the last; *group: the first word of a two-word one. */
static const struct subcommand *subcommand_of(const struct call *call, const char **group)
{
    unsigned n, globals;
    const struct subcommand *s = cli_subcommands(&n);
    const struct cli_option *g = cli_global_options(&globals);
    char name[96] = "";

    *group = NULL;
    for (int i = 0; i + 1 < call->arg_count; i++) {
        if (call->args[i][0] == '-') {
            i += wanting(g, globals, call->args[i]) != NULL;
            continue;
        }
        const size_t used = strlen(name);
        snprintf(name + used, sizeof name - used, "%s%.40s", used ? " " : "", call->args[i]);
        for (unsigned k = 0; k < n; k++)
            if (!strcmp(s[k].name, name) || (s[k].alias && !strcmp(s[k].alias, name)))
                return &s[k];
        *group = call->args[i];
    }
    return NULL;
}

static void offer_subcommands(const char *group, const char *start)
{
    unsigned n;
    const struct subcommand *s = cli_subcommands(&n);
    char word[64];

    for (unsigned i = 0; i < n; i++) {
        const char *blank = strchr(s[i].name, ' ');
        const size_t first = blank ? (size_t)(blank - s[i].name) : strlen(s[i].name);
        if (s[i].flags & SUB_HIDDEN || !s[i].name[0])
            continue;
        if (group && blank && strlen(group) == first && !strncmp(s[i].name, group, first))
            offer(blank + 1, start);
        const bool again = i > 0 && blank && !strncmp(s[i - 1].name, s[i].name, first);
        snprintf(word, sizeof word, "%.*s", (int)first, s[i].name);
        if (!group && !again)
            offer(word, start);
        if (!group && s[i].alias)
            offer(s[i].alias, start);
    }
}

int run_complete(struct call *call, struct err *e)
{
    const char *last = call->arg_count ? call->args[call->arg_count - 1] : "";
    const char *before = call->arg_count > 1 ? call->args[call->arg_count - 2] : "";
    const char *group;
    unsigned n;
    const struct cli_option *global = cli_global_options(&n);
    const struct subcommand *sub = subcommand_of(call, &group);
    const struct cli_option *o = wanting(global, n, before);

    if (!o && sub)
        o = wanting(sub->options, sub->option_count, before);
    if (o) {
        offer_values(call, o->type, last);
    } else if (last[0] == '-') {
        offer_options(global, n, last);
        if (sub)
            offer_options(sub->options, sub->option_count, last);
    } else if (sub) {
        offer_values(call, sub->args, last);
    } else {
        offer_subcommands(group, last);
    }
    return output_finish(stdout, e);
}
