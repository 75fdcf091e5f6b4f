/* provision.c - a new Mosquitto directory, and what an existing one says of itself. */
#include "broker/provision.h"
#include "broker/provision_parts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/text.h"

/* ---- making one ---- */

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* *empty also for what isn't there yet. */
static bool dir_look_into(const char *dir, bool *empty, struct err *e)
{
    DIR *d = opendir(dir);
    const struct dirent *entry;

    *empty = true;
    if (!d)
        return errno == ENOENT ||
               err_set(e, EXIT_FAILED,
                       _("can't read %s (%s): choose another directory, or run this as a user who "
                         "may read it; nothing was written"),
                       dir, strerror(errno));
    while (*empty && (entry = readdir(d)))
        *empty = is_dot(entry->d_name);
    closedir(d);
    return true;
}

#define LINES_TOLD 4

static bool has_line(const char *text, const char *line, size_t n)
{
    for (const char *p = text; *p;) {
        const size_t m = strcspn(p, "\n");
        if (m == n && memcmp(p, line, n) == 0)
            return true;
        p += m + (p[m] == '\n');
    }
    return false;
}

/* Tells the lines of a that b hasn't, the first few in words; returns how many there are. */
static int lines_missing(const char *a, const char *b, char sign, int before, struct buf *told)
{
    struct text96 shown;
    int count = 0;

    for (const char *p = a; *p;) {
        const size_t n = strcspn(p, "\n");
        if (n && *p != '#' && !has_line(b, p, n)) {
            TEXT_SET(&shown, p, n);
            if (before + count++ < LINES_TOLD)
                buf_printf(told, "%s%c %s", told->len ? ", " : "", sign, shown.clean);
        }
        p += n + (p[n] == '\n');
    }
    return count;
}

/* Nothing is overwritten; who runs it again learns what would change. */
static bool refuse_existing(const struct layout *l, struct err *e)
{
    struct buf now = BUF_INIT, then = BUF_INIT, told = BUF_INIT;
    int differ;

    if (access(l->conf, F_OK) != 0)
        err_set(e, EXIT_POLICY, _("%s isn't empty: choose another directory; nothing was written"),
                l->dir);
    else if (file_read(l->conf, &now, e) && conf_write(l, &then)) {
        differ = lines_missing(buf_str(&now), buf_str(&then), '-', 0, &told);
        differ += lines_missing(buf_str(&then), buf_str(&now), '+', differ, &told);
        if (differ == 0)
            err_set(e, EXIT_POLICY,
                    _("%s is a broker already, and mosquitto.conf would stay as it is, only "
                      "passwords would "
                      "be new: broker add and rotate change it; nothing was written"),
                    l->dir);
        else
            err_set(e, EXIT_POLICY,
                    _("%s is a broker already: %d lines of mosquitto.conf would change (%s%s), "
                      "and all passwords; choose another directory; nothing was written"),
                    l->dir, differ, buf_str(&told), differ > LINES_TOLD ? ", …" : "");
    }
    buf_fini(&now);
    buf_fini(&then);
    buf_fini(&told);
    return false;
}

static bool check_addresses(const struct layout *l, const struct provision_init *o, struct err *e)
{
    const struct listener_part *parts[] = {&l->console, &l->devices};

    if (l->console.port == l->devices.port)
        return err_set(e, EXIT_USAGE,
                       _("consoles and devices need ports of their own: both are %d"),
                       l->console.port);
    for (int i = 0; i < 2; i++)
        if (!parts[i]->tls && !o->insecure && !host_is_loopback(parts[i]->host))
            return err_set(
                e, EXIT_POLICY,
                _("passwords would cross the network in the clear on port %d: give --cert, --key "
                  "and --cafile, or --self-signed, or insist with --insecure"),
                parts[i]->port);
    return true;
}

static bool make_dir(const char *path, mode_t mode, const struct owner *o, bool *made,
                     struct err *e)
{
    *made = mkdir(path, 0700) == 0;
    if (!*made && errno != EEXIST)
        return file_error(e, path);
    if ((o->change && chown(path, o->uid, o->gid) != 0) || chmod(path, mode) != 0)
        return file_error(e, path);
    return true;
}

enum { NEW_CONSOLE_PASSWORDS, NEW_CONSOLE_RULES, NEW_PASSWORDS, NEW_RULES, NEW_CONF, NEW_FILES };

/* Where devices' accounts will be kept: nobody's yet. */
static bool begin_accounts(const struct layout *l, const struct owner *o, struct change *c,
                           struct err *e)
{
    if (*l->devices.dynsec_file)
        return change_begin(&c[NEW_RULES], l->devices.dynsec_file, 0600, o, e);
    return change_begin(&c[NEW_PASSWORDS], l->devices.password_file, 0600, o, e) &&
           change_begin(&c[NEW_RULES], l->devices.acl_file, 0640, o, e);
}

static bool write_accounts(const struct layout *l, struct change *c, const char *server_password)
{
    struct hashed h;
    struct dynsec *d;
    bool ok;

    if (!*l->devices.dynsec_file)
        return buf_puts(&c[NEW_RULES].after,
                        "# Devices: each its own topics. Made by infoscreen-tui broker add.\n") &&
               buf_puts(&c[NEW_PASSWORDS].after, "");
    d = password_hash(server_password, &h) ? dynsec_new(&h) : NULL;
    ok = d && dynsec_print(d, &c[NEW_RULES].after);
    dynsec_free(d);
    return ok;
}

static bool write_files(const struct layout *l, const struct owner *o, struct account *server,
                        struct err *e)
{
    struct change c[NEW_FILES] = {0};
    char nonce[33];
    bool ok = change_begin(&c[NEW_CONSOLE_PASSWORDS], l->console.password_file, 0600, o, e) &&
              change_begin(&c[NEW_CONSOLE_RULES], l->console.acl_file, 0640, o, e) &&
              begin_accounts(l, o, c, e) && change_begin(&c[NEW_CONF], l->conf, 0640, o, e);

    snprintf(server->username, sizeof server->username, "%s", SERVER_ACCOUNT);
    server->client_uuid[0] = '\0';
    password_make(server->password);
    random_hex(nonce, 16);
    ok = ok && passwd_write(&c[NEW_CONSOLE_PASSWORDS].after, server->username, server->password) &&
         acl_write_server(&c[NEW_CONSOLE_RULES].after, nonce) &&
         write_accounts(l, c, server->password) && conf_write(l, &c[NEW_CONF].after) &&
         changes_apply(c, NEW_FILES, e);
    if (!ok && e && !e->code)
        err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
    changes_fini(c, NEW_FILES);
    return ok;
}

static void remove_made(const struct layout *l, bool made)
{
    static const char *const names[] = {
        "console.passwd", "console.acl", "devices.passwd", "devices.acl", "dynsec.json",
        "mosquitto.conf", "server.crt",  "server.key",     "ca.crt",      "ca.key"};
    char path[PATH_SIZE];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (path_join(path, l->dir, names[i], NULL))
            unlink(path);
    if (path_join(path, l->dir, "data", NULL))
        rmdir(path);
    if (made)
        rmdir(l->dir);
}

static bool fill_dir(const struct layout *l, const struct provision_init *o,
                     const struct owner *owner, struct account *server, struct err *e)
{
    char data[PATH_SIZE];
    bool made = false, ignored;
    const bool ok = dir_make_parents(l->dir, owner, e) &&
                    make_dir(l->dir, 0750, owner, &made, e) && path_join(data, l->dir, "data", e) &&
                    make_dir(data, 0700, owner, &ignored, e) && tls_install(l, o, owner, e) &&
                    write_files(l, owner, server, e);

    if (!ok)
        remove_made(l, made);
    return ok;
}

/* Compared with an existing directory, init would do what was done there. */
static bool plan(struct layout *l, const struct provision_init *o, struct err *e)
{
    struct provision_init as_there = *o;
    char path[PATH_SIZE];

    if (o->backend == BACKEND_AUTO && path_join(path, l->dir, "dynsec.json", NULL) &&
        access(path, F_OK) == 0)
        as_there.backend = BACKEND_DYNSEC;
    return layout_plan(l, &as_there, e);
}

bool provision_create(const struct provision_init *o, struct account *server, struct err *e)
{
    struct layout *l = calloc(1, sizeof *l);
    struct owner owner;
    bool ok = false, empty;

    if (!l)
        return err_set(e, EXIT_FAILED, _("out of memory: nothing was written"));
    if (o->cert && o->self_signed)
        err_set(e, EXIT_USAGE, _("--cert and --self-signed exclude each other: give one"));
    else if (o->key && !o->cert)
        err_set(e, EXIT_USAGE, _("a key without its certificate: give --cert too"));
    else if (o->cert && !o->key)
        err_set(e, EXIT_USAGE, _("a certificate without its key: give --key too"));
    else if (owner_find(&owner, e) && listen_parse(o->listen, "", 1, &l->console, e) &&
             listen_parse(o->device_listen, "", 1, &l->devices, e) &&
             dir_absolute(o->dir, l->dir, e) && plan(l, o, e) && check_addresses(l, o, e) &&
             dir_look_into(l->dir, &empty, e))
        ok = !empty ? refuse_existing(l, e)
                    : dir_parents_fit(l->dir, &owner, e) && fill_dir(l, o, &owner, server, e);
    free(l);
    return ok;
}

/* ---- looking at one ---- */

struct listing {
    struct account *rows;
    size_t n, cap;
};

static bool listing_add(void *user, const char *username, const char *uuid)
{
    struct listing *l = user;
    struct account *row = array_add(&l->rows, &l->n, &l->cap, sizeof *row);

    if (!row)
        return false;
    *row = (struct account){0};
    snprintf(row->username, USERNAME_SIZE, "%s", username);
    snprintf(row->client_uuid, UID_TEXT, "%s", uuid);
    return true;
}

/* Rules without a password, and passwords without rules. */
static bool mark_halves(struct listing *out, size_t first, const char *passwords)
{
    struct names with_password = {0}, with_rules = {0};
    bool ok = passwd_each(passwords, names_add, &with_password);

    names_sort(&with_password);
    for (size_t i = first; ok && i < out->n; i++) {
        ok = names_add(&with_rules, out->rows[i].username);
        if (!names_have(&with_password, out->rows[i].username))
            out->rows[i].fault = ACCOUNT_NO_PASSWORD;
    }
    names_sort(&with_rules);
    for (size_t i = 0; ok && i < with_password.n; i++)
        if (!names_have(&with_rules, with_password.list[i])) {
            ok = listing_add(out, with_password.list[i], "");
            if (ok)
                out->rows[out->n - 1].fault = ACCOUNT_NO_RULES;
        }
    free(with_password.list);
    free(with_rules.list);
    return ok;
}

bool layout_accounts(const struct layout *l, struct buf *rules, struct buf *passwords,
                     struct err *e)
{
    struct buf text = BUF_INIT;
    struct dynsec *d = NULL;
    bool ok;

    if (!*l->devices.dynsec_file)
        return file_read(l->devices.acl_file, rules, e) &&
               file_read(l->devices.password_file, passwords, e);
    if (file_read(l->devices.dynsec_file, &text, e))
        d = dynsec_parse(l->devices.dynsec_file, buf_str(&text), e);
    ok = d && dynsec_rules(d, rules) && dynsec_passwords(d, passwords);
    dynsec_free(d);
    buf_fini(&text);
    return ok;
}

bool provision_list(const char *dir, struct account **list, int *n, struct err *e)
{
    struct layout *l = malloc(sizeof *l);
    struct buf console = BUF_INIT, rules = BUF_INIT, passwords = BUF_INIT;
    struct listing out = {0};
    bool ok = l && layout_read(l, dir, e) && file_read(l->console.password_file, &console, e) &&
              layout_accounts(l, &rules, &passwords, e);

    if (ok && passwd_has(buf_str(&console), SERVER_ACCOUNT))
        ok = listing_add(&out, SERVER_ACCOUNT, "");
    if (ok) {
        const size_t first = out.n;
        ok = acl_each_account(buf_str(&rules), listing_add, &out) &&
             mark_halves(&out, first, buf_str(&passwords));
    }
    if (!ok && (!e || !e->code))
        err_set(e, EXIT_FAILED, _("out of memory: nothing was read"));
    buf_fini(&console);
    buf_fini(&rules);
    buf_fini(&passwords);
    free(l);
    if (!ok) {
        free(out.rows);
        return false;
    }
    *list = out.rows;
    *n = (int)out.n;
    return true;
}

bool provision_ports(const char *dir, int *console_port, int *device_port, struct err *e)
{
    struct layout *l = malloc(sizeof *l);
    const bool ok = l && layout_read(l, dir, e);

    if (ok) {
        *console_port = l->console.port;
        *device_port = l->devices.port;
    }
    free(l);
    return ok;
}

bool provision_console(const char *dir, struct provision_console *out, struct err *e)
{
    struct layout *l = malloc(sizeof *l);
    const bool ok = l && layout_read(l, dir, e);

    if (ok) {
        const char *host = l->console.host;
        const bool any = !*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
        snprintf(out->host, sizeof out->host, "%s", any ? "localhost" : host);
        snprintf(out->cafile, sizeof out->cafile, "%s", l->console.cafile);
        out->port = l->console.port;
    }
    free(l);
    return ok;
}
