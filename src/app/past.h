/* past.h - the stored past for the screen: asks what the screen wishes, keeps the last answers. */
#ifndef APP_PAST_H
#define APP_PAST_H

#include "base/loop.h"
#include "store/lookback.h"
#include "ui/ui.h"

struct past {
    struct lookback *lookback; /* NULL: none, the screen shows what this process saw */
    struct {
        struct past_answer *answer;
        struct past_question asked;
        bool waiting;
        uint64_t generation; /* of the core when it was asked */
        int64_t answered_mono;
    } of[PAST_KINDS];
};

void past_open(struct past *p, struct loop *loop, const char *db, const struct config *config);
void past_close(struct past *p);
/* Takes answers, asks what is wished and not known or out of date. */
void past_tend(struct past *p, const struct ui_wishes *wishes, const struct core *now,
               int64_t mono_ms);
bool past_waits(const struct past *p); /* for an answer */
/* Into the model: answers, and the fleet as it was if that is wished and there. */
void past_show(const struct past *p, const struct ui_wishes *wishes, struct ui_model *m);
/* Mono ms when something may be asked again; INT64_MAX: nothing waits for that. */
int64_t past_due(const struct past *p, const struct ui_wishes *wishes, const struct core *now);

#endif
