/* traits.c - what a broker may lack, what that costs, and what it has refused. */
#include <assert.h>
#include <string.h>

#include "base/i18n.h"
#include "core/status.h"

const struct trait_words trait_words[TRAITS] = {
    [TRAIT_MQTT5] = {"broker.mqtt5", N_("no MQTT 5"),
                     N_("refused publishes and unconnected devices may go unnoticed, stored "
                        "heartbeats are sent "
                        "at every start: watch for commands that nobody acknowledges"),
                     false},
    [TRAIT_RETAINED] = {"broker.retained", N_("no stored messages"),
                        N_("faults from before the start are not known: let it keep retained "
                           "messages, and let the "
                           "account read infoscreen/console/presence/+"),
                        true},
    [TRAIT_RETAINED_WILDCARD] =
        {"broker.retained_wildcard", N_("no stored messages for wildcards"),
         N_("only known clients are asked for theirs: the fault of a new one is missed until it "
            "comes live"),
         true},
    [TRAIT_REFUSES] = {"broker.refusals", N_("hangs up instead of refusing"),
                       N_("each refused message costs the connection: it is tried twice, then "
                          "given up and listed"),
                       false},
    [TRAIT_PUBACK_REASONS] =
        {"broker.puback_reasons", N_("no reasons in its confirmations"),
         N_("a command that the rules forbid looks sent: it shows by expiring unacknowledged"),
         false},
    [TRAIT_SESSIONS] = {"broker.sessions", N_("loses persistent sessions"),
                        N_("acknowledgements sent while nobody records are lost: let it keep "
                           "sessions, and its store "
                           "outlive a restart"),
                        true},
    [TRAIT_QUEUES] =
        {"broker.queues", N_("low queue limits"),
         N_("stored messages were held back: raise max_queued_messages or what it calls that"),
         true},
};

unsigned traits_lacking(const struct traits *t)
{
    unsigned n = 0;

    for (int i = 0; i < TRAITS; i++)
        n += t->has[i] == KNOWN_NO;
    return n;
}

/* The sentence is translated where it is shown, so each of its parts is an argument of its own. */
bool traits_say(const struct traits *t, struct words *out)
{
    static const char *const sentences[] = {
        N_("this broker: {1}. View 8 says what that costs"),
        N_("this broker: {1}, {2}. View 8 says what that costs"),
        N_("this broker: {1}, {2}, {3}. View 8 says what that costs"),
        N_("this broker: {1}, {2}, {3} and more. View 8 says what that costs"),
    };
    const bool more = traits_lacking(t) > WORDS_ARGS;
    int n = 0;

    *out = (struct words){.id = NULL};
    for (int i = 0; i < TRAITS && n < WORDS_ARGS; i++) {
        if (t->has[i] != KNOWN_NO)
            continue;
        const char *lacks = _(trait_words[i].lacks);
        TEXT_SET(&out->arg[n], lacks, strlen(lacks));
        out->id = sentences[n++];
    }
    if (more)
        out->id = sentences[n];
    return n > 0;
}

/* ---- refusals ---- */

const char *const refusal_kinds[REFUSALS] = {
    [REFUSED_SUBSCRIBE] = N_("subscription refused"),
    [REFUSED_PUBLISH] = N_("publish refused"),
    [REFUSED_BY_HANGING_UP] = N_("it hangs up on this"),
    [REFUSED_BY_FILTERING] = N_("subscribed, but kept back"),
};

static unsigned find(const struct refusals *r, enum refusal_kind kind, struct text topic)
{
    unsigned i = 0;

    while (i < r->count &&
           (r->list[i].kind != kind || strcmp(r->list[i].topic.clean, topic.clean) != 0))
        i++;
    return i;
}

void refusals_note(struct refusals *r, int64_t at, enum refusal_kind kind, struct text topic,
                   int reason)
{
    struct refusal new = {.at = at, .kind = kind, .reason = reason, .times = 1};

    TEXT_COPY(&new.topic, topic);
    unsigned place = find(r, kind, TEXT(new.topic));
    if (place < r->count)
        new.times = r->list[place].times + 1;
    else if (r->count < REFUSALS_KEPT)
        r->count++;
    else
        place = REFUSALS_KEPT - 1;
    memmove(r->list + 1, r->list, place * sizeof *r->list);
    r->list[0] = new;
    r->generation++;
}
