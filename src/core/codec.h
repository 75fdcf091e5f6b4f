/* codec.h - the one place that turns a topic and bytes into a typed message, or into a reject with a
 * reason, and typed things into payloads. Nothing past it sees JSON (cJSON underneath, in an arena:
 * no malloc per message, a hard bound on memory). */
#ifndef CORE_CODEC_H
#define CORE_CODEC_H

#include "base/buf.h"
#include "core/model.h"

#define PAYLOAD_MAX 65536 /* bytes; longer is rejected and counted */

enum msg_kind {
    MSG_HEARTBEAT, MSG_HEALTH, MSG_LOG, MSG_SERVICE_FAILED, MSG_SERVICE_CLEARED, MSG_ACK,
    MSG_COMMAND_SEEN, MSG_GROUP, MSG_EVENT, MSG_INTENT, MSG_CONSOLE_ACK, MSG_CONSOLE_ACK_FORGOTTEN,
    MSG_PRESENCE, MSG_PRESENCE_GONE, MSG_SYS, MSG_CANARY,
    MSG_KINDS
};

/* What arrived, still raw. Borrowed. */
struct wire_message {
    const char *topic; /* NUL-terminated */
    const void *payload;
    size_t len;        /* as received; bytes beyond PAYLOAD_MAX may be missing: `oversize` then */
    bool oversize;
    bool retained;     /* the retain bit as it arrived */
    bool rap;          /* retain-as-published held on this subscription: retain of a live message means something */
    bool snapshot;     /* arrived as a stored copy on subscribing (retain = 1 without rap, or known otherwise) */
};

enum reject {
    REJECT_NONE,
    REJECT_TOPIC,           /* not a topic of ours */
    REJECT_UUID,            /* second level is no uuid */
    REJECT_FOREIGN_UUID,    /* the payload names another client */
    REJECT_OVERSIZE,
    REJECT_NOT_UTF8,
    REJECT_NOT_JSON,
    REJECT_NOT_OBJECT,
    REJECT_TOO_DEEP,        /* nested deeper than 64, or the arena ran out */
    REJECT_EMPTY,
    REJECT_FIELD,           /* a field without which it is useless is missing or of the wrong type */
    REJECT_STATUS,          /* an ack with an unknown status */
    REJECT_ALARM_ID,        /* a console ack whose alarm_id differs from its topic */
    REJECT_STORED,          /* a stored copy of what is only meaningful live (heartbeat, health, log) */
    REJECT_FORGED,          /* an ack for a command of another client, … (found by the core) */
    REJECTS
};
extern const char *const reject_reasons[REJECTS]; /* N_() */

/* A field that was there but unusable: the message is used without it. */
enum field_bit { FIELD_BAD = 1u << 0 };

/* Also health: what isn't in a message keeps have_* false. An explicit null of the process, its pid, an
 * event id or last_disconnect_at is a value ("none"): have_* true with "", NUMBER_NONE or TIME_NONE. */
struct msg_heartbeat {
    bool have_process, have_status, have_pid, have_event, have_expected, have_reachable,
        have_reconnects, have_disconnect, have_hostname, have_ip, have_version;
    struct text64 hostname;
    struct text40 ip;
    struct text24 version;
    struct text40 process;
    struct text24 process_status;
    int64_t pid, current_event_id, expected_event_id, reconnect_count, last_disconnect_at;
    bool broker_reachable;
};

struct msg {
    enum msg_kind kind;
    struct uid client;              /* for topics of one client */
    char spelling[UID_TEXT];
    bool snapshot;                  /* from a stored copy */
    bool doubtful;                  /* a service_cleared that may be a plain empty message: no RAP here */
    unsigned flags;                 /* enum field_bit */
    int64_t device_at;              /* the payload's own timestamp; TIME_NONE. Never judges anything */
    union {
        struct msg_heartbeat beat;  /* HEARTBEAT, HEALTH */
        struct { struct text16 level; struct text512 message; } log;
        struct {                    /* SERVICE_FAILED; payload is borrowed from the wire message */
            struct text96 unit;
            struct text40 failed_at; /* "" absent */
            char sha[65];
            const void *payload;
            size_t len;
        } failed;
        struct {
            struct uid command;
            enum command_status status;
            enum ack_topic topic;
            struct text24 status_word;  /* as sent; status is what it means */
            struct text64 error_code;
            struct text512 error_message;
        } ack;
        struct { struct command command; bool alias; } seen; /* COMMAND_SEEN */
        struct { struct text64 group; } group;                /* "" = emptied */
        struct { struct text64 group; struct text512 shown; } event;
        struct { struct text64 group; struct text16 wanted; bool off, known; struct text160 reason; int64_t expires_at; } intent;
        struct {                    /* CONSOLE_ACK: the whole state of the occurrence */
            char alarm_id[ALARM_ID];
            struct text64 named;     /* the payload's own alarm_id: equal */
            struct text16 action;   /* acknowledge shelve unshelve note */
            struct text64 by, acknowledged_by;
            struct text96 raised_at; /* the occurrence's mark, as sent */
            int64_t at, acknowledged_at, shelved_until;
            struct text512 note;
        } console_ack;
        struct { struct text40 key; struct text64 host, operator_name; struct text16 role; bool recovery; int64_t since_at; } presence;
        struct { struct text64 name; struct text64 value; } sys; /* below $SYS/broker/; CANARY: its nonce */
    } u;
};

struct codec; /* owns the JSON arena; one per thread */
struct codec *codec_new(void);
void codec_free(struct codec *c);

/* Fills *out or says why not. out->u.failed.payload borrows from in. Never allocates. */
enum reject codec_decode(struct codec *c, const struct wire_message *in, struct msg *out);

/* Payloads that consoles send (docs/mqtt-payload-guide.md). False only without memory. */
bool codec_encode_console_ack(const struct alarm *a, const char *action, struct text by, int64_t at, struct buf *out);
bool codec_encode_command(const struct command *c, const char *client_spelling, struct buf *out);
bool codec_encode_presence(struct text host, struct text operator_name, const char *role, bool recovery,
                           int64_t since_at, struct buf *out);

#endif
