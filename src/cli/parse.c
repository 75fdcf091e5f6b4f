/* parse.c - words of the command line into a struct call, by the two tables. getopt_long does the
 * splitting; its "-" mode hands over every word in order, so that global options may stand on
 * either side of the subcommand and each long option can be seen as it was written. */
#include "cli/call.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/timefmt.h"

enum { LONG_BASE = 256, OPTIONS_MOST = 64 };

/* The options that are known at this point of the line, in getopt's own form. */
struct grammar {
    const struct cli_option *row[OPTIONS_MOST];
    struct option longs[OPTIONS_MOST + 1];
    char shorts[2 * OPTIONS_MOST + 3];
    unsigned count;
};

static void grammar_add(struct grammar *g, const struct cli_option *options, unsigned n)
{
    for (unsigned i = 0; i < n && g->count < OPTIONS_MOST; i++) {
        const struct cli_option *o = &options[i];
        if (!o->name)
            continue;
        g->row[g->count] = o;
        g->longs[g->count] = (struct option){
            .name = o->name,
            .has_arg = o->type == VALUE_NONE ? no_argument : required_argument,
            .val = LONG_BASE + (int)g->count,
        };
        g->longs[++g->count] = (struct option){0};
        if (o->letter) {
            const size_t end = strlen(g->shorts);
            g->shorts[end] = o->letter;
            g->shorts[end + 1] = o->type == VALUE_NONE ? '\0' : ':';
        }
    }
}

static void grammar_init(struct grammar *g, const struct subcommand *sub)
{
    unsigned n;
    const struct cli_option *global = cli_global_options(&n);

    memset(g, 0, sizeof *g);
    memcpy(g->shorts, "-:", 2);
    grammar_add(g, global, n);
    if (sub)
        grammar_add(g, sub->options, sub->option_count);
}

static const struct cli_option *grammar_find(const struct grammar *g, int c)
{
    if (c >= LONG_BASE)
        return g->row[c - LONG_BASE];
    for (unsigned i = 0; i < g->count; i++)
        if (g->row[i]->letter == c)
            return g->row[i];
    return NULL;
}

/* getopt_long takes any unique beginning of a long option: then a new option of ours would break
 * scripts. */
static bool is_abbreviated(const struct cli_option *o, const char *word)
{
    return strncmp(word, "--", 2) == 0 && strcspn(word + 2, "=") != strlen(o->name);
}

static bool unknown_option(const struct grammar *g, const char *word, struct err *e)
{
    const char *names[OPTIONS_MOST];
    char given[96];

    if (!strncmp(word, "-P", 2) || !strncmp(word, "--password", 10) || !strncmp(word, "--pw", 4))
        return err_set(e, EXIT_USAGE,
                       _("%.2s: a password on the command line is seen by everyone on this "
                         "machine: set MQTT_PASSWORD or broker.password_file. Try --help"),
                       "-P");
    const struct quoted q = quote(word);
    snprintf(given, sizeof given, "%.*s", (int)strcspn(q.clean, "="), q.clean);
    for (unsigned i = 0; i < g->count; i++)
        names[i] = g->row[i]->name;
    const char *near = !strncmp(given, "--", 2) ? nearest_word(given + 2, names, g->count) : NULL;
    if (near)
        return err_set(e, EXIT_USAGE, _("unknown option %s: did you mean --%s? Try --help"), given,
                       near);
    return err_set(e, EXIT_USAGE, _("unknown option %s: Try --help"), given);
}

static bool starts_group(const char *word)
{
    unsigned n;
    const struct subcommand *s = cli_subcommands(&n);
    const size_t len = strlen(word);

    for (unsigned i = 0; i < n; i++)
        if (s[i].name && !strncmp(s[i].name, word, len) && s[i].name[len] == ' ')
            return true;
    return false;
}

static const struct subcommand *find_subcommand(const char *name)
{
    unsigned n;
    const struct subcommand *s = cli_subcommands(&n);

    for (unsigned i = 0; i < n; i++)
        if ((s[i].name && !strcmp(s[i].name, name)) || (s[i].alias && !strcmp(s[i].alias, name)))
            return &s[i];
    return NULL;
}

static bool unknown_subcommand(const char *name, struct err *e)
{
    unsigned n, count = 0;
    const struct subcommand *s = cli_subcommands(&n);
    const char *names[64];

    for (unsigned i = 0; i < n && count < 62; i++) {
        if (s[i].flags & SUB_HIDDEN)
            continue;
        if (s[i].name && s[i].name[0])
            names[count++] = s[i].name;
        if (s[i].alias)
            names[count++] = s[i].alias;
    }
    const char *near = nearest_word(name, names, count);
    if (near)
        return err_set(e, EXIT_USAGE, _("unknown subcommand %s: did you mean %s? Try --help"),
                       quote(name).clean, near);
    return err_set(e, EXIT_USAGE, _("unknown subcommand %s: Try --help"), quote(name).clean);
}

/* The verbs of a group ("broker"), for the message that one is missing. */
static bool missing_verb(const char *group, struct err *e)
{
    unsigned n;
    const struct subcommand *s = cli_subcommands(&n);
    const size_t len = strlen(group);
    char verbs[160] = "";
    size_t used = 0;

    for (unsigned i = 0; i < n && used < sizeof verbs; i++)
        if (s[i].name && !strncmp(s[i].name, group, len) && s[i].name[len] == ' ')
            used += (size_t)snprintf(verbs + used, sizeof verbs - used, "%s%s", used ? ", " : "",
                                     s[i].name + len + 1);
    return err_set(e, EXIT_USAGE, _("%s: what to do is missing: one of %s. Try --help"), group,
                   verbs);
}

struct parser {
    struct call *call;
    struct grammar grammar;
    char group[48]; /* first word of a two-word subcommand */
    bool chosen;
};

/* "commands" is a subcommand and begins another, "commands cancel". */
static bool narrow(struct parser *p, const char *word)
{
    char name[112];

    snprintf(name, sizeof name, "%.40s %.60s", p->call->sub->name, word);
    const struct subcommand *sub = p->call->arg_count == 0 ? find_subcommand(name) : NULL;
    if (!sub)
        return false;
    p->call->sub = sub;
    grammar_init(&p->grammar, sub);
    return true;
}

static bool take_word(struct parser *p, const char *word, struct err *e)
{
    char name[112];

    if (p->chosen && narrow(p, word))
        return true;
    if (p->chosen) {
        p->call->args[p->call->arg_count++] = word;
        return true;
    }
    if (!p->group[0] && starts_group(word) && !find_subcommand(word)) {
        snprintf(p->group, sizeof p->group, "%s", word);
        return true;
    }
    snprintf(name, sizeof name, "%s%s%.60s", p->group, p->group[0] ? " " : "", word);
    p->call->sub = find_subcommand(name);
    if (!p->call->sub)
        return unknown_subcommand(name, e);
    p->chosen = true;
    grammar_init(&p->grammar, p->call->sub);
    return true;
}

static bool take_option(struct parser *p, int c, const char *word, struct err *e)
{
    struct call *call = p->call;
    const struct cli_option *o = c == '?' || c == ':' ? NULL : grammar_find(&p->grammar, c);

    if (c == ':')
        return err_set(e, EXIT_USAGE, _("%s: its value is missing: Try --help"), quote(word).clean);
    if (!o || is_abbreviated(o, word))
        return unknown_option(&p->grammar, word, e);
    if (!strcmp(o->name, "help"))
        call->help = true;
    else if (!strcmp(o->name, "version"))
        call->version = true;
    else
        call->given[call->given_count++] = (struct given){o, optarg};
    return call->help || !optarg || value_check(o, optarg, e);
}

/* A short option's letter stands inside the word where several are joined. */
static const char *word_of(int c, char **argv, int at, int argc, char scratch[3])
{
    const char *word = at < argc ? argv[at] : "";

    if ((c == '?' || c == ':') && word[0] == '-' && word[1] != '-' && optopt > 0 && optopt < 128) {
        snprintf(scratch, 3, "-%c", optopt);
        return scratch;
    }
    return word;
}

static bool check_args(const struct call *call, struct err *e)
{
    const struct subcommand *s = call->sub;

    if (call->help || call->version)
        return true;
    const char *output = call_last(call, "output");
    if (output && !strcmp(output, "md") && !(s->flags & SUB_MARKDOWN))
        return err_set(e, EXIT_USAGE, _("--output: md: only of incident: use table, json or csv"));
    if (call->arg_count < s->least_args)
        return err_set(e, EXIT_USAGE, _("%s: %s is missing: Try --help"), s->name, s->usage);
    if (s->most_args >= 0 && call->arg_count > s->most_args)
        return err_set(e, EXIT_USAGE, _("%s: \"%s\" is one word too many: Try --help"),
                       s->name[0] ? s->name : "infoscreen-tui",
                       quote(call->args[s->most_args]).clean);
    return true;
}

bool call_parse(struct call *call, int argc, char **argv, struct err *e)
{
    struct parser p = {.call = call};
    char scratch[3];
    bool ok = true;

    call->sub = find_subcommand("");
    call->given = calloc((size_t)argc * 2 + 1, sizeof *call->given);
    call->args = calloc((size_t)argc + 1, sizeof *call->args);
    if (!call->given || !call->args)
        return err_set(e, EXIT_FAILED, _("out of memory: close something else"));
    grammar_init(&p.grammar, NULL);
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    int at = 1, c;
    while (ok && (c = getopt_long(argc, argv, p.grammar.shorts, p.grammar.longs, NULL)) != -1) {
        ok = c == 1 ? take_word(&p, optarg, e)
                    : take_option(&p, c, word_of(c, argv, at, argc, scratch), e);
        at = optind;
    }
    for (int i = optind; ok && i < argc; i++) /* behind "--" */
        ok = take_word(&p, argv[i], e);
    if (ok && p.group[0] && !p.chosen && !call->help && !call->version)
        ok = missing_verb(p.group, e);
    return ok && check_args(call, e);
}

void call_fini(struct call *call)
{
    free(call->given);
    free(call->args);
    free(call->globals.key_bindings);
    explicit_bzero(call->globals.password, sizeof call->globals.password);
}

/* ---- what was given ---- */

const char *call_value(const struct call *call, const char *name, int k)
{
    for (int i = 0; i < call->given_count; i++)
        if (!strcmp(call->given[i].option->name, name) && k-- == 0)
            return call->given[i].text;
    return NULL;
}

const char *call_last(const struct call *call, const char *name)
{
    for (int i = call->given_count - 1; i >= 0; i--)
        if (!strcmp(call->given[i].option->name, name))
            return call->given[i].text;
    return NULL;
}

bool call_has(const struct call *call, const char *name)
{
    for (int i = 0; i < call->given_count; i++)
        if (!strcmp(call->given[i].option->name, name))
            return true;
    return false;
}

int64_t call_duration(const struct call *call, const char *name, int64_t preset)
{
    const char *text = call_last(call, name);
    int64_t ms = preset;

    return text && duration_parse(text, &ms) ? ms : preset;
}

int64_t call_count(const struct call *call, const char *name, int64_t preset)
{
    const char *text = call_last(call, name);
    return text ? strtoll(text, NULL, 10) : preset;
}

bool call_above_zero(const struct call *call, const char *name, struct err *e)
{
    return !call_has(call, name) || call_count(call, name, 0) > 0 ||
           err_set(e, EXIT_USAGE, _("--%s: \"%s\": expected a number above 0"), name,
                   quote(call_last(call, name)).clean);
}

int64_t call_when(const struct call *call, const char *name)
{
    const char *text = call_last(call, name);
    int64_t at;

    return text && time_parse_when(text, clock_wall_ms(), &at) ? at : TIME_NONE;
}
