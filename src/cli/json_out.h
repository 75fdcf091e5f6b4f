/* json_out.h - JSON straight to a stream: integers to the last digit, times as ISO 8601, null never
 * left out. (cJSON prints numbers as doubles and needs the whole tree in memory.) */
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/text.h"

struct json_out {
    FILE *out;
    bool comma; /* something stands before at this level */
};

void json_begin(struct json_out *j, char bracket); /* '{' or '[' */
void json_end(struct json_out *j, char bracket);   /* '}' or ']' */
void json_line(struct json_out *j);                /* the next element begins a line */
void json_key(struct json_out *j, const char *key);
void json_text(struct json_out *j, struct text t);
void json_text_or_null(struct json_out *j, struct text t); /* empty: null */
void json_number(struct json_out *j, int64_t n);           /* NUMBER_NONE: null */
void json_bool(struct json_out *j, bool b);
void json_null(struct json_out *j);
void json_time(struct json_out *j, int64_t wall_ms); /* TIME_NONE: null */

#endif
