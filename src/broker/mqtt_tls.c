#include "broker/mqtt_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/timefmt.h"

static int on_verify(int ok, X509_STORE_CTX *store)
{
    if (!ok) {
        SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
        struct mqtt_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
        t->verdict = X509_STORE_CTX_get_error(store);
    }
    return ok;
}

/* libmosquitto puts the address that it was given into SNI; the broker must see the name. And an
 * alert that arrives after our side of the handshake is done is nowhere else to be had. */
static void on_info(const SSL *ssl, int where, int value)
{
    struct mqtt_tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    t->done = t->done || (where & SSL_CB_HANDSHAKE_DONE);
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
        t->alert = value;
    if ((where & SSL_CB_HANDSHAKE_START) && t->name)
        SSL_set_tlsext_host_name((SSL *)(uintptr_t)ssl, t->name);
}

static bool is_address(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool expect_name(struct mqtt_tls *t, const struct mqtt_options *o)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(t->context);

    if (is_address(o->host))
        return o->insecure || X509_VERIFY_PARAM_set1_ip_asc(param, o->host) == 1;
    t->name = strdup(o->host);
    if (!t->name)
        return false;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return o->insecure || X509_VERIFY_PARAM_set1_host(param, o->host, 0) == 1;
}

/* Reason of the oldest OpenSSL error in the queue, which it empties. */
static void take_reason(struct text96 *out)
{
    const unsigned long code = ERR_get_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    reason = reason ? reason : "OpenSSL";
    TEXT_SET(out, reason, strlen(reason));
    ERR_clear_error();
}

static bool refuse_file(struct err *e, const char *format, const char *path)
{
    struct text160 shown = {{0}};
    struct text96 reason = {{0}};

    TEXT_SET(&shown, path, strlen(path));
    if (access(path, R_OK) != 0) {
        const char *words = strerror(errno);
        TEXT_SET(&reason, words, strlen(words));
        ERR_clear_error();
    } else {
        take_reason(&reason);
    }
    return err_set(e, EXIT_USAGE, format, shown.clean, reason.clean);
}

static bool load_files(SSL_CTX *context, const struct mqtt_options *o, struct err *e)
{
    const char *key = o->key ? o->key : o->cert; /* one PEM file may hold both */

    if (o->cafile && SSL_CTX_load_verify_locations(context, o->cafile, NULL) != 1)
        return refuse_file(e, _("the CA file %s cannot be used (%s): name a PEM file"), o->cafile);
    if (!o->cafile)
        SSL_CTX_set_default_verify_paths(context);
    if (o->cert && SSL_CTX_use_certificate_chain_file(context, o->cert) != 1)
        return refuse_file(e, _("the certificate %s cannot be used (%s): name a PEM file"),
                           o->cert);
    if (key && SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
        return refuse_file(e, _("the key %s cannot be used (%s): name the key of the certificate"),
                           key);
    return true;
}

bool mqtt_tls_init(struct mqtt_tls *t, const struct mqtt_options *o, struct err *e)
{
    *t = (struct mqtt_tls){.verdict = X509_V_OK};
    if (!o->tls && !o->cafile && !o->cert && !o->key)
        return true;
    t->context = SSL_CTX_new(TLS_client_method());
    if (!t->context || !expect_name(t, o)) {
        mqtt_tls_fini(t);
        return err_set(e, EXIT_FAILED, _("TLS cannot be set up: out of memory"));
    }
    SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION);
    SSL_CTX_set_app_data(t->context, t);
    SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, on_verify);
    SSL_CTX_set_info_callback(t->context, on_info);
    SSL_CTX_set_mode(t->context, SSL_MODE_RELEASE_BUFFERS);
    if (load_files(t->context, o, e))
        return true;
    mqtt_tls_fini(t);
    return false;
}

void mqtt_tls_fini(struct mqtt_tls *t)
{
    SSL_CTX_free(t->context);
    free(t->name);
    *t = (struct mqtt_tls){.verdict = X509_V_OK};
}

enum mqtt_failure mqtt_tls_failure(const struct mqtt_tls *t, struct text96 *detail)
{
    const char *words = NULL;

    if (t->verdict != X509_V_OK)
        words = X509_verify_cert_error_string(t->verdict);
    else if (t->alert)
        words = ERR_reason_error_string(
            ERR_PACK(ERR_LIB_SSL, 0, SSL_AD_REASON_OFFSET + (t->alert & 0xff)));
    else
        return MQTT_FAIL_NONE;
    words = words ? words : "OpenSSL";
    TEXT_SET(detail, words, strlen(words));
    return t->verdict == X509_V_ERR_HOSTNAME_MISMATCH ||
                   t->verdict == X509_V_ERR_IP_ADDRESS_MISMATCH
               ? MQTT_FAIL_TLS_NAME
               : MQTT_FAIL_TLS;
}

static int64_t time_of(const ASN1_TIME *t)
{
    struct tm tm = {0};

    return t && ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) * 1000 : TIME_NONE;
}

void mqtt_tls_describe(SSL *ssl, struct text24 *version, int64_t *expires_at)
{
    const char *name = SSL_get_version(ssl);
    X509 *cert = SSL_get1_peer_certificate(ssl);

    TEXT_SET(version, name, strlen(name));
    *expires_at = cert ? time_of(X509_get0_notAfter(cert)) : TIME_NONE;
    X509_free(cert);
}
