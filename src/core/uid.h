/* uid.h - client and command identities (libuuid underneath). */
#ifndef CORE_UID_H
#define CORE_UID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UID_TEXT 37 /* 8-4-4-4-12 and NUL */

/* 16 raw bytes: comparison is without case by construction. */
struct uid {
    uint8_t b[16];
};

bool uid_parse(const char *s, size_t n, struct uid *out); /* any 8-4-4-4-12 hex text, exactly */
void uid_format(const struct uid *u, char out[UID_TEXT]);  /* lower case */
bool uid_equal(const struct uid *a, const struct uid *b);
bool uid_is_zero(const struct uid *u);
/* From what every process sees alike: looks like any other. */
void uid_derive(const void *from, size_t n, struct uid *out);
void uid_random(struct uid *out); /* version 4; not to be called inside core_step */

/* A uuid for messages by which a console tries what a broker lets by: random but for its end, which
 * no network card has (the multicast bit), so that every console knows it for nobody's. */
void uid_probe(struct uid *out);
bool uid_is_probe(const struct uid *u);

#endif
