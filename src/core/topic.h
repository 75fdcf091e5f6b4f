/* topic.h - from a topic to the kind of message and the client it belongs to, by one declared
 * table. Inside core only: the other rooms see what codec.h makes of it. */
#ifndef CORE_TOPIC_H
#define CORE_TOPIC_H

#include "core/codec.h"

enum topic_flag {
    TOPIC_LIVE_ONLY = 1u << 0, /* a stored copy says nothing about now */
    TOPIC_FILLED = 1u << 1,    /* an empty payload means nothing here */
    TOPIC_ALIAS = 1u << 2,     /* the transitional spelling command(s) */
    TOPIC_DEEP = 1u << 3,      /* the variable part may span several levels */
};

struct topic_row {
    const char *prefix; /* all that stands before the variable part */
    const char *suffix; /* … and behind it */
    enum msg_kind kind;
    unsigned flags;
};

struct topic {
    const struct topic_row *row;
    bool of_client; /* below a client's uuid; then client and spelling are set */
    struct uid client;
    char spelling[UID_TEXT];
    const char *part; /* the variable part (group, alarm id, log level); borrowed, raw */
    size_t part_len;
};

/* True if it begins with a client's uuid; no more is looked at. */
bool topic_client(const char *topic, struct uid *out);
/* REJECT_NONE, REJECT_TOPIC or REJECT_UUID. */
enum reject topic_parse(const char *topic, struct topic *out);

#endif
