/* mqtt_failure.c - why a connection failed, from the codes of libmosquitto, the kernel and the broker;
 * and what an operator reads then: {1} host, {2} detail. */
#include "broker/mqtt_failure.h"

#include <assert.h>
#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stddef.h>
#include <string.h>

#include "base/i18n.h"

/* ---- from a code ---- */

struct failure_code {
    int code;
    enum mqtt_failure failure;
};

static const struct failure_code library_codes[] = {
    {MOSQ_ERR_PROTOCOL, MQTT_FAIL_PROTOCOL},
    {MOSQ_ERR_MALFORMED_UTF8, MQTT_FAIL_PROTOCOL},
    {MOSQ_ERR_MALFORMED_PACKET, MQTT_FAIL_PROTOCOL},
    {MOSQ_ERR_DUPLICATE_PROPERTY, MQTT_FAIL_PROTOCOL},
    {MOSQ_ERR_NOT_SUPPORTED, MQTT_FAIL_PROTOCOL},
    {MOSQ_ERR_OVERSIZE_PACKET, MQTT_FAIL_PROTOCOL},
    {MOSQ_ERR_PAYLOAD_SIZE, MQTT_FAIL_PROTOCOL},
    {MOSQ_ERR_CONN_REFUSED, MQTT_FAIL_PROTOCOL},
    {MOSQ_ERR_CONN_LOST, MQTT_FAIL_CLOSED},
    {MOSQ_ERR_NO_CONN, MQTT_FAIL_CLOSED},
    {MOSQ_ERR_TLS, MQTT_FAIL_TLS},
    {MOSQ_ERR_TLS_HANDSHAKE, MQTT_FAIL_TLS},
    {MOSQ_ERR_EAI, MQTT_FAIL_RESOLVE},
    {MOSQ_ERR_LOOKUP, MQTT_FAIL_RESOLVE},
    {MOSQ_ERR_KEEPALIVE, MQTT_FAIL_KEEPALIVE},
};

static const struct failure_code errno_codes[] = {
    {ECONNREFUSED, MQTT_FAIL_REFUSED},
    {ETIMEDOUT, MQTT_FAIL_TIMEOUT},
    {EHOSTUNREACH, MQTT_FAIL_UNREACHABLE},
    {ENETUNREACH, MQTT_FAIL_UNREACHABLE},
    {ENETDOWN, MQTT_FAIL_UNREACHABLE},
    {EHOSTDOWN, MQTT_FAIL_UNREACHABLE},
    {ECONNRESET, MQTT_FAIL_CLOSED},
    {EPIPE, MQTT_FAIL_CLOSED},
    {EPROTO, MQTT_FAIL_TLS},
};

/* Reason codes of MQTT 5 in CONNACK and DISCONNECT. */
static const struct failure_code reason_codes[] = {
    {MQTT_RC_MALFORMED_PACKET, MQTT_FAIL_PROTOCOL},
    {MQTT_RC_PROTOCOL_ERROR, MQTT_FAIL_PROTOCOL},
    {MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION, MQTT_FAIL_PROTOCOL_VERSION},
    {MQTT_RC_BAD_USERNAME_OR_PASSWORD, MQTT_FAIL_PASSWORD},
    {MQTT_RC_NOT_AUTHORIZED, MQTT_FAIL_PASSWORD},
    {MQTT_RC_BANNED, MQTT_FAIL_NOT_AUTHORIZED},
    {MQTT_RC_SERVER_SHUTTING_DOWN, MQTT_FAIL_CLOSED},
    {MQTT_RC_KEEP_ALIVE_TIMEOUT, MQTT_FAIL_KEEPALIVE},
    {MQTT_RC_SESSION_TAKEN_OVER, MQTT_FAIL_TAKEN_OVER},
};

static const struct failure_code connack_codes[] = {
    /* MQTT 3.1.1 */
    {CONNACK_REFUSED_PROTOCOL_VERSION, MQTT_FAIL_PROTOCOL_VERSION},
    {CONNACK_REFUSED_IDENTIFIER_REJECTED, MQTT_FAIL_NOT_AUTHORIZED},
    {CONNACK_REFUSED_BAD_USERNAME_PASSWORD, MQTT_FAIL_PASSWORD},
    {CONNACK_REFUSED_NOT_AUTHORIZED, MQTT_FAIL_PASSWORD},
};

static enum mqtt_failure find(const struct failure_code *table, size_t n, int code)
{
    for (size_t i = 0; i < n; i++)
        if (table[i].code == code)
            return table[i].failure;
    return MQTT_FAIL_OTHER;
}

#define FIND(table, code) find((table), sizeof(table) / sizeof *(table), (code))

enum mqtt_failure mqtt_failure_of_errno(int error)
{
    return FIND(errno_codes, error);
}

enum mqtt_failure mqtt_failure_of_library(int rc)
{
    return FIND(library_codes, rc);
}

enum mqtt_failure mqtt_failure_of_reason(int rc)
{
    return rc < 0x80 ? FIND(connack_codes, rc) : FIND(reason_codes, rc);
}

/* ---- in words ---- */

static const char *const sentences[] = {
    [MQTT_FAIL_NONE] = N_("disconnected from {1}"),
    [MQTT_FAIL_RESOLVE] = N_("unknown host {1}: check the name and the name service"),
    [MQTT_FAIL_REFUSED] =
        N_("{1} refuses the connection: check that the broker runs and that this is its port"),
    [MQTT_FAIL_UNREACHABLE] = N_("{1} cannot be reached: check the network"),
    [MQTT_FAIL_TIMEOUT] = N_("{1} does not answer in time: check host, port and firewall"),
    [MQTT_FAIL_TLS] =
        N_("TLS with {1} failed ({2}): check the CA file, the certificate and the port"),
    [MQTT_FAIL_TLS_NAME] =
        N_("the certificate of {1} is for another name: connect to the name that it states"),
    [MQTT_FAIL_PASSWORD] =
        N_("{1} refuses user name or password: check MQTT_USER and MQTT_PASSWORD"),
    [MQTT_FAIL_NOT_AUTHORIZED] =
        N_("{1} does not authorise this account: check its access rules and its password"),
    [MQTT_FAIL_PROTOCOL_VERSION] =
        N_("{1} does not speak this version of MQTT: a broker for MQTT 5 or 3.1.1 is needed"),
    [MQTT_FAIL_TAKEN_OVER] = N_(
        "another session with the same client id took this one's place at {1}: end the other one"),
    [MQTT_FAIL_PROTOCOL] =
        N_("{1} breaks the MQTT protocol: check that an MQTT broker listens on this port"),
    [MQTT_FAIL_CLOSED] = N_("{1} closed the connection: look into the broker's log"),
    [MQTT_FAIL_DROPPED] =
        N_("{1} closed the connection without a word: the broker ended, or another "
           "session with the same client id took this one's place"),
    [MQTT_FAIL_KEEPALIVE] = N_("{1} fell silent: check the network and the broker"),
    [MQTT_FAIL_OTHER] = N_("the connection to {1} failed ({2}): look into the broker's log"),
};
static_assert(sizeof sentences / sizeof *sentences == MQTT_FAILURES, "a failure without words");

void mqtt_failure_words(enum mqtt_failure why, const char *host, struct text detail,
                        struct words *out)
{
    *out = (struct words){.id = sentences[why]};
    TEXT_SET(&out->arg[0], host, strlen(host));
    TEXT_COPY(&out->arg[1], detail);
}
