/* hosts.h - the list of brokers, "a,b:8883,[::1]:1884", tried in turn, and the lookup of one name.
 */
#ifndef BROKER_HOSTS_H
#define BROKER_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HOSTS_MAX     16
#define HOST_NAME     256
#define ADDRESSES_MAX 8
#define ADDRESS_TEXT  64 /* an IPv6 address with its scope */

enum host_protocol {
    HOST_NEW,     /* MQTT 5 */
    HOST_OLD,     /* said that it doesn't know MQTT 5 */
    HOST_OLD_TRY, /* hung up on MQTT 5: for this connection 3.1.1, then 5 again */
};

struct host {
    char name[HOST_NAME]; /* without brackets */
    int port;
    enum host_protocol protocol;
};

struct hosts {
    struct host host[HOSTS_MAX];
    int n;
};

bool hosts_parse(const char *list, int default_port, struct hosts *out, struct err *e);
/* "name:port", "[::1]:port" */
void host_show(const struct host *h, char *out, size_t size);

struct addresses {
    char text[ADDRESSES_MAX][ADDRESS_TEXT];
    int n;
};

/* One getaddrinfo() in a detached thread, since nothing else can bound its time: an abandoned one
 * frees itself when it comes back. */
struct lookup;
struct lookup *lookup_start(const char *name); /* NULL: no memory or no thread */
int lookup_fd(const struct lookup *l);         /* readable when the answer is there */
/* True once answered; n = 0: no such name. */
bool lookup_answer(struct lookup *l, struct addresses *out);
void lookup_abandon(struct lookup *l);
/* Digits need no lookup, and "localhost" is the loopback whatever the host's files say (RFC 6761): a bare machine
 * has no /etc/hosts, and it is our default. */
bool address_is_localhost(const char *name);
bool address_parse(const char *name, struct addresses *out);

#endif
