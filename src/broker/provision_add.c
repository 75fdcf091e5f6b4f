/* provision_add.c - accounts for devices: one rewrite, one reload, one proof, however many they
 * are. */
#include "broker/provision_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/i18n.h"
#include "base/text.h"

#define PREFIX_CHARS 8

/* Who has which prefix, for the whole directory and the new ones: a sorted table. */
struct taken {
    char uuid[UID_TEXT];
    bool is_new;
};

struct table {
    struct taken *rows;
    size_t n, cap;
};

static bool table_add(struct table *t, const char *uuid, bool is_new)
{
    struct taken *row = array_add(&t->rows, &t->n, &t->cap, sizeof *row);

    if (!row)
        return false;
    snprintf(row->uuid, UID_TEXT, "%s", uuid);
    row->is_new = is_new;
    return true;
}

static bool add_existing(void *user, const char *username, const char *uuid)
{
    (void)username;
    return table_add(user, uuid, false);
}

static int by_uuid(const void *a, const void *b)
{
    return strcasecmp(((const struct taken *)a)->uuid, ((const struct taken *)b)->uuid);
}

static bool refuse_pair(const struct taken *a, const struct taken *b, struct err *e)
{
    if (strcasecmp(a->uuid, b->uuid) != 0)
        return err_set(e, EXIT_POLICY,
                       _("%s and %s begin with the same 8 characters and would share an account: "
                         "give one of the devices a new uuid; nothing was written"),
                       a->uuid, b->uuid);
    if (a->is_new && b->is_new)
        return err_set(e, EXIT_POLICY, _("%s is given twice: name it once; nothing was written"),
                       a->uuid);
    return err_set(e, EXIT_POLICY,
                   _("%s has an account already: broker rotate gives it a new password; "
                     "nothing was written"),
                   a->uuid);
}

static bool check_table(struct table *t, struct err *e)
{
    if (t->n)
        qsort(t->rows, t->n, sizeof *t->rows, by_uuid);
    for (size_t i = 1; i < t->n; i++) {
        const struct taken *a = &t->rows[i - 1], *b = &t->rows[i];
        if (strncasecmp(a->uuid, b->uuid, PREFIX_CHARS) == 0 && (a->is_new || b->is_new))
            return refuse_pair(a, b, e);
    }
    return true;
}

static bool check_uuids(const char *rules, const char *const *uuids, int n, int *total,
                        struct err *e)
{
    struct table t = {0};
    struct uid ignored;
    bool ok = acl_each_account(rules, add_existing, &t);

    for (int i = 0; ok && i < n; i++) {
        if (!uid_parse(uuids[i], strlen(uuids[i]), &ignored)) {
            struct text96 shown = {""};
            TEXT_SET(&shown, uuids[i], strlen(uuids[i]));
            free(t.rows);
            return err_set(e, EXIT_USAGE,
                           _("\"%s\" is no uuid: write 8-4-4-4-12 hexadecimal digits"),
                           shown.clean);
        }
        ok = table_add(&t, uuids[i], true);
    }
    *total = (int)t.n;
    ok = ok ? check_table(&t, e) : err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
    free(t.rows);
    return ok;
}

static void name_account(struct account *a, const char *uuid)
{
    snprintf(a->client_uuid, sizeof a->client_uuid, "%s", uuid);
    snprintf(a->username, sizeof a->username, "infoscreen-client-%.*s", PREFIX_CHARS, uuid);
    password_make(a->password);
}

static bool ends_in_line(struct buf *b)
{
    return b->len == 0 || b->data[b->len - 1] == '\n' || buf_putc(b, '\n');
}

static bool write_to_files(struct edit *d, const struct account *made, int n, const char *group)
{
    struct buf *rules = &d->c[CHANGE_RULES].after, *passwords = &d->c[CHANGE_PASSWORDS].after;
    bool ok = ends_in_line(rules) && ends_in_line(passwords);

    for (int i = 0; ok && i < n; i++)
        ok = acl_write_device(rules, &made[i], group) &&
             passwd_write(passwords, made[i].username, made[i].password);
    return ok;
}

static bool write_to_plugin(struct edit *d, const struct account *made, int n, const char *group)
{
    struct buf rules = BUF_INIT;
    struct hashed h;
    bool ok = true;

    for (int i = 0; ok && i < n; i++) {
        buf_clear(&rules);
        ok = acl_write_device(&rules, &made[i], group) && password_hash(made[i].password, &h) &&
             dynsec_add(d->accounts, made[i].username, &h, buf_str(&rules));
    }
    buf_fini(&rules);
    return ok;
}

struct adding {
    const char *const *uuids;
    int n;
    const char *group;
    const struct provision_reload *reload;
    struct account *made;
};

static void tell_of_move(const struct adding *a, int devices)
{
    char text[240];

    snprintf(text, sizeof text,
             _("%d devices: the Dynamic Security plugin keeps their accounts from now on "
               "(dynsec.json, in "
               "place of devices.acl and devices.passwd); passwords stay as they are"),
             devices);
    if (a->reload && a->reload->tell)
        a->reload->tell(text);
}

/* Files serve few devices best; with many, Mosquitto would stand still at each reload. */
static bool choose_backend(struct edit *d, const struct adding *a, struct err *e)
{
    const enum backend wanted = a->reload ? a->reload->backend : BACKEND_AUTO;
    char path[PATH_SIZE];

    if (d->accounts)
        return wanted != BACKEND_ACL ||
               err_set(e, EXIT_POLICY,
                       _("the accounts are with the Dynamic Security plugin already: leave "
                         "--backend acl out; nothing was written"));
    if (wanted == BACKEND_ACL || (wanted == BACKEND_AUTO && d->devices <= BACKEND_ACL_MAX))
        return true;
    if (wanted == BACKEND_AUTO && !install_plugin("dynamic_security", path)) {
        if (a->reload && a->reload->tell)
            a->reload->tell(_("mosquitto_dynamic_security.so isn't installed: so many rules stay "
                              "in a file, which takes Mosquitto seconds to load"));
        return true;
    }
    return edit_move_to_plugin(d, e) && (tell_of_move(a, d->devices), true);
}

static bool add(struct edit *d, void *user, struct err *e)
{
    const struct adding *a = user;
    struct buf fitted = BUF_INIT;
    bool ok;

    if (!check_uuids(buf_str(&d->rules), a->uuids, a->n, &d->devices, e) ||
        !choose_backend(d, a, e))
        return false;
    for (int i = 0; i < a->n; i++)
        name_account(&a->made[i], a->uuids[i]);
    ok = (d->accounts ? write_to_plugin : write_to_files)(d, a->made, a->n, a->group) &&
         conf_fit(buf_str(&d->c[CHANGE_CONF].after), d->devices, &fitted);
    buf_fini(&d->c[CHANGE_CONF].after);
    d->c[CHANGE_CONF].after = fitted;
    return ok || err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
}

static bool add_live(struct control *c, void *user, struct err *e)
{
    const struct adding *a = user;

    return control_add(c, a->made, a->n, a->group, e);
}

bool provision_add_accounts(const char *dir, const char *const *uuids, int n, const char *group,
                            const struct provision_reload *r, struct account *made,
                            enum provision_proof *proof, struct err *e)
{
    struct adding a = {.uuids = uuids, .n = n, .group = group, .reload = r, .made = made};
    const struct edit_plan plan = {.edit = add, .live = add_live, .n = n, .user = &a};

    if (n < 1)
        return err_set(e, EXIT_USAGE, _("no uuid was given: name the devices to add"));
    if (group && *group && !group_valid(group))
        return err_set(e, EXIT_USAGE,
                       _("that group can't be part of a topic: leave out / + # and line breaks"));
    return directory_edit(dir, &plan, r, proof, e);
}

bool provision_add(const char *dir, const char *const *uuids, int n, const char *group,
                   pid_t broker_pid, struct account *made, bool *proved, struct err *e)
{
    const char *password = getenv("MQTT_PASSWORD");
    const struct provision_reload r = {.broker_pid = broker_pid,
                                       .server_password = password && *password ? password : NULL};
    enum provision_proof proof = PROOF_NOT_RUNNING;
    const bool ok = provision_add_accounts(dir, uuids, n, group, &r, made, &proof, e);

    if (proved)
        *proved = ok && proof == PROOF_PASSED;
    return ok;
}
