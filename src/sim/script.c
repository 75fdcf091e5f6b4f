/* script.c - reads the story of a demo: "at 3s crash lobby-03", one step a line. */
#include "sim/fleet.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/i18n.h"
#include "base/text.h"
#include "base/timefmt.h"

#define LINE_SIZE 512
#define FILE_MAX  (1 << 20)

/* Where the parser stands. */
struct reader {
    const char *file; /* as errors name it */
    int line;
    char *at;    /* in the line's own copy */
    int n;       /* devices; 0: names aren't looked at */
    bool absent; /* the step names a device that doesn't exist */
    struct err *e;
};

static bool complain(const struct reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool complain(const struct reader *r, const char *format, ...)
{
    char what[360];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return err_set(r->e, EXIT_USAGE, "%s:%d: %s", r->file, r->line, what);
}

static void clean(const char *s, struct text96 *out)
{
    out->clean[0] = '\0';
    TEXT_SET(out, s, strlen(s));
}

/* The next word, "" at the end of the line. */
static const char *word(struct reader *r)
{
    char *start = r->at + strspn(r->at, " \t");
    char *end = start + strcspn(start, " \t");

    r->at = *end ? end + 1 : end;
    *end = '\0';
    return start;
}

static bool expect(struct reader *r, const char *what)
{
    struct text96 shown;
    const char *got = word(r);

    if (strcmp(got, what) == 0)
        return true;
    clean(got, &shown);
    return complain(r, _("\"%s\" where \"%s\" was expected"), shown.clean, what);
}

static bool take_duration(struct reader *r, int64_t *out)
{
    struct text96 shown;
    const char *got = word(r);

    if (duration_parse(got, out))
        return true;
    clean(got, &shown);
    return complain(r, _("\"%s\" is no duration: write 500ms, 3s or 2m"), shown.clean);
}

/* ---- "did you mean" ---- */

static int edit_distance(const char *a, const char *b)
{
    int row[32];
    const int n = (int)strlen(b);

    if (n >= 31 || strlen(a) >= 31)
        return 99;
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 0; a[i]; i++) {
        int diagonal = row[0]++;
        for (int j = 0; j < n; j++) {
            const int change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = change < diagonal + 1 ? change : diagonal + 1;
            if (row[j] + 1 < row[j + 1])
                row[j + 1] = row[j] + 1;
        }
    }
    return row[n];
}

static bool unknown_verb(const struct reader *r, const char *got)
{
    struct text96 shown;
    const char *best = NULL;
    int least = 3; /* more than two changes is another word */

    for (size_t i = 0; verb_at(i); i++) {
        const int away = edit_distance(got, verb_at(i)->name);
        if (away < least) {
            least = away;
            best = verb_at(i)->name;
        }
    }
    clean(got, &shown);
    if (best)
        return complain(r, _("unknown verb \"%s\": did you mean %s?"), shown.clean, best);
    return complain(r, _("unknown verb \"%s\": docs/demo-scripts.md lists them"), shown.clean);
}

/* ---- arguments, by their letters in the table of verbs ---- */

static bool take_device(struct reader *r, struct step *s)
{
    char name[SIM_NAME];
    struct text96 shown;
    const char *got = word(r);

    if (!*got)
        return complain(r, _("the name of a device is missing: %s"), _(s->verb->usage));
    snprintf(s->name, sizeof s->name, "%s", got);
    s->device = -1;
    for (int i = 0; s->device < 0 && i < r->n; i++) {
        sim_name(i, name);
        if (strcmp(name, got) == 0)
            s->device = i;
    }
    if (s->device >= 0 || r->n == 0)
        return true;
    r->absent = true;
    clean(got, &shown);
    return complain(r, _("no device is called \"%s\": the fleet of %d has names like lobby-01"),
                    shown.clean, r->n);
}

static bool take_group(struct reader *r, struct step *s)
{
    char name[SIM_NAME];
    struct text96 shown;
    const char *got = word(r);

    if (!*got)
        return complain(r, _("the name of a group is missing: %s"), _(s->verb->usage));
    snprintf(s->name, sizeof s->name, "%s", got);
    for (int i = 0; i < r->n; i++) {
        sim_group(i, r->n, name);
        if (strcmp(name, got) == 0)
            return true;
    }
    if (r->n == 0)
        return true;
    r->absent = true;
    clean(got, &shown);
    return complain(r, _("no group is called \"%s\": there are names like vienna-1"), shown.clean);
}

static bool take_for(struct reader *r, struct step *s)
{
    const char *rest = r->at + strspn(r->at, " \t");

    if (!*rest)
        return true;
    return expect(r, "for") && take_duration(r, &s->duration);
}

static bool take_unit(struct reader *r, struct step *s)
{
    snprintf(s->text, sizeof s->text, "%s", word(r));
    return true;
}

static bool take_times(struct reader *r, struct step *s)
{
    struct text96 shown;
    const char *got = word(r);
    char *end;

    s->times = (int)strtol(got, &end, 10);
    if (end == got || *end || s->times < 1 || s->times > 1000) {
        clean(got, &shown);
        return complain(r, _("\"%s\" is no number of times: %s"), shown.clean, _(s->verb->usage));
    }
    return expect(r, "times") && expect(r, "every") && take_duration(r, &s->every);
}

static bool take_level(struct reader *r, struct step *s)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    struct text96 shown;
    const char *got = word(r);

    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (strcmp(got, levels[i]) == 0) {
            snprintf(s->level, sizeof s->level, "%s", got);
            return true;
        }
    clean(got, &shown);
    return complain(r, _("\"%s\" is no level: debug, info, warn or error"), shown.clean);
}

static bool take_text(struct reader *r, struct step *s)
{
    const char *rest = r->at + strspn(r->at, " \t");

    snprintf(s->text, sizeof s->text, "%s", rest);
    r->at += strlen(r->at);
    return *rest || complain(r, _("the text is missing: %s"), _(s->verb->usage));
}

static bool take_broker_word(struct reader *r, struct step *s)
{
    struct text96 shown;
    const char *got = word(r);

    snprintf(s->level, sizeof s->level, "%s", got);
    if (strcmp(got, "start") == 0 || strcmp(got, "restart") == 0)
        return true;
    if (strcmp(got, "stop") == 0 || strcmp(got, "kill") == 0)
        return take_for(r, s);
    clean(got, &shown);
    return complain(r, _("\"%s\" can't be done to a broker: stop, kill, start or restart"),
                    shown.clean);
}

static const struct {
    char letter;
    bool (*take)(struct reader *r, struct step *s);
} takers[] = {
    {'d', take_device}, {'g', take_group}, {'f', take_for},  {'u', take_unit},
    {'t', take_times},  {'l', take_level}, {'x', take_text}, {'b', take_broker_word},
};

static bool take_args(struct reader *r, struct step *s)
{
    for (const char *p = s->verb->args; *p; p++)
        for (size_t i = 0; i < sizeof takers / sizeof *takers; i++)
            if (takers[i].letter == *p && !takers[i].take(r, s))
                return false;
    if (r->at[strspn(r->at, " \t")]) {
        struct text96 shown;
        clean(word(r), &shown);
        return complain(r, _("\"%s\" is one word too many: %s"), shown.clean, _(s->verb->usage));
    }
    return true;
}

/* ---- lines ---- */

static bool script_append(struct script *s, const struct step *step)
{
    struct step *added = array_add(&s->steps, &s->n, &s->cap, sizeof *added);

    if (added)
        *added = *step;
    return added != NULL;
}

static bool parse_line(struct reader *r, struct step *s)
{
    const char *name;

    if (!expect(r, "at") || !take_duration(r, &s->at))
        return false;
    name = word(r);
    if (!*name)
        return complain(r, _("what is to happen is missing: docs/demo-scripts.md lists the verbs"));
    s->verb = verb_find(name);
    return s->verb ? take_args(r, s) : unknown_verb(r, name);
}

static int by_time(const void *a, const void *b)
{
    const struct step *x = a, *y = b;

    return x->at != y->at ? (x->at < y->at ? -1 : 1) : x->line - y->line;
}

bool script_parse(struct script *s, const char *shown, const char *text, int n, bool lenient,
                  struct err *e)
{
    struct reader r = {.file = shown, .n = n, .e = e};
    char line[LINE_SIZE];

    *s = (struct script){0};
    for (const char *p = text; *p;) {
        const size_t len = strcspn(p, "\n");
        struct step step = {.line = ++r.line};
        if (len >= sizeof line) {
            script_fini(s);
            return complain(&r, _("this line is too long: at most %d characters"), LINE_SIZE - 1);
        }
        snprintf(line, sizeof line, "%.*s", (int)len, p);
        line[strcspn(line, "\r")] = '\0';
        r.at = line + strspn(line, " \t");
        r.absent = false;
        if (*r.at && *r.at != '#') {
            const bool good = parse_line(&r, &step);
            if (!good && !(lenient && r.absent)) {
                script_fini(s);
                return false;
            }
            if (good && !script_append(s, &step)) {
                script_fini(s);
                return err_set(e, EXIT_FAILED, _("out of memory"));
            }
        }
        p += len + (p[len] == '\n');
    }
    if (e && lenient)
        *e = (struct err){0};
    if (s->n)
        qsort(s->steps, s->n, sizeof *s->steps, by_time);
    return true;
}

bool script_load(struct script *s, const char *path, int n, struct err *e)
{
    struct text96 shown;
    char *text = malloc(FILE_MAX + 1);
    FILE *f = fopen(path, "re");
    size_t len = 0;
    bool ok = text && f;

    clean(path, &shown);
    if (!f)
        err_set(e, EXIT_USAGE, _("the script %s can't be read: %s"), shown.clean, strerror(errno));
    if (ok) {
        len = fread(text, 1, FILE_MAX, f);
        ok = !ferror(f) && feof(f) && !memchr(text, '\0', len);
        if (!ok)
            err_set(e, EXIT_USAGE, _("%s is no script: a text file with a step a line"),
                    shown.clean);
    }
    if (ok) {
        text[len] = '\0';
        ok = script_parse(s, shown.clean, text, n, false, e);
    }
    if (f)
        fclose(f);
    free(text);
    return ok;
}

void script_fini(struct script *s)
{
    free(s->steps);
    *s = (struct script){0};
}

bool sim_check_script_for(const char *path, int n, struct err *e)
{
    struct script s = {0};
    const bool ok = script_load(&s, path, n, e);

    script_fini(&s);
    return ok;
}

bool sim_check_script(const char *path, struct err *e)
{
    return sim_check_script_for(path, 0, e);
}
