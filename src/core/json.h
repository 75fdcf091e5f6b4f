/* json.h - cJSON in an arena: a parse never allocates, and what it may use is bounded. Included by
 * the decoder only. One per thread. */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include <cjson/cJSON.h>

#include "core/codec.h"

#define JSON_DEPTH_MAX 64

struct json; /* the arena and the copy that is parsed */

struct json *json_new(void);
void json_free(struct json *j);

/* True if the n bytes are valid UTF-8 (quick where they are ASCII, as nearly all are). */
bool json_is_utf8(const void *bytes, size_t n);
/* Parses n <= PAYLOAD_MAX bytes of valid UTF-8. *root lives in the arena until the next parse and
 * is never freed. REJECT_NONE, REJECT_NOT_JSON or REJECT_TOO_DEEP. \u0000 in a string reads U+FFFD.
 */
enum reject json_parse(struct json *j, const void *bytes, size_t n, const cJSON **root);

#endif
