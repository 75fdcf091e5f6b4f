/* provision_conf.c - the mosquitto.conf of a provisioned directory: written, and read again. */
#include "broker/provision_parts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/text.h"

#define LOOPBACK     "127.0.0.1"
#define CONSOLE_PORT 1884
#define DEVICE_PORT  1883
#define TLS_OFFSET   7000 /* 1883 → 8883 */

static bool bad_listen(const char *text, struct err *e)
{
    struct text96 shown = {""};

    TEXT_SET(&shown, text, strlen(text));
    return err_set(e, EXIT_USAGE, _("\"%s\" is no address to listen on: write HOST:PORT"),
                   shown.clean);
}

static bool port_parse(const char *s, int *port)
{
    char *end;
    const long n = strtol(s, &end, 10);

    if (end == s || *end || n < 1 || n > 65535)
        return false;
    *port = (int)n;
    return true;
}

bool listen_parse(const char *text, const char *default_host, int default_port,
                  struct listener_part *out, struct err *e)
{
    const char *host = default_host, *colon, *close = NULL;
    size_t n = strlen(default_host);

    out->port = default_port;
    if (text) {
        host = text;
        if (*text == '[' && (close = strchr(text, ']'))) { /* an IPv6 address */
            host = text + 1;
            n = (size_t)(close - host);
            colon = close[1] == ':' ? close + 1 : NULL;
            if (close[1] && !colon)
                return bad_listen(text, e);
        } else {
            colon = strrchr(text, ':');
            if (colon && strchr(text, ':') != colon)
                return bad_listen(text, e); /* which colon is the port's? */
            n = colon ? (size_t)(colon - text) : strlen(text);
        }
        if (colon && !port_parse(colon + 1, &out->port))
            return bad_listen(text, e);
    }
    if (n >= sizeof out->host || strcspn(host, " \t\r\n\"'/") < n)
        return bad_listen(text ? text : default_host, e);
    snprintf(out->host, sizeof out->host, "%.*s", (int)n, host);
    if (strcmp(out->host, "*") == 0)
        out->host[0] = '\0';
    return true;
}

bool host_is_loopback(const char *host)
{
    struct in_addr a;
    struct in6_addr b;

    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &a) == 1)
        return (ntohl(a.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &b) == 1 && IN6_IS_ADDR_LOOPBACK(&b);
}

bool layout_plan(struct layout *l, const struct provision_init *o, struct err *e)
{
    const bool tls = o->cert || o->self_signed;
    const int add = tls ? TLS_OFFSET : 0;
    const char *const dir = l->dir;

    l->console.tls = l->devices.tls = tls;
    return listen_parse(o->listen, LOOPBACK, CONSOLE_PORT + add, &l->console, e) &&
           listen_parse(o->device_listen, LOOPBACK, DEVICE_PORT + add, &l->devices, e) &&
           path_join(l->conf, dir, "mosquitto.conf", e) &&
           path_join(l->pid_file, dir, "mosquitto.pid", e) &&
           path_join(l->console.password_file, dir, "console.passwd", e) &&
           path_join(l->console.acl_file, dir, "console.acl", e) &&
           path_join(l->devices.password_file, dir, "devices.passwd", e) &&
           path_join(l->devices.acl_file, dir, "devices.acl", e) &&
           (!tls || (path_join(l->certfile, dir, "server.crt", e) &&
                     path_join(l->keyfile, dir, "server.key", e) &&
                     ((o->cert && !o->cafile) || path_join(l->console.cafile, dir, "ca.crt", e))));
}

static bool write_listener(const struct layout *l, const struct listener_part *p, struct buf *out)
{
    bool ok = buf_printf(out, "listener %d%s%s\n", p->port, *p->host ? " " : "", p->host) &&
              buf_printf(out, "allow_anonymous false\npassword_file %s\nacl_file %s\n",
                         p->password_file, p->acl_file);

    if (ok && p->tls)
        ok = buf_printf(out, "certfile %s\nkeyfile %s\ntls_version tlsv1.2\n", l->certfile,
                        l->keyfile);
    if (ok && p->tls && *l->console.cafile)
        ok = buf_printf(out, "cafile %s\n", l->console.cafile);
    return ok;
}

/* The device listener stands first on purpose: Mosquitto stops loading rules at the first broken
 * file and leaves the listeners behind it open. So broken device rules open the console's listener
 * too, and there the proof after a reload sees it. */
bool conf_write(const struct layout *l, struct buf *out)
{
    return buf_puts(out, "# Made by infoscreen-tui broker init.\n"
                         "per_listener_settings true\n"
                         "\n"
                         "# A killed broker loses at most what came after the last save.\n"
                         "persistence true\n") &&
           buf_printf(out, "persistence_location %s/data/\n", l->dir) &&
           buf_puts(out,
                    "autosave_on_changes true\n"
                    "autosave_interval 1\n"
                    "persistent_client_expiration 14d\n"
                    "\n"
                    "# Its default of 1000 cuts retained messages off on a fleet of thousands.\n"
                    "max_queued_messages 100000\n"
                    "max_queued_bytes 268435456\n"
                    "max_packet_size 262144\n"
                    "set_tcp_nodelay true\n"
                    "\n") &&
           buf_printf(out, "pid_file %s\n", l->pid_file) &&
           buf_puts(out,
                    "log_dest stderr\n"
                    "log_type error\n"
                    "log_type warning\n"
                    "log_type notice\n"
                    "log_timestamp_format %Y-%m-%dT%H:%M:%S\n"
                    "\n"
                    "# Devices: the account is the client id, so that no device can take another "
                    "client's place.\n") &&
           write_listener(l, &l->devices, out) &&
           buf_puts(out, "use_username_as_clientid true\n\n# Consoles.\n") &&
           write_listener(l, &l->console, out);
}

/* ---- reading ---- */

struct reading {
    struct listener_part part[2];
    char cafile[2][PATH_SIZE];
    bool of_devices[2];
    int n; /* listeners seen */
    struct layout *l;
};

static void take(char *dst, size_t size, const char *value)
{
    snprintf(dst, size, "%s", value);
}

static void read_listener(struct reading *r, const char *value)
{
    struct listener_part *p;

    if (r->n >= 2) {
        r->n++;
        return;
    }
    p = &r->part[r->n++];
    if (sscanf(value, "%d %255s", &p->port, p->host) < 1)
        p->port = 0;
}

static void read_setting(struct reading *r, const char *key, const char *value)
{
    struct listener_part *p = r->n >= 1 && r->n <= 2 ? &r->part[r->n - 1] : NULL;

    if (strcmp(key, "listener") == 0)
        read_listener(r, value);
    else if (strcmp(key, "pid_file") == 0)
        take(r->l->pid_file, sizeof r->l->pid_file, value);
    else if (!p)
        return;
    else if (strcmp(key, "password_file") == 0)
        take(p->password_file, sizeof p->password_file, value);
    else if (strcmp(key, "acl_file") == 0)
        take(p->acl_file, sizeof p->acl_file, value);
    else if (strcmp(key, "cafile") == 0)
        take(p->cafile, sizeof p->cafile, value);
    else if (strcmp(key, "certfile") == 0)
        p->tls = true;
    else if (strcmp(key, "use_username_as_clientid") == 0)
        r->of_devices[r->n - 1] = strcmp(value, "true") == 0;
}

static void read_line(struct reading *r, const char *line, size_t n)
{
    char key[64], copy[PATH_SIZE + 64];
    char *value;

    if (n == 0 || *line == '#' || n >= sizeof copy)
        return;
    snprintf(copy, sizeof copy, "%.*s", (int)n, line);
    value = strchr(copy, ' ');
    if (!value)
        return;
    *value++ = '\0';
    value += strspn(value, " ");
    value[strcspn(value, "\r")] = '\0';
    snprintf(key, sizeof key, "%.*s", (int)sizeof key - 1, copy);
    read_setting(r, key, value);
}

static bool part_complete(const struct listener_part *p)
{
    return p->port > 0 && *p->password_file && *p->acl_file;
}

bool layout_read(struct layout *l, const char *dir, struct err *e)
{
    struct buf text = BUF_INIT;
    struct reading r = {.l = l};
    char *whole = realpath(dir, NULL);
    bool ok;

    *l = (struct layout){0};
    if (!whole)
        return file_error(e, dir);
    take(l->dir, sizeof l->dir, whole);
    free(whole);
    ok = path_join(l->conf, l->dir, "mosquitto.conf", e) && file_read(l->conf, &text, e);
    for (const char *p = buf_str(&text); ok && *p;) {
        const size_t n = strcspn(p, "\n");
        read_line(&r, p, n);
        p += n + (p[n] == '\n');
    }
    buf_fini(&text);
    if (!ok)
        return false;
    if (r.n != 2 || !part_complete(&r.part[0]) || !part_complete(&r.part[1]) ||
        r.of_devices[0] == r.of_devices[1])
        return err_set(
            e, EXIT_FAILED,
            _("%s has no console and device listener with accounts and rules of their own: "
              "make it with broker init"),
            l->conf);
    l->devices = r.part[r.of_devices[0] ? 0 : 1];
    l->console = r.part[r.of_devices[0] ? 1 : 0];
    return true;
}

bool conf_fit(const char *text, int devices, struct buf *out)
{
    static const char on[] = "autosave_on_changes true";
    const char *at = devices > SAVE_ON_CHANGES_MAX ? strstr(text, on) : NULL;

    if (!at)
        return buf_puts(out, text);
    return buf_append(out, text, (size_t)(at - text)) &&
           buf_puts(out, "autosave_on_changes false") && buf_puts(out, at + sizeof on - 1);
}
