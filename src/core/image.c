/* The format: kind (one letter), version, length of the body (4 bytes, little-endian), then fields:
 * tag, length (2 bytes), bytes. A field that has its preset value is left out, so a typical client
 * takes some 200 bytes. Numbers are two's complement in as few bytes as they need. */
#include "core/image.h"

#include <assert.h>
#include <string.h>

#define IMAGE_VERSION 1
#define HEADER_SIZE   6
#define FIELD_HEADER  3

enum image_type {
    IMG_NUMBER, /* 1, 4 or 8 bytes in the struct, signed */
    IMG_UID,
    IMG_TEXT,  /* cleaned again when read: a database file is not to be trusted either */
    IMG_TOKEN, /* printable ASCII of our own: ids, digests */
    IMG_WORDS,
    IMG_ACKS,
};

struct image_field {
    uint8_t tag; /* never reused */
    enum image_type type;
    size_t offset, size;
    int64_t preset, least, most; /* IMG_NUMBER */
};

struct image_layout {
    char letter;
    const struct image_field *fields;
    size_t count;
};

/* clang-format off */
#define MEMBER(type, member) offsetof(type, member), sizeof(((type *)NULL)->member)
#define F_UID(n, t, m)   {n, IMG_UID, MEMBER(t, m), 0, 0, 0}
#define F_TEXT(n, t, m)  {n, IMG_TEXT, MEMBER(t, m.clean), 0, 0, 0}
#define F_TOKEN(n, t, m) {n, IMG_TOKEN, MEMBER(t, m), 0, 0, 0}
#define F_BOOL(n, t, m)  {n, IMG_NUMBER, MEMBER(t, m), 0, 0, 1}
#define F_ENUM(n, t, m, count) {n, IMG_NUMBER, MEMBER(t, m), 0, 0, (count) - 1}
#define F_COUNT(n, t, m) {n, IMG_NUMBER, MEMBER(t, m), 0, 0, INT32_MAX}
#define F_TIME(n, t, m)  {n, IMG_NUMBER, MEMBER(t, m), TIME_NONE, INT64_MIN, INT64_MAX}
#define F_INT(n, t, m)   {n, IMG_NUMBER, MEMBER(t, m), NUMBER_NONE, INT64_MIN, INT64_MAX}
/* clang-format on */

static const struct image_field client_fields[] = {
    F_UID(1, struct client, id),
    F_TOKEN(2, struct client, spelling),
    F_ENUM(3, struct client, state, CLIENT_STATES),
    F_TEXT(4, struct client, hostname),
    F_TEXT(5, struct client, ip),
    F_TEXT(6, struct client, version),
    F_TEXT(7, struct client, process),
    F_TEXT(8, struct client, process_status),
    F_TEXT(9, struct client, group),
    F_INT(10, struct client, pid),
    F_INT(11, struct client, current_event_id),
    F_INT(12, struct client, expected_event_id),
    F_INT(13, struct client, reconnect_count),
    F_TIME(14, struct client, first_seen_at),
    F_TIME(15, struct client, last_heartbeat_at),
    F_TIME(16, struct client, last_health_at),
    F_TIME(17, struct client, last_disconnect_at),
    F_TIME(18, struct client, state_since_at),
    {19, IMG_NUMBER, MEMBER(struct client, broker_reachable), TRI_UNKNOWN, TRI_UNKNOWN, TRI_YES},
    F_BOOL(20, struct client, failed),
    F_BOOL(21, struct client, crashed),
    F_BOOL(22, struct client, silent),
    F_TEXT(23, struct client, failed_unit),
    F_TEXT(24, struct client, failed_at),
};

static const struct image_field alarm_fields[] = {
    F_TOKEN(1, struct alarm, id),
    F_ENUM(2, struct alarm, kind, ALARM_KINDS),
    F_ENUM(3, struct alarm, state, ALARM_STATES),
    F_ENUM(4, struct alarm, priority, PRIORITIES),
    F_TEXT(5, struct alarm, subject),
    F_UID(6, struct alarm, client),
    F_TEXT(7, struct alarm, group),
    F_TIME(8, struct alarm, raised_at),
    F_TIME(9, struct alarm, cleared_at),
    F_TIME(10, struct alarm, acknowledged_at),
    F_TIME(11, struct alarm, shelved_until),
    F_TEXT(12, struct alarm, acknowledged_by),
    F_TOKEN(13, struct alarm, suppressed_by),
    F_COUNT(14, struct alarm, occurrences),
    {15, IMG_WORDS, MEMBER(struct alarm, summary), 0, 0, 0},
    F_TEXT(16, struct alarm, note),
    F_TEXT(17, struct alarm, mark),
    F_TOKEN(18, struct alarm, payload_sha),
    F_BOOL(19, struct alarm, active),
};

static const struct image_field command_fields[] = {
    F_UID(1, struct command, id),
    F_UID(2, struct command, client),
    F_ENUM(3, struct command, action, ACTIONS),
    F_TEXT(4, struct command, action_text),
    F_ENUM(5, struct command, status, COMMAND_STATUSES),
    F_TEXT(6, struct command, requested_by),
    F_TEXT(7, struct command, reason),
    F_TEXT(8, struct command, error_code),
    F_TEXT(9, struct command, error_message),
    F_TEXT(10, struct command, rollout_id),
    F_TIME(11, struct command, issued_at),
    F_TIME(12, struct command, expires_at),
    F_TIME(13, struct command, published_at),
    F_TIME(14, struct command, accepted_at),
    F_TIME(15, struct command, execution_started_at),
    F_TIME(16, struct command, finished_at),
    F_TIME(17, struct command, allowed_at),
    F_BOOL(18, struct command, late),
    F_BOOL(19, struct command, foreign),
    {20, IMG_ACKS, MEMBER(struct command, acks), 0, 0, 0},
};

#define LAYOUT(c, table)                                                                           \
    {                                                                                              \
        .letter = (c), .fields = (table), .count = sizeof(table) / sizeof((table)[0])              \
    }
static const struct image_layout layouts[] = {
    [IMAGE_CLIENT] = LAYOUT('C', client_fields),
    [IMAGE_ALARM] = LAYOUT('A', alarm_fields),
    [IMAGE_COMMAND] = LAYOUT('M', command_fields),
};
static_assert(sizeof(layouts) / sizeof(layouts[0]) == IMAGE_KINDS, "a layout per kind");

/* ---- little-endian numbers ---- */

static void put_le(uint8_t *dst, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_le(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* Sign-extends what the top bit of the n-th byte says; n is 1..8. */
static int64_t get_signed(const uint8_t *p, size_t n)
{
    const unsigned shift = (unsigned)(8 * (sizeof(int64_t) - n));

    return (int64_t)(get_le(p, n) << shift) >> shift;
}

static size_t signed_size(int64_t v)
{
    size_t n = 1;

    while (n < sizeof(v) && (v >> (8 * n - 1)) != 0 && (v >> (8 * n - 1)) != -1)
        n++;
    return n;
}

static int64_t load_number(const struct image_field *f, const char *member)
{
    int32_t narrow;
    int64_t wide;

    switch (f->size) {
    case sizeof(narrow):
        memcpy(&narrow, member, sizeof(narrow));
        return narrow;
    case sizeof(wide):
        memcpy(&wide, member, sizeof(wide));
        return wide;
    default:
        return (uint8_t)*member;
    }
}

static void store_number(const struct image_field *f, char *member, int64_t v)
{
    const int32_t narrow = (int32_t)v;

    switch (f->size) {
    case sizeof(narrow):
        memcpy(member, &narrow, sizeof(narrow));
        break;
    case sizeof(v):
        memcpy(member, &v, sizeof(v));
        break;
    default:
        *member = (char)v;
    }
}

/* ---- writing ---- */

#define ACK_SIZE 10 /* status, topic, received_at */

static bool write_field(struct buf *out, uint8_t tag, const void *bytes, size_t n)
{
    uint8_t header[FIELD_HEADER] = {tag};

    put_le(header + 1, n, 2);
    return buf_append(out, header, sizeof(header)) && buf_append(out, bytes, n);
}

static bool write_number(struct buf *out, const struct image_field *f, const char *member)
{
    const int64_t v = load_number(f, member);
    uint8_t bytes[sizeof(v)];

    if (v == f->preset)
        return true;
    put_le(bytes, (uint64_t)v, sizeof(bytes));
    return write_field(out, f->tag, bytes, signed_size(v));
}

static bool write_words(struct buf *out, const struct image_field *f, const struct words *w)
{
    char packed[WORDS_PACKED];

    if (!w->id)
        return true;
    return write_field(out, f->tag, packed, words_pack(w, packed, sizeof(packed)));
}

static bool write_acks(struct buf *out, const struct image_field *f, const struct command *c)
{
    uint8_t bytes[COMMAND_ACKS * ACK_SIZE];
    const size_t n = c->ack_count < COMMAND_ACKS ? c->ack_count : COMMAND_ACKS;

    for (size_t i = 0; i < n; i++) {
        uint8_t *at = bytes + i * ACK_SIZE;
        at[0] = (uint8_t)c->acks[i].status;
        at[1] = (uint8_t)c->acks[i].topic;
        put_le(at + 2, (uint64_t)c->acks[i].received_at, sizeof(int64_t));
    }
    return n == 0 || write_field(out, f->tag, bytes, n * ACK_SIZE);
}

static bool write_member(struct buf *out, const struct image_field *f, const void *thing)
{
    static const uint8_t zero[sizeof(struct uid)];
    const char *member = (const char *)thing + f->offset;

    switch (f->type) {
    case IMG_NUMBER:
        return write_number(out, f, member);
    case IMG_UID:
        return memcmp(member, zero, sizeof(zero)) == 0 || write_field(out, f->tag, member, f->size);
    case IMG_TEXT:
    case IMG_TOKEN:
        return member[0] == '\0' || write_field(out, f->tag, member, strlen(member));
    case IMG_WORDS:
        return write_words(out, f, (const struct words *)(const void *)member);
    case IMG_ACKS:
        return write_acks(out, f, thing);
    }
    return false;
}

static bool image_write(enum image_kind kind, const void *thing, struct buf *out)
{
    const struct image_layout *layout = &layouts[kind];
    uint8_t header[HEADER_SIZE] = {(uint8_t)layout->letter, IMAGE_VERSION};
    const size_t start = out->len;
    bool ok = buf_append(out, header, sizeof(header));

    for (size_t i = 0; ok && i < layout->count; i++)
        ok = write_member(out, &layout->fields[i], thing);
    if (!ok)
        return false;
    put_le((uint8_t *)out->data + start + 2, out->len - start - HEADER_SIZE, 4);
    return true;
}

bool image_of_client(const struct client *c, struct buf *out)
{
    return image_write(IMAGE_CLIENT, c, out);
}

bool image_of_alarm(const struct alarm *a, struct buf *out)
{
    return image_write(IMAGE_ALARM, a, out);
}

bool image_of_command(const struct command *c, struct buf *out)
{
    return image_write(IMAGE_COMMAND, c, out);
}

/* ---- reading ---- */

static bool read_number(const struct image_field *f, const uint8_t *p, size_t n, char *member)
{
    if (n == 0 || n > sizeof(int64_t))
        return false;
    const int64_t v = get_signed(p, n);
    if (v < f->least || v > f->most)
        return false;
    store_number(f, member, v);
    return true;
}

static bool read_token(const struct image_field *f, const uint8_t *p, size_t n, char *member)
{
    if (n >= f->size)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (p[i] <= ' ' || p[i] >= 0x7f)
            return false;
    }
    memcpy(member, p, n);
    member[n] = '\0';
    return true;
}

static bool read_words(const uint8_t *p, size_t n, struct words *w)
{
    char packed[WORDS_PACKED];

    if (n >= sizeof(packed))
        return false;
    memcpy(packed, p, n);
    packed[n] = '\0';
    words_unpack(packed, w);
    return true;
}

static bool read_acks(const uint8_t *p, size_t n, struct command *c)
{
    if (n % ACK_SIZE != 0 || n / ACK_SIZE > COMMAND_ACKS)
        return false;
    c->ack_count = (uint8_t)(n / ACK_SIZE);
    for (size_t i = 0; i < c->ack_count; i++) {
        const uint8_t *at = p + i * ACK_SIZE;
        if (at[0] >= COMMAND_STATUSES || at[1] > ACK_ALIAS)
            return false;
        c->acks[i].status = (enum command_status)at[0];
        c->acks[i].topic = (enum ack_topic)at[1];
        c->acks[i].received_at = (int64_t)get_le(at + 2, sizeof(int64_t));
    }
    return true;
}

static bool read_member(const struct image_field *f, const uint8_t *p, size_t n, void *thing)
{
    char *member = (char *)thing + f->offset;

    switch (f->type) {
    case IMG_NUMBER:
        return read_number(f, p, n, member);
    case IMG_UID:
        if (n == f->size)
            memcpy(member, p, n);
        return n == f->size;
    case IMG_TEXT:
        text_clean(member, f->size, p, n);
        return true;
    case IMG_TOKEN:
        return read_token(f, p, n, member);
    case IMG_WORDS:
        return read_words(p, n, (struct words *)(void *)member);
    case IMG_ACKS:
        return read_acks(p, n, thing);
    }
    return false;
}

static const struct image_field *find_tag(const struct image_layout *layout, uint8_t tag)
{
    for (size_t i = 0; i < layout->count; i++) {
        if (layout->fields[i].tag == tag)
            return &layout->fields[i];
    }
    return NULL;
}

static void set_presets(const struct image_layout *layout, void *thing)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct image_field *f = &layout->fields[i];
        if (f->type == IMG_NUMBER)
            store_number(f, (char *)thing + f->offset, f->preset);
    }
}

static bool read_body(const struct image_layout *layout, const uint8_t *p, size_t n, void *thing)
{
    while (n > 0) {
        if (n < FIELD_HEADER)
            return false;
        const size_t size = (size_t)get_le(p + 1, 2);
        if (size > n - FIELD_HEADER)
            return false;
        const struct image_field *f = find_tag(layout, p[0]);
        if (f && !read_member(f, p + FIELD_HEADER, size, thing))
            return false;
        p += FIELD_HEADER + size;
        n -= FIELD_HEADER + size;
    }
    return true;
}

bool image_read(const void *bytes, size_t n, struct image *out, size_t *used)
{
    const uint8_t *p = bytes;
    size_t kind = 0;

    if (n < HEADER_SIZE || p[1] != IMAGE_VERSION)
        return false;
    while (kind < IMAGE_KINDS && layouts[kind].letter != (char)p[0])
        kind++;
    const size_t size = (size_t)get_le(p + 2, 4);
    if (kind == IMAGE_KINDS || size > n - HEADER_SIZE)
        return false;
    memset(out, 0, sizeof(*out));
    out->kind = (enum image_kind)kind;
    set_presets(&layouts[kind], &out->u);
    *used = HEADER_SIZE + size;
    return read_body(&layouts[kind], p + HEADER_SIZE, size, &out->u);
}

static bool restore(struct core *c, const struct image *image)
{
    switch (image->kind) {
    case IMAGE_CLIENT:
        return core_restore_client(c, &image->u.client);
    case IMAGE_ALARM:
        return core_restore_alarm(c, &image->u.alarm, NULL, 0);
    case IMAGE_COMMAND:
        return core_restore_command(c, &image->u.command);
    case IMAGE_KINDS:
        break;
    }
    return false;
}

bool image_apply(struct core *c, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    struct image image;
    size_t used;

    for (; n > 0; p += used, n -= used) {
        if (!image_read(p, n, &image, &used) || !restore(c, &image))
            return false;
    }
    return true;
}
