/* internal_command.h - commands, rollouts and the outbox. */
#ifndef CORE_INTERNAL_COMMAND_H
#define CORE_INTERNAL_COMMAND_H

#include "core/internal_device.h"

struct core;

/* ---- commands ---- */

struct tracked {
    struct link link;
    struct command row;
    struct timer expiry;
    uint64_t order; /* of arrival */
    uint64_t put_step;
    uint32_t index;
    struct link of_client;      /* in the table by client */
    struct tracked *next_ended; /* the one that ended after it */
    struct tracked **ended_at;  /* *ended_at points to it; NULL: it has not ended */
    struct timer back;     /* when its device should be back; on the clock "air" */
    bool watched;          /* until its device is heard again */
    bool overdue;          /* expired while another process was the recorder */
    bool mine;             /* issued or taken over by this process, which so sees to its end */
};

/* ranking.c: tracked ones by the order of their arrival. */
struct ranked {
    struct tracked **list;
    uint32_t count;
};
bool ranking_make_room(struct core *c, uint32_t room);
void ranking_add(struct core *c, struct tracked *t); /* by the status that it has now */
void ranking_remove(struct core *c, const struct tracked *t);
void ranking_fini(struct core *c);

extern const bool command_is_active[COMMAND_STATUSES]; /* something may still come */
struct tracked *command_find(const struct core *c, const struct uid *id);
struct tracked *command_add(struct core *c, const struct command *row);
void command_set_status(struct core *c, struct tracked *t, enum command_status status);
void command_on_the_wire(struct core *c, struct tracked *t); /* the broker took it, or shows it */
void command_touch(struct core *c, struct tracked *t);
void command_arm(struct core *c, struct tracked *t); /* its expiry, from now on */
void command_fail(struct core *c, struct tracked *t, const char *code, const char *message);
/* The commands of a client, in no order: first with t = NULL. */
struct tracked *command_of_client(const struct core *c, const struct uid *client,
                                  const struct tracked *t);
struct text command_action(const struct command *row);

/* ---- is its device back? (watch.c) ---- */

void watch_status(struct core *c, struct tracked *t, enum command_status status);
void watch_heard(struct core *c, struct device *d, bool reconnected); /* before its times are set */
void watch_due(struct core *c, struct timer *t);
void watch_end(struct core *c, struct tracked *t);
void watch_restore(struct core *c, struct tracked *t);
void watch_explain_expiry(struct core *c, struct tracked *t);

/* ---- restarting without a person (recovery.c) ---- */

void recovery_note(struct core *c, struct device *d, int64_t mark);
void recovery_begin(struct core *c);
void recovery_due(struct core *c, struct timer *t);

/* ---- one to each of many (rollout.c) ---- */

void rollout_begin(struct core *c, const struct operator_action *op);
void rollout_stop(struct core *c, const struct operator_action *op);
void rollout_learn(struct core *c, const struct core_event *ev);
void rollout_due(struct core *c, struct timer *t);
/* A command was learned of, or its status has changed: is it a member's? */
void rollout_note(struct core *c, struct tracked *t);
void rollouts_go_on(struct core *c); /* the link is up */
void rollouts_fini(struct core *c);

/* ---- issuing them (sending.c) ---- */

void command_send(struct core *c, const struct operator_action *op);
void command_cancel(struct core *c, const struct operator_action *op);
/* Not handed over yet: then it can still be withdrawn. */
bool command_can_be_withdrawn(const struct core *c, const struct tracked *t);
void command_refuse(struct core *c, struct tracked *t, enum command_status status);
void command_adopt(struct core *c, const struct command *row, const struct effect *outbox);
void command_withdraw(struct core *c, const struct uid *id);
/* Is it young enough for a lockout, or for the budget of the recovery? */
bool command_may_count(const struct core *c, const struct command *row);
/* May what lies in the outbox for it still go out? */
bool command_may_go(const struct core *c, const struct uid *id);
/* The broker's answer. False: the rest of its outbox must not go. */
void command_published(struct core *c, const struct uid *id, bool alias, int reason);

void command_seen(struct core *c, const struct msg *m);
void command_ack(struct core *c, const struct msg *m);
void command_due(struct core *c, struct timer *t);
void commands_sweep(struct core *c);
void commands_arm_restored(struct core *c);
void commands_fini(struct core *c);

/* ---- outbox ---- */

struct outbox_row {
    struct link link;         /* in the table by token */
    struct link of_key;       /* in the table by alarm_id, where it has one */
    struct outbox_row *next, **at; /* *at points to it */
    uint64_t token, order;    /* order: of being put */
    char *topic;
    void *payload;
    size_t len;
    char *alarm_id; /* "" none */
    char *sha;      /* NULL: no comparison */
    bool retain, stored, handed;
    bool local;              /* for the recorder of this database, never for the broker */
    bool of_command, alias; /* its key is a command's id */
    struct uid command;
    int64_t expires_at;
};

struct outbox_put {
    const char *topic;
    const void *payload;
    size_t len;
    const char *alarm_id, *sha;
    int64_t expires_at; /* of a command */
};

bool outbox_put(struct core *c, const struct outbox_put *put); /* retained unless of a command */
/* The whole state of an alarm, for the other consoles; of one that is never shared, for the recorder. True: we shall
 * hear it from the broker. */
bool outbox_share(struct core *c, struct standing *a, const char *action, struct text by);
bool outbox_clear(struct core *c, const struct standing *a, const struct device *d);
void outbox_stored(struct core *c, uint64_t token);
void outbox_published(struct core *c, uint64_t token, int reason);
void outbox_pump(struct core *c);
void outbox_link_down(struct core *c);
/* Withdraws what was not handed over: clears of this alarm; everything of this command. */
void outbox_drop_clears(struct core *c, const char *alarm_id);
void outbox_drop_shares(struct core *c, const char *alarm_id); /* … what was to be told of it */
void outbox_drop_adopted(struct core *c, const struct effect *row);
void outbox_drop_command(struct core *c, const struct uid *command);
/* Is the message for the devices stored here and not yet handed over? */
bool outbox_holds_command(const struct core *c, const struct uid *command);
bool outbox_has(const struct core *c, const char *alarm_id, bool clears);
void outbox_fini(struct core *c);

#endif
