/* mqtt_tls.h - the TLS context of one connection. Our own rather than libmosquitto's: it checks the
 * certificate against the host's name while the connection goes to an address, uses the system's
 * authorities where no file is named, and keeps what OpenSSL found wrong. */
#ifndef BROKER_MQTT_TLS_H
#define BROKER_MQTT_TLS_H

#include <openssl/ssl.h>

#include "base/err.h"
#include "broker/mqtt.h"

struct mqtt_tls {
    SSL_CTX *context; /* NULL: no TLS */
    char *name;       /* for SNI; NULL where the host is an address */
    bool done;        /* the handshake */
    int alert;        /* what the broker complained of; 0: nothing */
    long verdict;     /* X509_V_*, of the handshake */
};

/* Fills *t; its address must stay the same until fini. The files are read here. */
bool mqtt_tls_init(struct mqtt_tls *t, const struct mqtt_options *o, struct err *e);
void mqtt_tls_fini(struct mqtt_tls *t);
/* What the certificate's check says: NONE where it found nothing wrong. */
enum mqtt_failure mqtt_tls_failure(const struct mqtt_tls *t, struct text96 *detail);
/* The agreed version, and when the broker's certificate ends (wall ms; TIME_NONE unknown). */
void mqtt_tls_describe(SSL *ssl, struct text24 *version, int64_t *expires_at);

#endif
