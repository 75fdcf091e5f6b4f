#include "broker/dynsec.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "broker/provision_parts.h"

struct dynsec {
    cJSON *tree, *clients, *roles; /* the arrays belong to the tree */
};

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

/* ---- building: every step says whether there was memory ---- */

static bool put(cJSON *object, const char *key, cJSON *item)
{
    if (item && cJSON_AddItemToObjectCS(object, key, item))
        return true;
    cJSON_Delete(item);
    return false;
}

static bool put_text(cJSON *object, const char *key, const char *text)
{
    return put(object, key, cJSON_CreateString(text));
}

static bool append(cJSON *array, cJSON *item)
{
    if (item && cJSON_AddItemToArray(array, item))
        return true;
    cJSON_Delete(item);
    return false;
}

static bool allow(cJSON *acls, const char *kind, const char *topic)
{
    cJSON *acl = cJSON_CreateObject();
    const bool ok = acl && put_text(acl, "acltype", kind) && put_text(acl, "topic", topic) &&
                    put(acl, "allow", cJSON_CreateTrue());

    if (ok)
        return append(acls, acl);
    cJSON_Delete(acl);
    return false;
}

/* An acl_file's "read" takes in the subscription, which the plugin asks for separately. */
static bool allow_access(cJSON *acls, bool read, bool write, const char *topic)
{
    return (!write || allow(acls, "publishClientSend", topic)) &&
           (!read ||
            (allow(acls, "publishClientReceive", topic) && allow(acls, "subscribePattern", topic)));
}

static bool allow_line(cJSON *acls, const char *line, size_t n)
{
    static const struct {
        const char *word;
        bool read, write;
    } access[] = {{"topic readwrite ", true, true},
                  {"topic read ", true, false},
                  {"topic write ", false, true}};
    char topic[256];

    for (size_t i = 0; i < sizeof access / sizeof *access; i++) {
        const size_t word = strlen(access[i].word);
        if (n > word && strncmp(line, access[i].word, word) == 0) {
            snprintf(topic, sizeof topic, "%.*s", (int)(n - word), line + word);
            return allow_access(acls, access[i].read, access[i].write, topic);
        }
    }
    return true;
}

static bool allow_rules(cJSON *acls, const char *rules)
{
    bool ok = true;

    for (const char *p = rules; ok && *p;) {
        const size_t n = strcspn(p, "\n");
        ok = allow_line(acls, p, n);
        p += n + (p[n] == '\n');
    }
    return ok;
}

/* NULL: out of memory. */
static cJSON *make_role(const char *name, const char *rules)
{
    cJSON *role = cJSON_CreateObject();
    cJSON *acls =
        role && put_text(role, "rolename", name) ? cJSON_AddArrayToObject(role, "acls") : NULL;

    if (acls && allow_rules(acls, rules))
        return role;
    cJSON_Delete(role);
    return NULL;
}

static bool put_role_name(cJSON *client, const char *name)
{
    cJSON *roles = cJSON_AddArrayToObject(client, "roles");
    cJSON *role = roles ? cJSON_CreateObject() : NULL;

    if (role && !put_text(role, "rolename", name)) {
        cJSON_Delete(role);
        role = NULL;
    }
    return role && append(roles, role);
}

static bool put_hash(cJSON *client, const struct hashed *h)
{
    return put_text(client, "password", h->hash) && put_text(client, "salt", h->salt) &&
           put(client, "iterations", cJSON_CreateNumber(h->rounds));
}

bool dynsec_add(struct dynsec *d, const char *username, const struct hashed *password,
                const char *rules)
{
    cJSON *client = cJSON_CreateObject();
    const bool ok = client && put_text(client, "username", username) &&
                    put_role_name(client, username) && put_hash(client, password);

    if (ok)
        return append(d->roles, make_role(username, rules)) && append(d->clients, client);
    cJSON_Delete(client);
    return false;
}

/* ---- whole files ---- */

static bool find_arrays(struct dynsec *d)
{
    d->clients = cJSON_GetObjectItemCaseSensitive(d->tree, "clients");
    d->roles = cJSON_GetObjectItemCaseSensitive(d->tree, "roles");
    return cJSON_IsArray(d->clients) && cJSON_IsArray(d->roles);
}

/* All is refused that no role allows. Leaving is free. */
static bool put_defaults(cJSON *tree)
{
    cJSON *access = cJSON_AddObjectToObject(tree, "defaultACLAccess");

    return access && put(access, "publishClientSend", cJSON_CreateFalse()) &&
           put(access, "publishClientReceive", cJSON_CreateFalse()) &&
           put(access, "subscribe", cJSON_CreateFalse()) &&
           put(access, "unsubscribe", cJSON_CreateTrue());
}

static const char control_rules[] = "topic write " CONTROL_TOPIC "\n"
                                    "topic read " CONTROL_ANSWERS "\n";

struct dynsec *dynsec_new(const struct hashed *control_password)
{
    struct dynsec *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->tree = cJSON_CreateObject();
    if (d->tree && put_defaults(d->tree) && cJSON_AddArrayToObject(d->tree, "clients") &&
        cJSON_AddArrayToObject(d->tree, "groups") && cJSON_AddArrayToObject(d->tree, "roles") &&
        find_arrays(d) && dynsec_add(d, CONTROL_ACCOUNT, control_password, control_rules))
        return d;
    dynsec_free(d);
    return NULL;
}

struct dynsec *dynsec_parse(const char *path, const char *text, struct err *e)
{
    struct dynsec *d = calloc(1, sizeof *d);

    if (!d) {
        err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
        return NULL;
    }
    d->tree = cJSON_ParseWithOpts(text, NULL, true);
    if (d->tree && find_arrays(d))
        return d;
    err_set(e, EXIT_FAILED,
            _("%s: not what the Dynamic Security plugin writes; a broker that loads it lets nobody "
              "in: put a whole one back"),
            path);
    dynsec_free(d);
    return NULL;
}

void dynsec_free(struct dynsec *d)
{
    if (d)
        cJSON_Delete(d->tree);
    free(d);
}

bool dynsec_print(const struct dynsec *d, struct buf *out)
{
    char *text = cJSON_PrintUnformatted(d->tree);
    const bool ok = text && buf_puts(out, text) && buf_putc(out, '\n');

    cJSON_free(text);
    return ok;
}

/* ---- reading ---- */

static bool is_device(const char *name)
{
    return strncmp(name, DEVICE_ACCOUNT, sizeof DEVICE_ACCOUNT - 1) == 0;
}

/* A subscription alone delivers nothing, but nobody should be able to hold more than they may
 * receive: the line says read. */
static bool write_acl(struct buf *out, const cJSON *acl)
{
    static const struct {
        const char *kind, *access;
    } kinds[] = {{"publishClientSend", "write"},
                 {"publishClientReceive", "read"},
                 {"subscribePattern", "read"},
                 {"subscribeLiteral", "read"}};

    if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(acl, "allow")))
        return true;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(text_of(acl, "acltype"), kinds[i].kind) == 0)
            return buf_printf(out, "topic %s %s\n", kinds[i].access, text_of(acl, "topic"));
    return true;
}

bool dynsec_rules(const struct dynsec *d, struct buf *out)
{
    const cJSON *role, *acl;
    bool ok = true;

    cJSON_ArrayForEach(role, d->roles)
    {
        const char *name = text_of(role, "rolename");
        if (strcmp(name, CONTROL_ACCOUNT) == 0)
            continue;
        ok = ok && buf_printf(out, "\nuser %s\n", name);
        cJSON_ArrayForEach(acl, cJSON_GetObjectItemCaseSensitive(role, "acls")) ok =
            ok && write_acl(out, acl);
    }
    return ok;
}

bool dynsec_passwords(const struct dynsec *d, struct buf *out)
{
    const cJSON *client;
    bool ok = true;

    cJSON_ArrayForEach(client, d->clients)
    {
        const double rounds =
            cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(client, "iterations"));
        if (strcmp(text_of(client, "username"), CONTROL_ACCOUNT) != 0)
            ok = ok && buf_printf(out, "%s:$7$%.0f$%s$%s\n", text_of(client, "username"), rounds,
                                  text_of(client, "salt"), text_of(client, "password"));
    }
    return ok;
}

/* ---- changing ---- */

static void drop_from(cJSON *array, const char *key, bool (*gone)(void *user, const char *username),
                      void *user)
{
    for (cJSON *item = array->child, *next; item; item = next) {
        next = item->next;
        if (gone(user, text_of(item, key)))
            cJSON_Delete(cJSON_DetachItemViaPointer(array, item));
    }
}

void dynsec_drop(struct dynsec *d, bool (*gone)(void *user, const char *username), void *user)
{
    drop_from(d->clients, "username", gone, user);
    drop_from(d->roles, "rolename", gone, user);
}

static bool replace_hash(cJSON *client, const char *password)
{
    struct hashed h;

    if (!password_hash(password, &h))
        return false;
    cJSON_DeleteItemFromObjectCaseSensitive(client, "password");
    cJSON_DeleteItemFromObjectCaseSensitive(client, "salt");
    cJSON_DeleteItemFromObjectCaseSensitive(client, "iterations");
    return put_hash(client, &h);
}

bool dynsec_set_passwords(struct dynsec *d,
                          const char *(*password_of)(void *user, const char *username), void *user)
{
    cJSON *client;
    bool ok = true;

    cJSON_ArrayForEach(client, d->clients)
    {
        const char *password = password_of(user, text_of(client, "username"));
        if (ok && password)
            ok = replace_hash(client, password);
    }
    return ok;
}

/* ---- judging ---- */

struct telling {
    void (*tell)(void *user, const char *sentence);
    void *user;
};

static void tell(const struct telling *t, const char *format, const char *name)
{
    char text[300];

    snprintf(text, sizeof text, format, name); /* NOLINT: all formats have one %s */
    t->tell(t->user, text);
}

static void judge_client(const struct telling *t, const cJSON *client)
{
    const char *name = text_of(client, "username");
    const cJSON *role;
    bool own = false;

    if (!is_device(name) && strcmp(name, CONTROL_ACCOUNT) != 0)
        tell(t, _("%s is no device: take it out by mosquitto_ctrl dynsec deleteClient"), name);
    cJSON_ArrayForEach(role, cJSON_GetObjectItemCaseSensitive(client, "roles"))
    {
        if (strcmp(text_of(role, "rolename"), name) == 0)
            own = true;
        else
            tell(t,
                 _("%s has a role that isn't its own: take it away by mosquitto_ctrl dynsec "
                   "removeClientRole"),
                 name);
    }
    if (is_device(name) && !own)
        tell(t,
             _("%s lacks its own role, so everything is refused to it: give it by mosquitto_ctrl "
               "dynsec addClientRole"),
             name);
    if (cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(client, "groups")) > 0)
        tell(t,
             _("%s is in a group, whose rights nobody audits: take it out by mosquitto_ctrl "
               "dynsec removeGroupClient"),
             name);
}

/* The control account is left out of the rules, so what it may is judged here. */
static void judge_control(const struct telling *t, const cJSON *role)
{
    const cJSON *acl;

    if (strcmp(text_of(role, "rolename"), CONTROL_ACCOUNT) != 0)
        return;
    cJSON_ArrayForEach(acl, cJSON_GetObjectItemCaseSensitive(role, "acls"))
    {
        const char *topic = text_of(acl, "topic");
        if (strcmp(topic, CONTROL_TOPIC) != 0 && strcmp(topic, CONTROL_ANSWERS) != 0)
            tell(t,
                 _("infoscreen-provision may %s, which telling of accounts doesn't need: take it "
                   "away "
                   "by mosquitto_ctrl dynsec removeRoleACL"),
                 topic);
    }
}

void dynsec_each_excess(const struct dynsec *d, void (*tell_one)(void *user, const char *sentence),
                        void *user)
{
    static const char *const closed[] = {"publishClientSend", "publishClientReceive", "subscribe"};
    const struct telling t = {tell_one, user};
    const cJSON *access = cJSON_GetObjectItemCaseSensitive(d->tree, "defaultACLAccess"), *item;

    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        if (!cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(access, closed[i])))
            tell(&t,
                 _("%s is allowed to everyone by default: mosquitto_ctrl dynsec "
                   "setDefaultACLAccess ends that"),
                 closed[i]);
    if (*text_of(d->tree, "anonymousGroup"))
        tell(&t, _("clients without a name are given the group %s: take anonymousGroup out"),
             text_of(d->tree, "anonymousGroup"));
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(d->tree, "groups"))
        tell(&t,
             _("the group %s gives its members rights that nobody audits: take it out by "
               "mosquitto_ctrl dynsec deleteGroup"),
             text_of(item, "groupname"));
    cJSON_ArrayForEach(item, d->clients) judge_client(&t, item);
    cJSON_ArrayForEach(item, d->roles) judge_control(&t, item);
}

/* ---- $CONTROL ---- */

static cJSON *next_command(cJSON *commands, const char *name)
{
    cJSON *command = cJSON_CreateObject();

    if (command && put_text(command, "command", name))
        return append(commands, command) ? command : NULL;
    cJSON_Delete(command);
    return NULL;
}

/* Prints {"commands":[…]} and frees it; false where one could not be made. */
static bool print_commands(cJSON *whole, bool made, struct buf *out)
{
    char *text = made ? cJSON_PrintUnformatted(whole) : NULL;
    const bool ok = text && buf_puts(out, text);

    if (text)
        explicit_bzero(text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(whole);
    return ok;
}

bool dynsec_ask_add(struct buf *out, const char *username, const char *password, const char *rules)
{
    cJSON *whole = cJSON_CreateObject(), *acls;
    cJSON *commands = whole ? cJSON_AddArrayToObject(whole, "commands") : NULL;
    cJSON *role = commands ? next_command(commands, "createRole") : NULL;
    cJSON *client = role ? next_command(commands, "createClient") : NULL;
    const bool made = client && put_text(role, "rolename", username) &&
                      (acls = cJSON_AddArrayToObject(role, "acls")) && allow_rules(acls, rules) &&
                      put_text(client, "username", username) &&
                      put_text(client, "password", password) && put_role_name(client, username);

    return print_commands(whole, made, out);
}

bool dynsec_ask_remove(struct buf *out, const char *username)
{
    cJSON *whole = cJSON_CreateObject();
    cJSON *commands = whole ? cJSON_AddArrayToObject(whole, "commands") : NULL;
    cJSON *client = commands ? next_command(commands, "deleteClient") : NULL;
    cJSON *role = client ? next_command(commands, "deleteRole") : NULL;
    const bool made =
        role && put_text(client, "username", username) && put_text(role, "rolename", username);

    return print_commands(whole, made, out);
}

bool dynsec_ask_password(struct buf *out, const char *username, const char *password)
{
    cJSON *whole = cJSON_CreateObject();
    cJSON *commands = whole ? cJSON_AddArrayToObject(whole, "commands") : NULL;
    cJSON *change = commands ? next_command(commands, "setClientPassword") : NULL;
    const bool made =
        change && put_text(change, "username", username) && put_text(change, "password", password);

    return print_commands(whole, made, out);
}

bool dynsec_answer(const char *text, char *why, size_t size)
{
    cJSON *whole = cJSON_Parse(text);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(whole, "responses"), *answer;
    bool ok = cJSON_IsArray(list);

    snprintf(why, size, "?");
    cJSON_ArrayForEach(answer, list)
    {
        if (ok && *text_of(answer, "error")) {
            snprintf(why, size, "%s: %s", text_of(answer, "command"), text_of(answer, "error"));
            ok = false;
        }
    }
    cJSON_Delete(whole);
    return ok;
}
