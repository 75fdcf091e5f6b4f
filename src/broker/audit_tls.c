/* audit_tls.c - which versions of TLS a listener speaks, and how long its certificate holds. */
#include "broker/audit_live.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/i18n.h"

static int dial(const struct door *d)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const struct timeval limit = {.tv_sec = 5};
    struct addrinfo *list = NULL;
    char port[16];
    int fd = -1;

    snprintf(port, sizeof port, "%d", d->port);
    if (getaddrinfo(d->host, port, &hints, &list) != 0)
        return -1;
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0) {
            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
            if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
                close(fd);
                fd = -1;
            }
        }
    }
    freeaddrinfo(list);
    return fd;
}

/* One greeting with versions of at least `least` and at most `most` (0: any). Returns the
 * certificate's owner; NULL: refused. */
static X509 *greet(const struct door *d, int least, int most)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = NULL;
    X509 *cert = NULL;
    const int fd = dial(d);

    if (context && fd >= 0) {
        SSL_CTX_set_security_level(context, 0); /* else this side refuses old versions itself */
        SSL_CTX_set_min_proto_version(context, least);
        SSL_CTX_set_max_proto_version(context, most);
        ssl = SSL_new(context);
    }
    if (ssl && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1)
        cert = SSL_get1_peer_certificate(ssl);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    if (fd >= 0)
        close(fd);
    return cert;
}

void tls_try(struct audit_run *r, const struct door *d, const char *name)
{
    X509 *cert = greet(d, TLS1_2_VERSION, 0), *old = greet(d, TLS1_VERSION, TLS1_1_VERSION);

    if (cert)
        judge_certificate(r, cert, name);
    else
        audit_fault(r, _("%s: no TLS 1.2 could be agreed on: look at its certfile and keyfile"),
                    name);
    if (old)
        audit_fault(r, _("%s: takes TLS 1.1: write tls_version tlsv1.2"), name);
    X509_free(cert);
    X509_free(old);
}
