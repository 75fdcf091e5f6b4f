/* provision_change.c - accounts that go (remove) and passwords that are replaced (rotate). */
#include "broker/provision_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/i18n.h"
#include "base/text.h"

/* The accounts of the directory, sorted by username; `chosen` points into touched[]. */
struct row {
    char username[USERNAME_SIZE], uuid[UID_TEXT];
    struct account *chosen;
};

struct rows {
    struct row *list;
    size_t n, cap;
};

static bool rows_add(void *user, const char *username, const char *uuid)
{
    struct rows *r = user;
    struct row *row = array_add(&r->list, &r->n, &r->cap, sizeof *row);

    if (!row)
        return false;
    row->chosen = NULL;
    snprintf(row->username, USERNAME_SIZE, "%s", username);
    snprintf(row->uuid, UID_TEXT, "%s", uuid);
    return true;
}

static bool rows_add_password(void *user, const char *username)
{
    return rows_add(user, username, "");
}

static int by_name(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    const int c = strcmp(x->username, y->username);

    return c ? c : strcmp(y->uuid, x->uuid); /* the one with a uuid first */
}

/* One row for each account, whether it has rules, a password or both. */
static bool rows_load(struct rows *r, const struct edit *d)
{
    size_t kept = 0;

    if (!acl_each_account(buf_str(&d->rules), rows_add, r) ||
        !passwd_each(buf_str(&d->passwords), rows_add_password, r))
        return false;
    if (r->n)
        qsort(r->list, r->n, sizeof *r->list, by_name);
    for (size_t i = 0; i < r->n; i++)
        if (kept == 0 || strcmp(r->list[kept - 1].username, r->list[i].username) != 0)
            r->list[kept++] = r->list[i];
    r->n = kept;
    return true;
}

static struct row *rows_find(const struct rows *r, const char *username)
{
    struct row key = {.uuid = "~"};

    snprintf(key.username, sizeof key.username, "%s", username);
    for (size_t low = 0, high = r->n; low < high;) {
        const size_t at = (low + high) / 2;
        const int order = strcmp(r->list[at].username, key.username);
        if (order == 0)
            return &r->list[at];
        if (order < 0)
            low = at + 1;
        else
            high = at;
    }
    return NULL;
}

/* Accounts bear the first 8 characters of a uuid as it was written: either case. */
static struct row *find_named(const struct rows *r, const char *name)
{
    char username[USERNAME_SIZE];
    struct uid ignored;
    struct row *row;

    if (!uid_parse(name, strlen(name), &ignored))
        return rows_find(r, name);
    snprintf(username, sizeof username, "infoscreen-client-%.8s", name);
    row = rows_find(r, username);
    if (row && strcasecmp(row->uuid, name) == 0)
        return row;
    for (size_t i = 0; i < r->n; i++)
        if (strcasecmp(r->list[i].uuid, name) == 0)
            return &r->list[i];
    return NULL;
}

static bool refuse_name(const char *name, int code, const char *format, struct err *e)
{
    struct text96 shown = {""};

    TEXT_SET(&shown, name, strlen(name));
    return err_set(e, code, format, shown.clean); /* NOLINT: all formats have one %s */
}

static bool choose(struct rows *r, const char *const *names, int n, struct account *touched,
                   bool server_too, struct err *e)
{
    for (int i = 0; i < n; i++) {
        struct row *row = find_named(r, names[i]);
        touched[i] = (struct account){.username = ""};
        if (strcmp(names[i], SERVER_ACCOUNT) == 0) {
            if (!server_too)
                return err_set(e, EXIT_POLICY,
                               _("without the server account no console could connect: "
                                 "broker rotate gives it a new password; nothing was written"));
            snprintf(touched[i].username, USERNAME_SIZE, "%s", SERVER_ACCOUNT);
            continue;
        }
        if (!row)
            return refuse_name(names[i], EXIT_NOT_FOUND,
                               _("%s has no account here: broker list names those that have; "
                                 "nothing was written"),
                               e);
        if (row->chosen)
            return refuse_name(names[i], EXIT_POLICY,
                               _("%s is given twice: name it once; nothing was written"), e);
        row->chosen = &touched[i];
        snprintf(touched[i].username, USERNAME_SIZE, "%s", row->username);
        snprintf(touched[i].client_uuid, UID_TEXT, "%s", row->uuid);
    }
    return true;
}

/* ---- writing ---- */

/* Copies the rules but for the blocks of chosen accounts, with the blank line before each. */
static bool drop_rules(const char *text, const struct rows *r, struct buf *out)
{
    char name[USERNAME_SIZE];
    bool dropping = false, ok = true;

    for (const char *p = text; ok && *p;) {
        const size_t n = strcspn(p, "\n"), whole = n + (p[n] == '\n');
        if (strncmp(p, "user ", 5) == 0) {
            const struct row *row;
            snprintf(name, sizeof name, "%.*s", (int)(n - 5 < 64 ? n - 5 : 64), p + 5);
            row = rows_find(r, name);
            dropping = row && row->chosen;
            if (dropping && out->len > 1 && out->data[out->len - 2] == '\n')
                out->data[--out->len] = '\0';
        }
        if (!dropping)
            ok = buf_append(out, p, whole);
        p += whole;
    }
    return ok;
}

/* Copies the passwords; a chosen account's line goes, or is written anew. */
static bool change_passwords(const char *text, const struct rows *r, bool anew, struct buf *out)
{
    char name[USERNAME_SIZE];
    bool ok = true;

    for (const char *p = text; ok && *p;) {
        const size_t n = strcspn(p, "\n"), whole = n + (p[n] == '\n');
        const struct row *row = NULL;
        if (*p != '#') {
            snprintf(name, sizeof name, "%.*s", (int)strcspn(p, ":\n"), p);
            row = rows_find(r, name);
        }
        if (!row || !row->chosen)
            ok = buf_append(out, p, whole);
        p += whole;
    }
    for (size_t i = 0; anew && ok && i < r->n; i++)
        if (r->list[i].chosen)
            ok = passwd_write(out, r->list[i].username, r->list[i].chosen->password);
    return ok;
}

struct changing {
    const char *const *names;
    int n;
    struct account *touched;
    const char *new_server_password; /* NULL: the server account stays */
    bool rotate;
};

static bool rotate_server(struct change *c, const struct changing *g)
{
    struct buf *out = &c[CHANGE_CONSOLE_PASSWORDS].after;
    const char *text = buf_str(&c[CHANGE_CONSOLE_PASSWORDS].before);
    const size_t len = sizeof SERVER_ACCOUNT - 1;
    bool ok = true;

    buf_clear(out);
    for (const char *p = text; ok && *p;) {
        const size_t n = strcspn(p, "\n"), whole = n + (p[n] == '\n');
        if (n <= len || memcmp(p, SERVER_ACCOUNT ":", len + 1) != 0)
            ok = buf_append(out, p, whole);
        p += whole;
    }
    return ok && passwd_write(out, SERVER_ACCOUNT, g->new_server_password);
}

static bool write_files(struct change *c, const struct changing *g, const struct rows *r)
{
    buf_clear(&c[CHANGE_PASSWORDS].after);
    if (!change_passwords(buf_str(&c[CHANGE_PASSWORDS].before), r, g->rotate,
                          &c[CHANGE_PASSWORDS].after))
        return false;
    if (g->rotate)
        return true;
    buf_clear(&c[CHANGE_RULES].after);
    return drop_rules(buf_str(&c[CHANGE_RULES].before), r, &c[CHANGE_RULES].after);
}

/* ---- the plugin's accounts ---- */

struct choice {
    const struct changing *g;
    const struct rows *rows;
};

static bool is_chosen(void *user, const char *username)
{
    const struct row *row = rows_find(((const struct choice *)user)->rows, username);

    return row && row->chosen;
}

static const char *new_password(void *user, const char *username)
{
    const struct choice *choice = user;
    const struct row *row = rows_find(choice->rows, username);

    if (strcmp(username, CONTROL_ACCOUNT) == 0)
        return choice->g->new_server_password;
    return row && row->chosen ? row->chosen->password : NULL;
}

static bool write_plugin(struct dynsec *accounts, const struct changing *g, const struct rows *r)
{
    struct choice choice = {g, r};

    if (g->rotate)
        return dynsec_set_passwords(accounts, new_password, &choice);
    dynsec_drop(accounts, is_chosen, &choice);
    return true;
}

static bool write_changes(struct edit *d, const struct changing *g, const struct rows *r)
{
    return (d->accounts ? write_plugin(d->accounts, g, r) : write_files(d->c, g, r)) &&
           (!g->new_server_password || rotate_server(d->c, g));
}

static bool change_accounts(struct edit *d, void *user, struct err *e)
{
    const struct changing *g = user;
    struct rows r = {0};
    bool ok = rows_load(&r, d) || err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));

    d->devices = (int)r.n;
    ok = ok && choose(&r, g->names, g->n, g->touched, g->rotate, e);
    for (int i = 0; ok && g->rotate && i < g->n; i++) {
        if (strcmp(g->touched[i].username, SERVER_ACCOUNT) == 0)
            snprintf(g->touched[i].password, PASSWORD_SIZE, "%s", g->new_server_password);
        else
            password_make(g->touched[i].password);
    }
    if (ok && !write_changes(d, g, &r))
        ok = err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
    free(r.list);
    return ok;
}

static bool change_live(struct control *c, void *user, struct err *e)
{
    const struct changing *g = user;

    return g->rotate ? control_rotate(c, g->touched, g->n, e)
                     : control_remove(c, g->touched, g->n, e);
}

static bool change(const char *dir, struct changing *g, const struct provision_reload *r,
                   enum provision_proof *proof, struct err *e)
{
    const struct edit_plan plan = {
        .edit = change_accounts, .live = change_live, .n = g->n, .user = g};

    return directory_edit(dir, &plan, r, proof, e);
}

bool provision_remove(const char *dir, const char *const *names, int n,
                      const struct provision_reload *r, struct account *touched,
                      enum provision_proof *proof, struct err *e)
{
    struct changing g = {.names = names, .n = n, .touched = touched};

    if (n < 1)
        return err_set(e, EXIT_USAGE, _("no uuid was given: name the devices to remove"));
    return change(dir, &g, r, proof, e);
}

bool provision_rotate(const char *dir, const char *const *names, int n,
                      const struct provision_reload *r, struct account *made,
                      enum provision_proof *proof, struct err *e)
{
    struct changing g = {.names = names, .n = n, .touched = made, .rotate = true};
    struct provision_reload fresh = r ? *r : (struct provision_reload){0};
    char password[PASSWORD_SIZE] = "";
    bool ok;

    if (n < 1)
        return err_set(e, EXIT_USAGE, _("no uuid was given: name the accounts to rotate"));
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], SERVER_ACCOUNT) == 0)
            g.new_server_password = password;
    if (g.new_server_password) {
        password_make(password);
        fresh.old_password = fresh.server_password;
        fresh.server_password = password; /* known now, whoever knew the old one */
        fresh.password_is_new = true;
    }
    ok = change(dir, &g, &fresh, proof, e);
    explicit_bzero(password, sizeof password);
    return ok;
}
