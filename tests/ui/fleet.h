/* fleet.h - a small fleet as it might be at 14:03:27, for panels to be drawn from. */
#ifndef TESTS_UI_FLEET_H
#define TESTS_UI_FLEET_H

#include "ui/desk.h"

struct fleet {
    struct config config;
    struct core *core;
    struct link_status link;
    struct store_status store;
    struct ui_model model;
    struct desk desk;
    struct cells cells;
    struct past_answer answer[PAST_KINDS];
};

#define FLEET_NOW_WALL INT64_C(1775397807000) /* 2026-04-05T14:03:27Z */
#define FLEET_NOW_MONO INT64_C(1000000000)

/* `clients` devices, connected, nothing wrong. Screen of rows x cols. */
void fleet_open(struct fleet *f, unsigned clients, int rows, int cols, bool utf8);
void fleet_close(struct fleet *f);
/* A service that gave up, a crash, a silent one, a mismatch, and commands on their way. */
void fleet_trouble(struct fleet *f);
struct uid fleet_uid(unsigned i);
void fleet_client(struct fleet *f, unsigned i, const char *hostname, const char *group, const char *status);
/* kind's alarm of client i (raised `ago` ms before now) */
void fleet_alarm(struct fleet *f, enum alarm_kind kind, unsigned i, enum alarm_state state, int64_t ago,
                 const char *mark);
/* An alarm that is wider than a device. */
void fleet_wide(struct fleet *f, enum alarm_kind kind, const char *subject, int64_t ago);
void fleet_command(struct fleet *f, unsigned i, enum action action, enum command_status status);
/* What happened to the first client, as an answer of the history: raised, acknowledged, a command, a log
 * line, over; the second one's goes on. */
void fleet_incidents(struct fleet *f);
/* `n` clients crash at once. */
void fleet_crashes(struct fleet *f, unsigned n);
void fleet_message(struct fleet *f, const char *topic, const char *payload);
void fleet_step(struct fleet *f, enum core_event_kind kind);
void fleet_draw(struct fleet *f);
/* Keys as they would be typed: UTF-8 and escape sequences. What came of it in out (may be NULL). */
void fleet_type(struct fleet *f, const char *keys, struct intents *out);
/* All rows as text, trailing blanks removed; static memory. */
const char *fleet_text(const struct fleet *f);
/* The role of the cell where text begins; -1 if it isn't there. */
int fleet_role(const struct fleet *f, const char *text);

#endif
