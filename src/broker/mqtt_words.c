/* mqtt_words.c - what an operator reads when a connection fails. {1} host, {2} detail. */
#include "broker/mqtt.h"

#include <assert.h>
#include <string.h>

#include "base/i18n.h"

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
