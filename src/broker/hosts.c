#include "broker/hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/text.h"

/* ---- the list ---- */

static bool refuse(struct err *e, const char *item, size_t n)
{
    struct text160 shown = {{0}};

    TEXT_SET(&shown, item, n);
    return err_set(e, EXIT_USAGE, _("\"%s\" is no broker: write HOST, HOST:PORT or [IPV6]:PORT"),
                   shown.clean);
}

static bool parse_port(const char *s, size_t n, int *port)
{
    int value = 0;

    if (n < 1 || n > 5)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        value = value * 10 + (s[i] - '0');
    }
    *port = value;
    return value >= 1 && value <= 65535;
}

/* A colon starts the port, unless there are several: a bare IPv6 address. */
static bool parse_host(const char *s, size_t n, int default_port, struct host *h)
{
    const char *name = s, *end = s + n, *port = NULL;
    size_t length = n;

    if (n && *s == '[') {
        const char *close = memchr(s, ']', n);
        if (!close)
            return false;
        name = s + 1;
        length = (size_t)(close - name);
        if (close + 1 < end && close[1] != ':')
            return false;
        port = close + 1 < end ? close + 2 : NULL;
    } else {
        const char *colon = memchr(s, ':', n);
        if (colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1))) {
            length = (size_t)(colon - s);
            port = colon + 1;
        }
    }
    *h = (struct host){.port = default_port};
    if (length < 1 || length >= sizeof h->name)
        return false;
    memcpy(h->name, name, length);
    return !port || parse_port(port, (size_t)(end - port), &h->port);
}

bool hosts_parse(const char *list, int default_port, struct hosts *out, struct err *e)
{
    *out = (struct hosts){0};
    for (const char *s = list; *s;) {
        s += strspn(s, " ,");
        const size_t n = strcspn(s, " ,");
        if (!n)
            break;
        if (out->n == HOSTS_MAX)
            return err_set(e, EXIT_USAGE, _("too many brokers: list at most %d"), HOSTS_MAX);
        if (!parse_host(s, n, default_port, &out->host[out->n++]))
            return refuse(e, s, n);
        s += n;
    }
    return out->n > 0 || refuse(e, list, strlen(list));
}

void host_show(const struct host *h, char *out, size_t size)
{
    snprintf(out, size, strchr(h->name, ':') ? "[%s]:%d" : "%s:%d", h->name, h->port);
}

/* ---- the lookup ---- */

struct lookup {
    atomic_int owners; /* the asker and the thread: the last one frees */
    atomic_bool answered;
    int fd;
    char name[HOST_NAME];
    struct addresses found; /* the thread's until `answered` */
};

static bool keep_address(struct addresses *a, const struct addrinfo *info)
{
    char *text = a->text[a->n];

    if (getnameinfo(info->ai_addr, info->ai_addrlen, text, ADDRESS_TEXT, NULL, 0, NI_NUMERICHOST))
        return true;
    for (int i = 0; i < a->n; i++)
        if (strcmp(a->text[i], text) == 0)
            return true;
    return ++a->n < ADDRESSES_MAX;
}

static int resolve(const char *name, int flags, struct addresses *out)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *list = NULL;
    const int rc = getaddrinfo(name, NULL, &hints, &list);

    out->n = 0;
    if (rc != 0)
        return rc;
    for (const struct addrinfo *i = list; i && keep_address(out, i); i = i->ai_next)
        ;
    freeaddrinfo(list);
    return 0;
}

bool address_is_localhost(const char *name)
{
    return strcasecmp(name, "localhost") == 0;
}

bool address_parse(const char *name, struct addresses *out)
{
    if (address_is_localhost(name)) {
        *out = (struct addresses){.text = {"127.0.0.1", "::1"}, .n = 2};
        return true;
    }
    return resolve(name, AI_NUMERICHOST, out) == 0 && out->n > 0;
}

static void release(struct lookup *l)
{
    if (atomic_fetch_sub(&l->owners, 1) > 1)
        return;
    close(l->fd);
    free(l);
}

static void *run(void *argument)
{
    struct lookup *l = argument;
    const uint64_t one = 1;

    resolve(l->name, AI_ADDRCONFIG, &l->found);
    if (l->found.n == 0) /* a machine that has only its loopback so far */
        resolve(l->name, 0, &l->found);
    atomic_store(&l->answered, true);
    const ssize_t done = write(l->fd, &one, sizeof one);
    (void)done; /* an eventfd at 0 takes it */
    release(l);
    return NULL;
}

static bool start_thread(struct lookup *l)
{
    pthread_attr_t attributes;
    pthread_t thread;

    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    const bool ok = pthread_create(&thread, &attributes, run, l) == 0;
    pthread_attr_destroy(&attributes);
    return ok;
}

struct lookup *lookup_start(const char *name)
{
    struct lookup *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    snprintf(l->name, sizeof l->name, "%s", name);
    atomic_init(&l->owners, 2);
    atomic_init(&l->answered, false);
    if (l->fd >= 0 && start_thread(l))
        return l;
    if (l->fd >= 0)
        close(l->fd);
    free(l);
    return NULL;
}

int lookup_fd(const struct lookup *l)
{
    return l->fd;
}

bool lookup_answer(struct lookup *l, struct addresses *out)
{
    if (!atomic_load(&l->answered))
        return false;
    *out = l->found;
    return true;
}

void lookup_abandon(struct lookup *l)
{
    if (l)
        release(l);
}
