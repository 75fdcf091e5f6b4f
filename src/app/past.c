/* past.c - see past.h. An answer is asked for again when something happened since, but not so often
 * that the reading takes more than a twentieth of a processor. */
#include "app/past.h"

#include <poll.h>

#define LEAST_MS 1000
#define SHARE    20

static void on_answer(void *user, int fd, short revents)
{
    (void)user, (void)fd, (void)revents; /* taken in past_tend */
}

void past_open(struct past *p, struct loop *loop, const char *db, const struct config *config)
{
    *p = (struct past){.lookback = lookback_open(db, config)};
    if (p->lookback && !loop_add_fd(loop, lookback_fd(p->lookback), POLLIN, on_answer, p)) {
        lookback_close(p->lookback);
        p->lookback = NULL;
    }
}

void past_close(struct past *p)
{
    lookback_close(p->lookback);
    for (int k = 0; k < PAST_KINDS; k++)
        past_answer_free(p->of[k].answer);
    *p = (struct past){0};
}

bool past_waits(const struct past *p)
{
    for (int k = 0; k < PAST_KINDS; k++)
        if (p->of[k].waiting)
            return true;
    return false;
}

static void take_answers(struct past *p, int64_t mono_ms)
{
    struct past_answer *a;

    while (p->lookback && (a = lookback_take(p->lookback)) != NULL) {
        const enum past_kind k = a->question.kind;
        past_answer_free(p->of[k].answer);
        p->of[k].answer = a;
        p->of[k].answered_mono = mono_ms;
        p->of[k].waiting = !past_same_question(&a->question, &p->of[k].asked);
    }
}

/* What is of a moment that is over never changes. */
static bool is_settled(const struct past_question *q)
{
    return q->until_at != TIME_NONE;
}

static int64_t again_at(const struct past *p, const struct past_question *q, const struct core *now)
{
    const struct past_answer *a = p->of[q->kind].answer;

    if (p->of[q->kind].waiting)
        return INT64_MAX;
    if (!a || !past_same_question(&p->of[q->kind].asked, q))
        return 0;
    if (is_settled(q) || p->of[q->kind].generation == core_counts(now)->generation)
        return INT64_MAX;
    const int64_t pause = a->cost_ms * SHARE;
    return p->of[q->kind].answered_mono + (pause > LEAST_MS ? pause : LEAST_MS);
}

int64_t past_due(const struct past *p, const struct ui_wishes *wishes, const struct core *now)
{
    int64_t due = INT64_MAX;

    for (int i = 0; p->lookback && i < wishes->count; i++) {
        const int64_t at = again_at(p, &wishes->list[i], now);
        due = at < due ? at : due;
    }
    return due;
}

void past_tend(struct past *p, const struct ui_wishes *wishes, const struct core *now,
               int64_t mono_ms)
{
    take_answers(p, mono_ms);
    for (int i = 0; p->lookback && i < wishes->count; i++) {
        const struct past_question *q = &wishes->list[i];
        const bool changed = !past_same_question(&p->of[q->kind].asked, q);
        if (!changed && again_at(p, q, now) > mono_ms)
            continue;
        p->of[q->kind].waiting = lookback_ask(p->lookback, q);
        p->of[q->kind].asked = *q;
        p->of[q->kind].generation = core_counts(now)->generation;
    }
}

void past_show(const struct past *p, const struct ui_wishes *wishes, struct ui_model *m)
{
    for (int i = 0; i < wishes->count; i++) {
        const struct past_question *q = &wishes->list[i];
        const struct past_answer *a = p->of[q->kind].answer;
        /* A search that is being refined shows what the last one found; other questions have
         * nothing in common with what was asked before. */
        const bool close =
            q->kind == PAST_HISTORY || q->kind == PAST_LOGS || q->kind == PAST_INCIDENTS;
        m->told[q->kind] = a && (close || past_same_question(&a->question, q)) ? a : NULL;
        if (q->kind != PAST_FLEET || !a || !m->told[PAST_FLEET] || a->error.code)
            continue;
        m->core = a->fleet;
        m->now.wall_ms = q->until_at;
        m->in_past = true;
    }
}
