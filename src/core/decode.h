/* decode.h - from a payload to the body of a message. Inside core only; codec.c decides before
 * whether the payload is looked at at all. */
#ifndef CORE_DECODE_H
#define CORE_DECODE_H

#include "core/json.h"
#include "core/topic.h"

/* ---- fields: what a JSON object may hold, as a table (decode_fields.c) ---- */

enum field_type {
    FIELD_TEXT,     /* string -> cleaned text of `size` bytes */
    FIELD_LABEL,    /* string, or an integer as digits -> cleaned text */
    FIELD_INTEGER,  /* an integral number of at most 2^53 -> int64_t */
    FIELD_COUNT,    /* the same, not negative */
    FIELD_FLAG,     /* true or false -> bool */
    FIELD_TIME,     /* ISO 8601 string -> int64_t, wall ms */
    FIELD_UID,      /* a uuid -> struct uid */
    FIELD_IDENTITY, /* the client that the payload says it is from: must be the topic's */
    FIELD_BLOCK,    /* an object of fields of its own */
};

struct field {
    const char *name;
    enum field_type type;
    bool nullable;             /* null is a value ("none"), not an absence */
    size_t value, size;        /* where in struct msg, and how large a text is */
    size_t have;               /* a bool in struct msg that says it was there; 0: none */
    const struct field *block; /* FIELD_BLOCK */
    size_t rows;
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
/* Initialisers of .value and .size for a member of struct msg that is an owned text. */
#define INTO_TEXT(member)                                                                          \
    .value = offsetof(struct msg, member.clean), .size = sizeof(((struct msg *)NULL)->member.clean)
#define INTO(member) .value = offsetof(struct msg, member)

/* Rows of one table that carry a usable value: bit i for row i (a table has at most 16 rows). */
struct taken {
    unsigned rows;
    bool foreign; /* an identity named another client */
};

/* Takes what `object` holds of the table into msg, whose texts must be strings already. Of a key
 * that comes twice the first counts. What cannot be used sets FIELD_BAD and is left alone. */
struct taken fields_take(const cJSON *object, const struct field *table, size_t rows,
                         struct msg *msg);

/* ---- payloads (decode.c: devices; decode_console.c: consoles and the server) ---- */

/* What a decoder sees; payload and len are valid UTF-8 of at most PAYLOAD_MAX bytes. */
struct decode {
    struct json *json;
    const struct wire_message *in;
    const struct topic *topic;
    const char *payload;
    size_t len;
};

typedef enum reject (*decode_fn)(const struct decode *d, struct msg *out);

enum reject decode_beat(const struct decode *d, struct msg *out);
enum reject decode_log(const struct decode *d, struct msg *out);
enum reject decode_service_failed(const struct decode *d, struct msg *out);
enum reject decode_ack(const struct decode *d, struct msg *out);
enum reject decode_command(const struct decode *d, struct msg *out);
enum reject decode_group(const struct decode *d, struct msg *out);
enum reject decode_event(const struct decode *d, struct msg *out);
enum reject decode_intent(const struct decode *d, struct msg *out);
enum reject decode_console_ack(const struct decode *d, struct msg *out);
enum reject decode_presence(const struct decode *d, struct msg *out);
enum reject decode_named_value(const struct decode *d, struct msg *out);

/* Parses the payload as one JSON object: REJECT_NONE or why not. */
enum reject decode_object(const struct decode *d, const cJSON **object);
/* decode_object, then its fields; REJECT_FOREIGN_UUID where it names another client. */
enum reject decode_fields(const struct decode *d, const struct field *table, size_t rows,
                          struct msg *out, unsigned *taken);

#endif
