/* lookback.h - questions to the history that must not hold up the screen: a thread of its own with
 * a read-only connection. Of several questions of one kind only the last is answered. */
#ifndef STORE_LOOKBACK_H
#define STORE_LOOKBACK_H

#include "core/past.h"

struct lookback;

/* config is copied. NULL without memory or threads. */
struct lookback *lookback_open(const char *path, const struct config *config);
void lookback_close(struct lookback *l); /* breaks off what it is at; NULL is legal */

/* False: it is too busy; ask again later. */
bool lookback_ask(struct lookback *l, const struct past_question *q);
int lookback_fd(const struct lookback *l);             /* readable while answers wait */
struct past_answer *lookback_take(struct lookback *l); /* the caller's; NULL: none */

#endif
