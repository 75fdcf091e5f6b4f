/* What a broker can do, tried with no more rights than a console has, and without anyone noticing.
 */
#include "rig.h"

#include "../port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/selftest.h"

#define PRESENCE "infoscreen/console/presence/aabbccdd"

/* The server account's rules as far as consoles are concerned, and one who reads everything. */
static const char conf[] = "allow_anonymous false\npassword_file %d/pw\nacl_file %d/acl\n";
static const char rules[] = "user console\n"
                            "topic readwrite infoscreen/console/ack/+\n"
                            "topic readwrite infoscreen/console/presence/+\n"
                            "topic read infoscreen/+/heartbeat\n"
                            "user blind\n"
                            "topic write infoscreen/console/presence/+\n"
                            "user watcher\n"
                            "topic read #\n";

static void begin(struct broker *b)
{
    char path[128];

    broker_prepare(b, conf);
    snprintf(path, sizeof path, "%s/acl", b->dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(rules, f);
    fclose(f);
    rig_run("cd %s && touch pw && for u in console blind watcher; do mosquitto_passwd -b pw $u "
            "secret; done "
            "&& chmod 644 pw acl",
            b->dir);
    broker_spawn(b);
}

static struct mqtt_options account(const struct broker *b, const char *name)
{
    return (struct mqtt_options){.host = "127.0.0.1",
                                 .port = b->port,
                                 .username = name,
                                 .password = "secret",
                                 .protocol = 5,
                                 .clean = true,
                                 .keepalive_s = 60};
}

static struct peer *open_as(const struct broker *b, const char *name)
{
    const struct mqtt_options o = account(b, name);
    struct peer *p = peer_try(&o);

    assert_true(p->up);
    return p;
}

static void test_a_broker_that_can_all(void **state)
{
    (void)state;
    struct broker b;
    struct traits found;
    struct err e = {0};
    begin(&b);
    struct peer *console = open_as(&b, "console"), *watcher = open_as(&b, "watcher");
    peer_publish(console, PRESENCE, "{}", 1, true);
    peer_settle(console);
    peer_subscribe(watcher, "#", 1);
    peer_until(watcher, watcher->messages >= 1);
    struct selftest_options o = {.mqtt = account(&b, "console"), .presence_topic = PRESENCE};
    assert_true(selftest_run(&o, &found, &e));
    for (int i = 0; i < TRAITS; i++)
        assert_int_equal(found.has[i], i == TRAIT_QUEUES ? NOT_KNOWN : KNOWN_YES);
    assert_int_equal(traits_lacking(&found), 0);
    peer_publish(console, PRESENCE, "marker", 1, true); /* comes after all that the test did */
    peer_until(watcher, strcmp(watcher->payload, "marker") == 0);
    assert_int_equal(watcher->messages, 2);
    o.read_only = true; /* nothing is published, no session kept */
    o.presence_topic = NULL;
    assert_true(selftest_run(&o, &found, &e));
    assert_int_equal(found.has[TRAIT_RETAINED_WILDCARD], KNOWN_YES);
    assert_int_equal(found.has[TRAIT_REFUSES], NOT_KNOWN);
    assert_int_equal(found.has[TRAIT_SESSIONS], NOT_KNOWN);
    peer_close(watcher);
    peer_close(console);
    broker_stop(&b);
}

static void test_nobody_there(void **state)
{
    (void)state;
    struct traits found;
    struct err e = {0};
    const struct selftest_options o = {
        .mqtt = {.host = "127.0.0.1", .port = port_free(), .protocol = 5, .keepalive_s = 60}};
    assert_false(selftest_run(&o, &found, &e));
    assert_int_equal(e.code, EXIT_BROKER);
    assert_false(found.tested);
}

static struct link_options link_as(const struct broker *b, const char *name)
{
    struct link_options o = link_options_of(b);

    o.username = name;
    o.password = "secret";
    o.presence_topic = PRESENCE;
    o.self_test = true;
    return o;
}

static const struct seen *refusal(struct watch *w, const char *words)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->seen[i].kind == LINK_REFUSED && strstr(w->seen[i].words, words))
            return &w->seen[i];
    return NULL;
}

/* The link tries it by itself, once it has its presence stored; what the rules forbid is told. */
static void test_beside_the_link(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    begin(&b);
    const struct link_options o = link_as(&b, "console");
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    link_publish(w.link, 0, PRESENCE, "{}", 2, 1, true);
    link_publish(w.link, 7, "infoscreen/groups/vienna/power/intent", "{}", 2, 1, true);
    struct seen *s = watch_kind(&w, LINK_PUBLISHED);
    assert_int_equal(s->token, 7);
    assert_int_equal(s->reason, 0x87);
    assert_non_null(refusal(
        &w, "refuses to take infoscreen/groups/vienna/power/intent from the account console"));
    watch_until(&w, w.status.traits.tested);
    assert_int_equal(traits_lacking(&w.status.traits), 0);
    assert_int_equal(w.status.traits.has[TRAIT_SESSIONS], KNOWN_YES);
    watch_stop(&w);
    broker_stop(&b);
}

/* An ACL file never refuses a subscription: it keeps back what it should bring. */
static void test_filtered(void **state)
{
    (void)state;
    struct broker b;
    struct watch w;
    begin(&b);
    const struct link_options o = link_as(&b, "blind");
    watch_start(&w, &o);
    watch_kind(&w, LINK_CONNECTED);
    link_publish(w.link, 0, PRESENCE, "{}", 2, 1, true);
    watch_until(&w, w.status.traits.tested);
    assert_int_equal(w.status.traits.has[TRAIT_RETAINED], KNOWN_NO);
    assert_non_null(refusal(&w, "keeps " PRESENCE " back from the account blind"));
    watch_stop(&w);
    broker_stop(&b);
}

/* Quitting doesn't wait for it. */
static void test_cut_short(void **state)
{
    (void)state;
    struct broker b;
    begin(&b);
    const struct selftest_options o = {.mqtt = account(&b, "blind"), .presence_topic = PRESENCE};
    struct selftest *s = selftest_start(&o);
    assert_non_null(s);
    const int64_t began = clock_mono_ms();
    selftest_free(s); /* it looks for its presence for three seconds */
    assert_true(clock_mono_ms() - began < 1500);
    broker_stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_broker_that_can_all),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_beside_the_link),
        cmocka_unit_test(test_filtered),
        cmocka_unit_test(test_cut_short),
    };
    return cmocka_run_group_tests_name("broker: self-test", tests, NULL, NULL);
}
