/* provision_acl.c - who may publish and read what, as Mosquitto's acl_file. Its patterns can't map
 * the account infoscreen-client-<prefix> to a whole uuid, so each device gets a block of its own.
 */
#include "broker/provision_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/i18n.h"

#define CANARY "infoscreen/console/canary/"

/* What the server account may do. service_failed is the device's to publish and the server's to
 * clear. */
static const char server_rules[] = "topic write infoscreen/+/commands\n"
                                   "topic write infoscreen/+/command\n"
                                   "topic write infoscreen/+/group_id\n"
                                   "topic write infoscreen/events/+\n"
                                   "topic write infoscreen/groups/+/power/intent\n"
                                   "topic readwrite infoscreen/+/service_failed\n"
                                   "topic read infoscreen/+/commands/ack\n"
                                   "topic read infoscreen/+/command/ack\n"
                                   "topic read infoscreen/+/heartbeat\n"
                                   "topic read infoscreen/+/health\n"
                                   "topic read infoscreen/+/logs/#\n"
                                   "topic read infoscreen/+/commands\n"
                                   "topic read infoscreen/+/command\n"
                                   "topic read infoscreen/+/group_id\n"
                                   "topic read infoscreen/events/+\n"
                                   "topic read infoscreen/groups/+/power/intent\n"
                                   "topic readwrite infoscreen/console/ack/+\n"
                                   "topic readwrite infoscreen/console/presence/+\n"
                                   "topic read $SYS/broker/#\n";

/* A device's own topics: access and what stands behind its uuid. The first one tells its uuid
 * again. */
static const struct {
    const char *access, *suffix;
} device_rules[] = {
    {"read", "commands"},      {"read", "command"},      {"read", "group_id"},
    {"write", "commands/ack"}, {"write", "command/ack"}, {"write", "heartbeat"},
    {"write", "health"},       {"write", "logs/#"},      {"write", "service_failed"},
};

bool acl_write_server(struct buf *out, const char *nonce)
{
    return buf_puts(out, "# Consoles: everything that servers do.\nuser " SERVER_ACCOUNT "\n") &&
           buf_puts(out, server_rules) && buf_printf(out, "topic readwrite " CANARY "%s\n", nonce);
}

bool acl_write_device(struct buf *out, const struct account *a, const char *group)
{
    const char *g = group && *group ? group : "+";
    bool ok = buf_printf(out, "\nuser %s\n", a->username);

    for (size_t i = 0; ok && i < sizeof device_rules / sizeof *device_rules; i++)
        ok = buf_printf(out, "topic %s infoscreen/%s/%s\n", device_rules[i].access, a->client_uuid,
                        device_rules[i].suffix);
    return ok && buf_printf(out, "topic read infoscreen/events/%s\n", g) &&
           buf_printf(out, "topic read infoscreen/groups/%s/power/intent\n", g);
}

bool group_valid(const char *group)
{
    const size_t n = strlen(group);

    if (n == 0 || n > 100 || group[0] == ' ' || group[n - 1] == ' ')
        return false;
    for (const char *p = group; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || strchr("/+#", *p))
            return false;
    return true;
}

bool acl_replace_canary(const char *text, const char *nonce, struct buf *out)
{
    bool ok = true;

    for (const char *p = text; ok && *p;) {
        const size_t n = strcspn(p, "\n"), whole = n + (p[n] == '\n');
        const char *at = strstr(p, CANARY);
        if (!at || at >= p + n)
            ok = buf_append(out, p, whole);
        p += whole;
    }
    if (ok && out->len && out->data[out->len - 1] != '\n')
        ok = buf_putc(out, '\n');
    return ok && buf_printf(out, "user " SERVER_ACCOUNT "\ntopic readwrite " CANARY "%s\n", nonce);
}

bool acl_is_canary(const char *filter)
{
    const char *nonce = filter + sizeof CANARY - 1;

    return strncmp(filter, CANARY, sizeof CANARY - 1) == 0 && *nonce && !strpbrk(nonce, "/+#");
}

/* A wildcard stands alone in its level, and # only in the last one. */
static bool filter_valid(const char *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const bool first = i == 0 || t[i - 1] == '/', last = i + 1 == n || t[i + 1] == '/';
        if (t[i] == '+' && !(first && last))
            return false;
        if (t[i] == '#' && !(first && i + 1 == n))
            return false;
    }
    return n > 0;
}

static bool word_is(const char **p, const char *end, const char *word)
{
    const size_t n = strlen(word);

    if ((size_t)(end - *p) <= n || memcmp(*p, word, n) != 0 || (*p)[n] != ' ')
        return false;
    *p += n + 1;
    return true;
}

static bool rule_valid(const char *p, size_t n)
{
    static const char *const access[] = {"readwrite", "read", "write", "deny"};
    const char *end = p + n;

    if (n == 0 || *p == '#')
        return true;
    if (word_is(&p, end, "user"))
        return p < end && *p != ' ';
    if (!word_is(&p, end, "topic") && !word_is(&p, end, "pattern"))
        return false;
    for (size_t i = 0; i < sizeof access / sizeof *access; i++)
        if (word_is(&p, end, access[i]))
            break;
    return filter_valid(p, (size_t)(end - p));
}

bool acl_validate(const char *path, const char *text, struct err *e)
{
    int line = 1;

    for (const char *p = text; *p; line++) {
        const size_t n = strcspn(p, "\n");
        size_t used = n;
        while (used && isspace((unsigned char)p[used - 1]))
            used--;
        if (!rule_valid(p, used) || memchr(p, '\r', used))
            return err_set(e, EXIT_FAILED,
                           _("%s:%d: not an access rule; a broker that loads it lets everyone in: "
                             "repair it first"),
                           path, line);
        p += n + (p[n] == '\n');
    }
    return true;
}

/* The uuid of "topic ACCESS infoscreen/UUID/…". */
static bool rule_uuid(const char *line, size_t n, char uuid[UID_TEXT])
{
    static const char prefix[] = "infoscreen/";
    char copy[256];
    const char *at;
    struct uid ignored;

    snprintf(copy, sizeof copy, "%.*s", (int)(n < sizeof copy ? n : sizeof copy - 1), line);
    if (strncmp(copy, "topic ", 6) != 0)
        return false;
    at = strstr(copy, prefix);
    if (!at || strlen(at) < sizeof prefix - 1 + UID_TEXT - 1)
        return false;
    at += sizeof prefix - 1;
    if (at[UID_TEXT - 1] != '/' || !uid_parse(at, UID_TEXT - 1, &ignored))
        return false;
    snprintf(uuid, UID_TEXT, "%.*s", UID_TEXT - 1, at);
    return true;
}

bool acl_each_account(const char *text, account_fn fn, void *user)
{
    char name[USERNAME_SIZE] = "", uuid[UID_TEXT];

    for (const char *p = text; *p;) {
        const size_t n = strcspn(p, "\n");
        if (strncmp(p, "user ", 5) == 0)
            snprintf(name, sizeof name, "%.*s", (int)(n - 5 < 64 ? n - 5 : 64), p + 5);
        else if (*name && rule_uuid(p, n, uuid)) {
            if (!fn(user, name, uuid))
                return false;
            *name = '\0'; /* once for each block */
        }
        p += n + (p[n] == '\n');
    }
    return true;
}

static int by_account(const void *a, const void *b)
{
    return strcmp(((const struct acl_block *)a)->username, ((const struct acl_block *)b)->username);
}

static bool add_block(struct acl_blocks *b, const char *line, size_t n)
{
    struct acl_block *block = array_add(&b->list, &b->n, &b->cap, sizeof *block);

    if (!block)
        return false;
    *block = (struct acl_block){.at = line + n + (line[n] == '\n')};
    snprintf(block->username, USERNAME_SIZE, "%.*s", (int)(n - 5 < 64 ? n - 5 : 64), line + 5);
    return true;
}

bool acl_blocks(const char *text, struct acl_blocks *out)
{
    for (const char *p = text; *p;) {
        const size_t n = strcspn(p, "\n");
        if (strncmp(p, "user ", 5) == 0 && !add_block(out, p, n))
            return false;
        p += n + (p[n] == '\n');
        if (out->n && strncmp(p, "user ", 5) != 0)
            out->list[out->n - 1].n = (size_t)(p - out->list[out->n - 1].at);
    }
    if (out->n)
        qsort(out->list, out->n, sizeof *out->list, by_account);
    return true;
}

bool acl_block(const struct acl_blocks *b, const char *username, struct buf *out)
{
    struct acl_block key = {.at = NULL};
    const struct acl_block *it;
    bool ok = true;

    snprintf(key.username, sizeof key.username, "%s", username);
    it = b->n ? bsearch(&key, b->list, b->n, sizeof *b->list, by_account) : NULL;
    while (it && it > b->list && by_account(&it[-1], &key) == 0)
        it--;
    for (; it && it < b->list + b->n && by_account(it, &key) == 0; it++)
        ok = ok && buf_append(out, it->at, it->n);
    return ok;
}
