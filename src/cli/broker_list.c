/* broker_list.c - the accounts of a broker's directory and what the history knows of their devices.
 */
#include "cli/commands.h"

#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "broker/provision.h"
#include "cli/dataset.h"

static void put_username(const struct view *v, const void *row, struct cell *c)
{
    const struct account *a = row;
    (void)v;
    cell_text(c, TEXT_OURS(a->username));
}

static void put_uuid(const struct view *v, const void *row, struct cell *c)
{
    const struct account *a = row;
    (void)v;
    cell_text(c, TEXT_OURS(a->client_uuid));
}

static const struct client *client_of(const struct view *v, const void *row)
{
    const struct account *a = row;
    struct uid id;

    return uid_parse(a->client_uuid, strlen(a->client_uuid), &id) ? dataset_client(v->data, &id)
                                                                  : NULL;
}

static void put_seen(const struct view *v, const void *row, struct cell *c)
{
    const struct client *cl = client_of(v, row);

    if (cl)
        cell_time(c, cl->last_heartbeat_at > cl->last_health_at ? cl->last_heartbeat_at
                                                                : cl->last_health_at);
}

static void put_known(const struct view *v, const void *row, struct cell *c)
{
    c->kind = CELL_BOOL;
    c->number = client_of(v, row) != NULL;
}

/* What an operator should know of an account; "" for one that works and was heard. */
static const char *standing(const struct view *v, const struct account *a)
{
    if (a->fault == ACCOUNT_NO_PASSWORD)
        return _("orphaned: rules without a password, broker remove");
    if (a->fault == ACCOUNT_NO_RULES)
        return _("orphaned: a password without rules, broker remove");
    if (a->client_uuid[0] && !client_of(v, a))
        return _("never connected");
    return "";
}

static void put_standing(const struct view *v, const void *row, struct cell *c)
{
    const struct account *a = row;

    c->role = a->fault ? ROLE_WARN : ROLE_FAINT;
    cell_text(c, TEXT_OURS(standing(v, a)));
}

static const struct column account_fields[] = {
    {"username", put_username, false},
    {"client_uuid", put_uuid, false},
    {"last_seen_at", put_seen, false},
    {"known", put_known, false},
};
static const struct column account_columns[] = {
    {N_("ACCOUNT"), put_username, false},
    {N_("UUID"), put_uuid, false},
    {N_("LAST SEEN"), put_seen, false},
    {N_("NOTE"), put_standing, false},
};
static const struct listing accounts_listing = {
    .name = "accounts",
    .fields = account_fields,
    .field_count = sizeof account_fields / sizeof *account_fields,
    .columns = account_columns,
    .column_count = sizeof account_columns / sizeof *account_columns,
};

int run_broker_list(struct call *call, struct err *e)
{
    struct dataset d = {0};
    struct account *list = NULL;
    const char *dir = broker_directory(call, e);
    int n = 0, code = EXIT_FAILED;

    if (dir && provision_list(dir, &list, &n, e) && dataset_open(&d, call, e))
        code = print_rows(call, &accounts_listing, &d, list, (size_t)n, sizeof *list, e);
    free(list);
    dataset_close(&d);
    return e->code ? e->code : code;
}
