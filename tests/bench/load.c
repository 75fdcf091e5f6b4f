/* load.c - a paced stream of heartbeats and health reports for benchmarks and soak runs: one
 * connection, N clients, R messages a second in steps of 1 ms. It writes MQTT packets itself, a
 * batch in one write, so that it takes next to nothing of the processor that is being measured.
 *
 *   load -p PORT -r RATE -c CLIENTS -s SECONDS [-h HOST] [-u USER] [--retained-groups N]
 *        [--retained-failures N]        the password comes from MQTT_PASSWORD */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define STEP_NS        1000000
#define CATCH_UP_MAX   2000 /* messages in one write after a pause */
#define HEARTBEAT_SIZE 170  /* bytes of a usual heartbeat and a usual health report */
#define HEALTH_SIZE    295
#define RETAIN         1

enum { PACKET_CONNECT = 0x10, PACKET_PUBLISH = 0x30, PACKET_PING = 0xc0, PACKET_DISCONNECT = 0xe0 };

struct options {
    const char *host, *user;
    int port;
    double rate, seconds;
    long clients, groups, failures;
};

struct out {
    unsigned char bytes[1 << 20];
    size_t n;
    int fd;
};

static void fail(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void flush(struct out *o)
{
    for (size_t at = 0; at < o->n;) {
        const ssize_t n = send(o->fd, o->bytes + at, o->n - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            fail("the broker closed the connection");
        at += (size_t)n;
    }
    o->n = 0;
}

static void put(struct out *o, const void *bytes, size_t n)
{
    memcpy(o->bytes + o->n, bytes, n);
    o->n += n;
}

static void put_string(struct out *o, const char *s, size_t n)
{
    const unsigned char length[2] = {(unsigned char)(n >> 8), (unsigned char)n};

    put(o, length, 2);
    put(o, s, n);
}

static void put_header(struct out *o, int kind, size_t rest)
{
    unsigned char h[5];
    size_t n = 0;

    if (o->n + rest + sizeof h > sizeof o->bytes)
        flush(o);
    h[n++] = (unsigned char)kind;
    do {
        h[n] = (unsigned char)(rest % 128);
        rest /= 128;
        if (rest)
            h[n] |= 0x80;
        n++;
    } while (rest);
    put(o, h, n);
}

static void put_publish(struct out *o, int flags, const char *topic, const char *payload,
                        size_t len)
{
    const size_t t = strlen(topic);

    put_header(o, PACKET_PUBLISH | flags, 2 + t + len);
    put_string(o, topic, t);
    put(o, payload, len);
}

static void read_exactly(int fd, void *out, size_t n)
{
    for (size_t at = 0; at < n;) {
        const ssize_t got = recv(fd, (char *)out + at, n - at, 0);
        if (got <= 0)
            fail("no answer from the broker");
        at += (size_t)got;
    }
}

static int dial(const struct options *op)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char port[16];
    const int on = 1;
    int fd = -1;

    snprintf(port, sizeof port, "%d", op->port);
    if (getaddrinfo(op->host, port, &hints, &list) != 0)
        fail(op->host);
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0)
        fail(op->host);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void sign_in(struct out *o, const struct options *op)
{
    const char *password = op->user ? getenv("MQTT_PASSWORD") : NULL;
    const unsigned char level = 4, keepalive[2] = {0, 0};
    unsigned char flags = 0x02, answer[4];
    char id[32];
    size_t rest;

    snprintf(id, sizeof id, "load-%ld", (long)getpid());
    rest = 6 + 1 + 1 + 2 + 2 + strlen(id);
    if (op->user) {
        flags |= 0x80;
        rest += 2 + strlen(op->user);
    }
    if (password) {
        flags |= 0x40;
        rest += 2 + strlen(password);
    }
    put_header(o, PACKET_CONNECT, rest);
    put_string(o, "MQTT", 4);
    put(o, &level, 1);
    put(o, &flags, 1);
    put(o, keepalive, 2);
    put_string(o, id, strlen(id));
    if (op->user)
        put_string(o, op->user, strlen(op->user));
    if (password)
        put_string(o, password, strlen(password));
    flush(o);
    read_exactly(o->fd, answer, sizeof answer);
    if (answer[0] != 0x20 || answer[3] != 0) {
        fprintf(stderr, "load: the broker refused the connection (%d)\n", answer[3]);
        exit(1);
    }
}

/* All that was sent before has been taken when the broker answers. */
static void settle(struct out *o)
{
    unsigned char answer[2];

    put_header(o, PACKET_PING, 0);
    flush(o);
    read_exactly(o->fd, answer, sizeof answer);
}

/* Any of 2^32 clients; the first group of digits differs for each, as accounts need it. */
static void name_client(long i, char out[37])
{
    snprintf(out, 37, "%08x-ff34-4864-a726-%012x", (unsigned)((unsigned long)i * 2654435761u),
             (unsigned)i);
}

static void time_text(char *out, size_t size)
{
    struct timespec now;
    struct tm t;
    char day[24];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &t);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &t);
    snprintf(out, size, "%s.%06ld+00:00", day, now.tv_nsec / 1000);
}

/* Blanks before the closing brace bring a payload to its usual size. */
static size_t pad(char *payload, size_t size)
{
    size_t n = strlen(payload);

    if (n < size) {
        memset(payload + n - 1, ' ', size - n);
        payload[size - 1] = '}';
        n = size;
    }
    return n;
}

static void put_message(struct out *o, uint64_t k, const struct options *op, const char *now)
{
    const long client = (long)((k / 2) % (uint64_t)op->clients);
    char uuid[37], topic[96], payload[512];
    size_t n;

    name_client(client, uuid);
    if (k % 2 == 0) {
        snprintf(
            payload, sizeof payload,
            "{\"timestamp\":\"%s\",\"process_status\":\"running\",\"hostname\":\"screen-%ld\","
            "\"current_process\":\"display_manager\",\"process_pid\":%ld,\"current_event_id\":42}",
            now, client, 1000 + client % 30000);
        n = pad(payload, HEARTBEAT_SIZE);
    } else {
        snprintf(payload, sizeof payload,
                 "{\"timestamp\":\"%s\",\"expected_state\":{\"event_id\":42},\"actual_state\":{"
                 "\"process\":"
                 "\"display_manager\",\"pid\":%ld,\"status\":\"running\"},\"broker_connection\":{"
                 "\"broker_reachable\":true,\"reconnect_count\":2,\"last_disconnect_at\":"
                 "\"2026-04-04T10:30:00Z\"}}",
                 now, 1000 + client % 30000);
        n = pad(payload, HEALTH_SIZE);
    }
    snprintf(topic, sizeof topic, "infoscreen/%s/%s", uuid, k % 2 ? "health" : "heartbeat");
    put_publish(o, 0, topic, payload, n);
}

static void put_retained(struct out *o, const struct options *op)
{
    char uuid[37], topic[96], payload[256];

    for (long i = 0; i < op->groups; i++) {
        name_client(i, uuid);
        snprintf(topic, sizeof topic, "infoscreen/%s/group_id", uuid);
        snprintf(payload, sizeof payload, "group-%ld", i % 50);
        put_publish(o, RETAIN, topic, payload, strlen(payload));
    }
    for (long i = 0; i < op->failures; i++) {
        name_client(i, uuid);
        snprintf(topic, sizeof topic, "infoscreen/%s/service_failed", uuid);
        snprintf(payload, sizeof payload,
                 "{\"event\":\"service_failed\",\"unit\":\"infoscreen-simclient.service\",\"client_"
                 "uuid\":"
                 "\"%s\",\"failed_at\":\"2026-04-05T08:00:00Z\"}",
                 uuid);
        put_publish(o, RETAIN, topic, payload, strlen(payload));
    }
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void sleep_until(int64_t ns)
{
    const struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

/* Returns how many messages went out. What a slow broker holds up is made good for, but not at
 * once. */
static uint64_t stream(struct out *o, const struct options *op)
{
    const int64_t began = now_ns(), until = began + (int64_t)(op->seconds * 1e9);
    uint64_t sent = 0;
    char stamp[48];

    for (int64_t at = began, now = began; now < until; now = now_ns()) {
        const uint64_t due = (uint64_t)((double)(now - began) / 1e9 * op->rate) + 1;
        time_text(stamp, sizeof stamp);
        for (int n = 0; sent < due && n < CATCH_UP_MAX; n++)
            put_message(o, sent++, op, stamp);
        flush(o);
        at += STEP_NS;
        if (at < now)
            at = now;
        sleep_until(at);
    }
    return sent;
}

static bool parse(int argc, char **argv, struct options *op)
{
    static const struct option names[] = {{"retained-groups", required_argument, NULL, 'G'},
                                          {"retained-failures", required_argument, NULL, 'F'},
                                          {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "h:p:u:r:c:s:", names, NULL)) != -1) {
        switch (c) {
        case 'h':
            op->host = optarg;
            break;
        case 'p':
            op->port = atoi(optarg);
            break;
        case 'u':
            op->user = optarg;
            break;
        case 'r':
            op->rate = strtod(optarg, NULL);
            break;
        case 'c':
            op->clients = atol(optarg);
            break;
        case 's':
            op->seconds = strtod(optarg, NULL);
            break;
        case 'G':
            op->groups = atol(optarg);
            break;
        case 'F':
            op->failures = atol(optarg);
            break;
        default:
            return false;
        }
    }
    return op->port > 0 && op->clients > 0 && op->rate >= 0 && optind == argc;
}

int main(int argc, char **argv)
{
    static struct out o;
    struct options op = {.host = "127.0.0.1", .rate = 100, .clients = 100, .seconds = 10};
    uint64_t sent;

    if (!parse(argc, argv, &op)) {
        fputs("usage: load -p PORT [-h HOST] [-u USER] [-r RATE] [-c CLIENTS] [-s SECONDS]\n"
              "            [--retained-groups N] [--retained-failures N]\n",
              stderr);
        return 2;
    }
    o.fd = dial(&op);
    sign_in(&o, &op);
    put_retained(&o, &op);
    settle(&o);
    sent = stream(&o, &op);
    settle(&o);
    put_header(&o, PACKET_DISCONNECT, 0);
    flush(&o);
    close(o.fd);
    printf("%llu messages sent\n", (unsigned long long)sent);
    return 0;
}
