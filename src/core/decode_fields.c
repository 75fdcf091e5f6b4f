#include "core/decode.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define INTEGER_MAX 9007199254740992.0 /* 2^53: beyond it a double skips integers */

enum take { TAKE_BAD, TAKE_OK, TAKE_ABSENT, TAKE_FOREIGN };

static bool number_is_integer(const cJSON *item)
{
    const double v = item->valuedouble;

    /* false for NaN and infinities (cJSON reads 1e999 as one) as well */
    return cJSON_IsNumber(item) && fabs(v) <= INTEGER_MAX && v == floor(v);
}

static enum take take_text(const struct field *f, const cJSON *item, char *value)
{
    if (!cJSON_IsString(item))
        return TAKE_BAD;
    text_clean(value, f->size, item->valuestring, strlen(item->valuestring));
    return TAKE_OK;
}

static enum take take_label(const struct field *f, const cJSON *item, char *value)
{
    char digits[32];

    if (!number_is_integer(item))
        return take_text(f, item, value);
    const int n = snprintf(digits, sizeof(digits), "%lld", (long long)item->valuedouble);
    text_clean(value, f->size, digits, (size_t)n);
    return TAKE_OK;
}

static enum take take_number(const struct field *f, const cJSON *item, void *value)
{
    if (!number_is_integer(item) || (f->type == FIELD_COUNT && item->valuedouble < 0))
        return TAKE_BAD;
    const int64_t v = (int64_t)item->valuedouble;
    memcpy(value, &v, sizeof(v));
    return TAKE_OK;
}

static enum take take_flag(const cJSON *item, void *value)
{
    const bool flag = cJSON_IsTrue(item);

    if (!cJSON_IsBool(item))
        return TAKE_BAD;
    memcpy(value, &flag, sizeof(flag));
    return TAKE_OK;
}

static enum take take_time(const cJSON *item, void *value)
{
    int64_t at;

    if (!cJSON_IsString(item) || !time_parse_iso(item->valuestring, strlen(item->valuestring), &at))
        return TAKE_BAD;
    memcpy(value, &at, sizeof(at));
    return TAKE_OK;
}

static enum take take_uid(const cJSON *item, void *value)
{
    struct uid id;

    if (!cJSON_IsString(item) || !uid_parse(item->valuestring, strlen(item->valuestring), &id))
        return TAKE_BAD;
    memcpy(value, &id, sizeof(id));
    return TAKE_OK;
}

/* Whatever text is no spelling of the topic's uuid names another; what is no text names nobody. */
static enum take take_identity(const cJSON *item, const struct msg *msg)
{
    struct uid id;

    if (!cJSON_IsString(item) || item->valuestring[0] == '\0')
        return TAKE_BAD;
    if (!uid_parse(item->valuestring, strlen(item->valuestring), &id))
        return TAKE_FOREIGN;
    return uid_equal(&id, &msg->client) ? TAKE_OK : TAKE_FOREIGN;
}

/* null where "none" is a value: a device without a process says so. */
static enum take take_null(const struct field *f, void *value)
{
    const int64_t none = NUMBER_NONE;

    static_assert(NUMBER_NONE == TIME_NONE, "one null for numbers and times");
    if (!f->nullable)
        return TAKE_ABSENT;
    if (f->size)
        *(char *)value = '\0';
    else
        memcpy(value, &none, sizeof(none));
    return TAKE_OK;
}

static enum take take_block(const struct field *f, const cJSON *item, struct msg *msg)
{
    if (!cJSON_IsObject(item))
        return TAKE_BAD;
    return fields_take(item, f->block, f->rows, msg).foreign ? TAKE_FOREIGN : TAKE_OK;
}

static enum take take_field(const struct field *f, const cJSON *item, struct msg *msg)
{
    void *value = (char *)msg + f->value;

    if (cJSON_IsNull(item))
        return take_null(f, value);
    switch (f->type) {
    case FIELD_TEXT:
        return take_text(f, item, value);
    case FIELD_LABEL:
        return take_label(f, item, value);
    case FIELD_INTEGER:
    case FIELD_COUNT:
        return take_number(f, item, value);
    case FIELD_FLAG:
        return take_flag(item, value);
    case FIELD_TIME:
        return take_time(item, value);
    case FIELD_UID:
        return take_uid(item, value);
    case FIELD_IDENTITY:
        return take_identity(item, msg);
    case FIELD_BLOCK:
        return take_block(f, item, msg);
    }
    return TAKE_BAD;
}

static size_t find_row(const struct field *table, size_t rows, const char *name)
{
    size_t i = 0;

    while (i < rows && (table[i].name[0] != name[0] || strcmp(table[i].name, name) != 0))
        i++;
    return i;
}

struct taken fields_take(const cJSON *object, const struct field *table, size_t rows,
                         struct msg *msg)
{
    struct taken taken = {0};
    unsigned seen = 0;

    for (const cJSON *item = object->child; item; item = item->next) {
        const size_t i = find_row(table, rows, item->string);
        if (i == rows || (seen & (1u << i)))
            continue;
        seen |= 1u << i;
        switch (take_field(&table[i], item, msg)) {
        case TAKE_OK:
            taken.rows |= 1u << i;
            if (table[i].have)
                *((char *)msg + table[i].have) = true;
            break;
        case TAKE_BAD:
            msg->flags |= FIELD_BAD;
            break;
        case TAKE_FOREIGN:
            taken.foreign = true;
            break;
        case TAKE_ABSENT:
            break;
        }
    }
    return taken;
}

enum reject decode_object(const struct decode *d, const cJSON **object)
{
    const enum reject why = json_parse(d->json, d->payload, d->len, object);

    if (why != REJECT_NONE)
        return why;
    return cJSON_IsObject(*object) ? REJECT_NONE : REJECT_NOT_OBJECT;
}

enum reject decode_fields(const struct decode *d, const struct field *table, size_t rows,
                          struct msg *out, unsigned *taken)
{
    const cJSON *object;
    const enum reject why = decode_object(d, &object);

    if (why != REJECT_NONE)
        return why;
    const struct taken got = fields_take(object, table, rows, out);
    if (taken)
        *taken = got.rows;
    return got.foreign ? REJECT_FOREIGN_UUID : REJECT_NONE;
}
