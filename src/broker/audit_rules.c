/* audit_rules.c - access rules that give more than they should, by file and line. */
#include "broker/audit_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/i18n.h"

/* One line of an acl_file in its parts. */
struct acl_line {
    char where[80];               /* "devices.acl:12"; "dynsec.json" */
    char user[USERNAME_SIZE * 2]; /* of the block; "" before the first */
    char uuid[UID_TEXT];          /* of the block; "" where it has none of a device's topics */
    enum { LINE_USER, LINE_TOPIC, LINE_PATTERN, LINE_WRONG } kind;
    bool read, write;
    char filter[256];
    char text[256];
};

typedef void (*acl_line_fn)(struct audit_run *r, const struct acl_line *l);

static void split_rule(struct acl_line *l, char *rest)
{
    static const struct {
        const char *word;
        bool read, write;
    } access[] = {{"readwrite ", true, true},
                  {"read ", true, false},
                  {"write ", false, true},
                  {"deny ", false, false}};

    l->read = l->write = true;
    for (size_t i = 0; i < sizeof access / sizeof *access; i++) {
        const size_t n = strlen(access[i].word);
        if (strncmp(rest, access[i].word, n) == 0) {
            l->read = access[i].read;
            l->write = access[i].write;
            rest += n;
            break;
        }
    }
    snprintf(l->filter, sizeof l->filter, "%s", rest + strspn(rest, " "));
}

/* The uuid behind infoscreen/ that the account's name begins with. */
static void take_uuid(struct acl_line *l)
{
    static const char prefix[] = "infoscreen/", account[] = "infoscreen-client-";
    const char *at = l->filter + sizeof prefix - 1;
    struct uid ignored;

    if (l->uuid[0] || strncmp(l->filter, prefix, sizeof prefix - 1) != 0 ||
        strlen(at) < UID_TEXT - 1 || !uid_parse(at, UID_TEXT - 1, &ignored) ||
        strncmp(l->user, account, sizeof account - 1) != 0 ||
        strncasecmp(l->user + sizeof account - 1, at, 8) != 0)
        return;
    snprintf(l->uuid, sizeof l->uuid, "%.*s", UID_TEXT - 1, at);
}

static void parse_line(struct acl_line *l, const char *p, size_t n)
{
    while (n && isspace((unsigned char)p[n - 1]))
        n--;
    snprintf(l->text, sizeof l->text, "%.*s", (int)(n < 255 ? n : 255), p);
    l->kind = LINE_WRONG;
    if (strncmp(l->text, "user ", 5) == 0) {
        l->kind = LINE_USER;
        l->uuid[0] = '\0';
        snprintf(l->user, sizeof l->user, "%.60s", l->text + 5);
    } else if (strncmp(l->text, "topic ", 6) == 0) {
        l->kind = LINE_TOPIC;
        split_rule(l, l->text + 6);
        take_uuid(l);
    } else if (strncmp(l->text, "pattern ", 8) == 0) {
        l->kind = LINE_PATTERN;
        split_rule(l, l->text + 8);
    }
}

static void walk_text(struct audit_run *r, const char *path, bool numbered, const char *text)
{
    struct acl_line l = {.user = ""};
    int number = 1;

    for (const char *p = text; *p; number++) {
        const size_t n = strcspn(p, "\n");
        snprintf(l.where, sizeof l.where, numbered ? "%.60s:%d" : "%.60s", base_name(path), number);
        if (n && *p != '#' && *p != '\r')
            parse_line(&l, p, n), r->each_line(r, &l);
        p += n + (p[n] == '\n');
    }
}

static void walk_file(struct audit_run *r, const char *path)
{
    struct buf text = BUF_INIT;
    struct err e = {0};

    if (file_read(path, &text, &e))
        walk_text(r, path, true, buf_str(&text));
    else
        audit_fault(r, _("%s: a broker that can't read its rules lets everyone in: repair it"),
                    e.text);
    buf_fini(&text);
}

struct dynsec *audit_plugin(struct audit_run *r, const char *path)
{
    struct buf text = BUF_INIT;

    if (!r->plugin_read && file_read(path, &text, &r->plugin_error))
        r->plugin = dynsec_parse(path, buf_str(&text), &r->plugin_error);
    if (!r->plugin_read && r->plugin)
        r->audit->failed |= !dynsec_rules(r->plugin, &r->plugin_rules);
    r->plugin_read = true;
    buf_fini(&text);
    return r->plugin;
}

static void walk_plugin(struct audit_run *r, const char *path)
{
    if (audit_plugin(r, path)) /* files.plugin says what is wrong with one that isn't read */
        walk_text(r, path, false, buf_str(&r->plugin_rules));
}

static void walk(struct audit_run *r, acl_line_fn fn)
{
    r->each_line = fn;
    audit_each_file(r, "acl_file", walk_file);
    audit_each_file(r, "plugin_opt_config_file", walk_plugin);
}

/* Does the filter `given` take in all that `asked` does? */
static bool covers(const char *given, const char *asked)
{
    for (;;) {
        const size_t n = strcspn(given, "/"), m = strcspn(asked, "/");
        if (n == 1 && *given == '#')
            return true;
        if (m == 1 && *asked == '#')
            return false;
        if (!(n == 1 && *given == '+') && (n != m || strncasecmp(given, asked, n) != 0))
            return false;
        if (!given[n] || !asked[m])
            return !given[n] && !asked[m];
        given += n + 1;
        asked += m + 1;
    }
}

/* Is one direction of the rule among those that a fresh directory would write? */
static bool expected(const char *fresh, const struct acl_line *l, bool write)
{
    struct acl_line g;

    for (const char *p = fresh; *p;) {
        const size_t n = strcspn(p, "\n");
        g = (struct acl_line){.user = ""};
        parse_line(&g, p, n);
        if (g.kind == LINE_TOPIC && (write ? g.write : g.read) && covers(g.filter, l->filter))
            return true;
        p += n + (p[n] == '\n');
    }
    return false;
}

static bool gives_too_much(const struct buf *fresh, const struct acl_line *l)
{
    return (l->read && !expected(buf_str(fresh), l, false)) ||
           (l->write && !expected(buf_str(fresh), l, true));
}

/* ---- rules ---- */

static void judge_everyone(struct audit_run *r, const struct acl_line *l)
{
    if (l->kind == LINE_PATTERN && strstr(l->filter, "%c"))
        audit_fault(r,
                    _("%s: %%c is the client id, which a client chooses: write a block for "
                      "each account"),
                    l->where);
    else if (l->kind == LINE_PATTERN)
        audit_fault(r, _("%s: a pattern gives it to every account: write a block for each"),
                    l->where);
    else if (l->kind == LINE_TOPIC && !l->user[0])
        audit_fault(r,
                    _("%s: a rule before the first user is for whoever has no name: take it "
                      "out"),
                    l->where);
}

static void validate_file(struct audit_run *r, const char *path)
{
    struct buf text = BUF_INIT;
    struct err e = {0};

    if (!file_read(path, &text, &e))
        audit_fault(r, _("%s: a broker that can't read its rules lets everyone in: repair it"),
                    e.text);
    else if (!acl_validate(path, buf_str(&text), &e))
        audit_fault(r, "%s", e.text);
    buf_fini(&text);
}

void look_everyone(struct audit_run *r)
{
    audit_each_file(r, "acl_file", validate_file);
    walk(r, judge_everyone);
}

static void judge_device(struct audit_run *r, const struct acl_line *l)
{
    struct account a = {.username = ""};
    struct buf fresh = BUF_INIT;

    if (l->kind != LINE_TOPIC || !l->user[0] || strcmp(l->user, SERVER_ACCOUNT) == 0)
        return;
    snprintf(a.username, sizeof a.username, "%.31s", l->user);
    snprintf(a.client_uuid, sizeof a.client_uuid, "%s", l->uuid[0] ? l->uuid : "-");
    if (acl_write_device(&fresh, &a, NULL) && gives_too_much(&fresh, l))
        audit_fault(r, _("%s: %s may %s %s, which isn't its own: take the line out"), l->where,
                    l->user, l->write ? _("write") : _("read"), l->filter);
    buf_fini(&fresh);
}

void look_device_rules(struct audit_run *r)
{
    walk(r, judge_device);
}

static void judge_server(struct audit_run *r, const struct acl_line *l)
{
    struct buf fresh = BUF_INIT;

    if (l->kind != LINE_TOPIC || strcmp(l->user, SERVER_ACCOUNT) != 0)
        return;
    if (acl_write_server(&fresh, "") && !acl_is_canary(l->filter) && gives_too_much(&fresh, l))
        audit_fault(r, _("%s: %s may %s %s, which consoles don't need: take the line out"),
                    l->where, l->user, l->write ? _("write") : _("read"), l->filter);
    buf_fini(&fresh);
}

void look_server_rules(struct audit_run *r)
{
    walk(r, judge_server);
}

static void count_canary(struct audit_run *r, const struct acl_line *l)
{
    r->canaries += l->kind == LINE_TOPIC && acl_is_canary(l->filter);
}

void look_canary(struct audit_run *r)
{
    r->canaries = 0;
    walk(r, count_canary);
    if (r->canaries == 0)
        audit_fault(r, _("no canary, so that no reload can be proved: broker add, remove or rotate "
                         "writes one"));
    else if (r->canaries > 1)
        audit_fault(r, _("%u canaries: all but the last are left over: take them out"),
                    r->canaries);
}

/* ---- one account, two devices ---- */

struct owner_row {
    char username[USERNAME_SIZE], uuid[UID_TEXT];
};

struct owners {
    struct owner_row *list;
    size_t n, cap;
};

static bool owners_add(void *user, const char *username, const char *uuid)
{
    struct owners *o = user;
    struct owner_row *row = array_add(&o->list, &o->n, &o->cap, sizeof *row);

    if (!row)
        return false;
    snprintf(row->username, USERNAME_SIZE, "%s", username);
    snprintf(row->uuid, UID_TEXT, "%s", uuid);
    return true;
}

static int by_prefix(const void *a, const void *b)
{
    const struct owner_row *x = a, *y = b;
    const int c = strncasecmp(x->uuid, y->uuid, 8);

    return c ? c : strcasecmp(x->uuid, y->uuid);
}

static void judge_shared(struct audit_run *r, const char *path, const struct buf *rules)
{
    struct owners o = {0};

    r->audit->failed |= !acl_each_account(buf_str(rules), owners_add, &o);
    if (o.n)
        qsort(o.list, o.n, sizeof *o.list, by_prefix);
    for (size_t i = 1; i < o.n; i++)
        if (strncasecmp(o.list[i - 1].uuid, o.list[i].uuid, 8) == 0)
            audit_fault(r,
                        _("%s: %s and %s share the account %s: give one of the devices a new "
                          "uuid"),
                        base_name(path), o.list[i - 1].uuid, o.list[i].uuid, o.list[i].username);
    free(o.list);
}

static void judge_prefixes(struct audit_run *r, const char *path)
{
    struct buf text = BUF_INIT;

    if (file_read(path, &text, NULL))
        judge_shared(r, path, &text);
    buf_fini(&text);
}

static void judge_plugin_prefixes(struct audit_run *r, const char *path)
{
    if (audit_plugin(r, path))
        judge_shared(r, path, &r->plugin_rules);
}

void look_prefixes(struct audit_run *r)
{
    audit_each_file(r, "acl_file", judge_prefixes);
    audit_each_file(r, "plugin_opt_config_file", judge_plugin_prefixes);
}

/* ---- the plugin ---- */

static void say_excess(void *user, const char *sentence)
{
    audit_fault(user, "%s", sentence);
}

static void judge_plugin(struct audit_run *r, const char *path)
{
    r->note[0] = '\0';
    if (audit_plugin(r, path))
        dynsec_each_excess(r->plugin, say_excess, r);
    else
        audit_fault(r, "%s", r->plugin_error.text);
}

void look_plugin(struct audit_run *r)
{
    audit_note(r, "%s", _("none: rules and passwords are files"));
    audit_each_file(r, "plugin_opt_config_file", judge_plugin);
}
