/* report.h - incidents for people: what one would paste into a ticket, and what the next shift has
 * to know. Markdown, or plain text for the screen. Foreign text is escaped: a device cannot make a
 * link, a heading or a table row of its name. */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include "base/buf.h"
#include "core/incident.h"

struct report {
    const struct incident_report *found;
    int64_t since_at, until_at; /* what was asked for */
    int64_t now_at;
    int64_t ack_expires_ms; /* alarms.ack_expires; 0: never */
    /* A device's name; borrowed from scratch or from whatever user is. */
    struct text (*name)(void *user, const struct uid *client, struct text64 *scratch);
    void *user;
};

/* Append; false without memory. */
bool report_markdown(const struct report *r, struct buf *out); /* all of it, hand-over included */
bool report_incident_markdown(const struct report *r, const struct incident *i, struct buf *out);
/* What is open and who has it, what expires next, what changed since the last hand-over. */
bool report_handover_markdown(const struct report *r, struct buf *out);
bool report_handover_plain(const struct report *r, struct buf *out);

#endif
