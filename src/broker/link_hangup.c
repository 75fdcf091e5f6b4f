/* link_hangup.c - two ways in which a broker throws us out again and again. It may close the
 * connection instead of refusing a message (aedes and RabbitMQ do): sent again after each
 * reconnection, such a message would be an endless loop. Or it gives our place to another program
 * with the same client id, which comes back as we do. */
#include "broker/link_impl.h"

#include <string.h>

#include "base/hash.h"
#include "base/i18n.h"

#define STRIKES   2
#define FORGET_MS (10 * 60 * 1000) /* access rules are mended meanwhile */

#define CONTEST_MS      60000  /* twice within it */
#define CONTEST_OVER_MS 120000 /* a connection that stood so long */
#define CONTEST_WAIT_MS 30000  /* and up to twice as long */

/* ---- hanging up ---- */

uint64_t hangup_key(const char *bytes, size_t n)
{
    uint64_t h = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return h;
}

static int find(const struct link *l, uint64_t key)
{
    const struct hangups *h = &l->live.hangups;

    for (int i = 0; i < SUSPECTS; i++)
        if (h->suspect[i].key == key && h->suspect[i].until > l->mono)
            return i;
    return -1;
}

static void strike(struct link *l, const struct in_flight *f)
{
    struct hangups *h = &l->live.hangups;
    int at = find(l, f->key);

    if (at < 0) {
        at = h->next;
        h->next = (h->next + 1) % SUSPECTS;
        h->suspect[at].key = f->key;
        h->suspect[at].strikes = 0;
    }
    h->suspect[at].until = l->mono + FORGET_MS;
    if (++h->suspect[at].strikes == STRIKES)
        inbox_refused(l, REFUSED_BY_HANGING_UP, f->topic, 0);
}

static const struct in_flight *only_one(const struct link *l)
{
    const struct in_flight *f = l->live.in_flight;

    while (!f->mid)
        f++;
    return f;
}

/* With several in the air nobody knows which it was: the next time they go one by one. */
bool hangup_blame(struct link *l)
{
    struct hangups *h = &l->live.hangups;
    const bool suback = snapshot_awaits_suback(l);
    const int step = l->snapshot.step;

    if (l->live.flying + suback == 0)
        return false;
    h->careful = true;
    if (l->live.flying + suback > 1)
        return true;
    if (!suback)
        strike(l, only_one(l));
    else if (step < SNAPSHOT_STEPS)
        h->step_strikes[step]++;
    return true;
}

bool hangup_has_condemned(const struct link *l, uint64_t key)
{
    const int at = find(l, key);

    return at >= 0 && l->live.hangups.suspect[at].strikes >= STRIKES;
}

bool hangup_has_condemned_step(const struct link *l, int step)
{
    return l->live.hangups.step_strikes[step] >= STRIKES;
}

/* ---- two programs with one client id ---- */

bool contest_lose(struct contest *c, int64_t now)
{
    c->lost[1] = c->lost[0];
    c->lost[0] = now;
    if (c->lost[1] && now - c->lost[1] <= CONTEST_MS)
        c->reported = now;
    return c->reported != 0;
}

void contest_settle(struct contest *c, int64_t up_since, int64_t now)
{
    if (c->reported && now - up_since >= CONTEST_OVER_MS)
        *c = (struct contest){.reported = 0};
}

void contest_back_off(struct backoff *b, int64_t now)
{
    uint32_t random;

    random_bytes(&random, sizeof random);
    b->next_try = now + CONTEST_WAIT_MS + (int64_t)(random % CONTEST_WAIT_MS);
    b->n++;
}

void contest_words(struct link *l, const char *host, const char *client_id, struct words *out)
{
    *out = (struct words){
        .id = N_("two connections push each other off {1}: two programs use the client id "
                 "{2}, or its listener allows an account one connection only")};
    TEXT_SET(&out->arg[0], host, strlen(host));
    TEXT_SET(&out->arg[1], client_id, strlen(client_id));
    l->status.contested = (struct text96){""};
    TEXT_SET(&l->status.contested, client_id, strlen(client_id));
}
