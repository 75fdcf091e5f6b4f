/* alarm_sort.c - other orders of alarms than by urgency: what has waited longest, in one way or
 * another. */
#include "core/filter.h"

#include <assert.h>

#include "base/i18n.h"

const struct vocabulary alarm_sorts[] = {
    [ALARMS_BY_URGENCY] = {"urgency", N_("the most urgent first")},
    [ALARMS_BY_AGE] = {"age", N_("the oldest first")},
    [ALARMS_BY_ACKNOWLEDGED] = {"acknowledged", N_("the oldest acknowledgement first")},
    [ALARMS_BY_SHELVED] = {"shelved", N_("the shelf that ends next first")},
};
static_assert(sizeof(alarm_sorts) / sizeof(alarm_sorts[0]) == ALARM_SORTS, "a word per order");

/* What comes first is small; what has no such time comes last. */
static int64_t key(enum alarm_sort sort, const struct alarm *a)
{
    switch (sort) {
    case ALARMS_BY_AGE:
        return a->raised_at;
    case ALARMS_BY_ACKNOWLEDGED:
        return a->acknowledged_at == TIME_NONE ? INT64_MAX : a->acknowledged_at;
    case ALARMS_BY_SHELVED:
        return a->state != ALARM_SHELVED || a->shelved_until == TIME_NONE ? INT64_MAX
                                                                          : a->shelved_until;
    default:
        return 0;
    }
}

int alarm_sort_compare(enum alarm_sort sort, const struct alarm *a, const struct alarm *b)
{
    const int64_t x = key(sort, a), y = key(sort, b);

    return (x > y) - (x < y);
}
