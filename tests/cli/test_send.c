/* Sending to many on a session with a real core, a broker that takes everything and devices that
 * obey at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rig.h"
#include "session.h"

#define MANY 17000 /* more commands than the core keeps */

struct obeying {
    struct job *job; /* the one that is tested */
};

static bool start(struct job *j, struct job_host *h, bool connected)
{
    struct obeying *o = j->user;

    return o->job->start(o->job, h, connected);
}

static void complete(struct job_host *h, const struct command *c)
{
    char client[UID_TEXT], id[UID_TEXT], topic[80], payload[160];

    uid_format(&c->client, client);
    uid_format(&c->id, id);
    snprintf(topic, sizeof topic, "infoscreen/%s/commands/ack", client);
    snprintf(payload, sizeof payload, "{\"command_id\":\"%s\",\"status\":\"completed\"}", id);
    session_hear(h, topic, payload, false);
}

static bool step(struct job *j, struct job_host *h)
{
    struct obeying *o = j->user;
    const uint32_t n = core_counts(job_core(h))->commands_active;
    struct command *active = calloc(n + 1, sizeof *active);

    for (uint32_t k = 0; k < n; k++)
        active[k] = *core_command(job_core(h), k);
    for (uint32_t k = 0; k < n; k++)
        complete(h, &active[k]);
    free(active);
    return o->job->step(o->job, h);
}

static int run_on_fleet(const struct cli_globals *g, struct job *j)
{
    struct obeying o = {j};
    struct job wrapped = {.user = &o, .start = start, .step = step};
    struct job_host *h = session_new(&g->config);

    session_run(h, &wrapped);
    session_free(h);
    return j->err.code;
}

static const struct cli_host fleet = {.run_job = run_on_fleet};

static int run_on_the_silent(const struct cli_globals *g, struct job *j)
{
    struct job_host *h = session_new(&g->config);

    session_run(h, j);
    session_free(h);
    return j->err.code;
}

static const struct cli_host silent = {.run_job = run_on_the_silent};

static int count(const char *in, const char *what)
{
    int n = 0;

    for (const char *at = in; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

static void test_more_than_the_core_keeps(void **state)
{
    static const char *const words[] = {"infoscreen-tui", "send",  "restart_app", "--unknown",
                                        "--yes",          "--wait", "-o",         "json"};
    enum { WORDS = sizeof words / sizeof *words };
    char **argv = calloc(WORDS + MANY + 1, sizeof *argv);
    (void)state;

    for (int i = 0; i < WORDS; i++)
        argv[i] = strdup(words[i]);
    for (int i = 0; i < MANY; i++) {
        char uuid[UID_TEXT];
        snprintf(uuid, sizeof uuid, "%08x-0000-4000-8000-000000000001", (unsigned)i);
        argv[WORDS + i] = strdup(uuid);
    }
    const struct ran r = run_argv(argv, &fleet);
    if (r.code != 0)
        fail_msg("%d %s", r.code, r.err);
    assert_int_equal(count(r.out, "\"status\":\"queued\""), 0);
    assert_int_equal(count(r.out, "\"finished_at\":null"), 0);
    for (int i = 0; i < WORDS + MANY; i++)
        free(argv[i]);
    free(argv);
}

/* Nothing is held back, so nothing is to be waited for. */
static void test_a_pace_for_more_than_there_are(void **state)
{
#define ONE "9b8d1856-ff34-4864-a726-12de072d0f77"
    static const char *const options[] = {"--parallel 5", "--canary 1", "--max-failures 2"};
    char line[160];
    (void)state;

    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        snprintf(line, sizeof line, "send restart_app " ONE " --unknown --yes --expires 5s -o json %s", options[i]);
        const struct ran r = run_cli(line, &silent);
        assert_int_equal(r.code, 0);
        assert_int_equal(count(r.out, "\"status\":\"published\""), 1);
    }
    const struct ran held =
        run_cli("send restart_app " ONE " 9b8d1857-ff34-4864-a726-12de072d0f77 --unknown --yes "
                "--expires 5s -o json --parallel 1",
                &silent);
    assert_int_equal(held.code, 5);
    assert_int_equal(count(held.out, "\"status\":\"expired\""), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_more_than_the_core_keeps, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_pace_for_more_than_there_are, rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests_name("cli: sending", tests, NULL, NULL);
}
