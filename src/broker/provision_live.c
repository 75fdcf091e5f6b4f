/* provision_live.c - a running Dynamic Security plugin is told of accounts, one after the other, by
 * messages to its $CONTROL topic. */
#include "broker/provision_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/timefmt.h"

#define STEP_MS 60000 /* it writes its file at each: 103 MB took 1.3 s */

const char *control_password(const struct provision_reload *r)
{
    return r->password_is_new ? r->old_password : r->server_password;
}

static void on_answer(void *user, const struct mqtt_message *m)
{
    struct control *c = user;
    struct buf text = BUF_INIT;

    if (strcmp(m->topic, CONTROL_ANSWERS) != 0)
        return;
    c->answered = true;
    c->done = buf_append(&text, m->payload, m->len) &&
              dynsec_answer(buf_str(&text), c->why, sizeof c->why);
    buf_fini(&text);
}

bool control_open(struct control *c, const struct layout *l, const struct provision_reload *r,
                  struct err *e)
{
    static const char *const answers[] = {CONTROL_ANSWERS};
    const struct mqtt_options o =
        broker_door(l, &l->devices, r, CONTROL_ACCOUNT, control_password(r));
    char why[200];

    *c = (struct control){.layout = l, .reload = r};
    c->p = (struct probe){.until = clock_mono_ms() + STEP_MS, .message = on_answer, .user = c};
    if (probe_open(&c->p, &o) && probe_subscribe(&c->p, answers, 1, 1))
        return true;
    probe_why(&c->p, why, sizeof why);
    return err_set(e, EXIT_FAILED,
                   _("the running broker's accounts can't be changed, %s has no connection to "
                     "it (%s): nothing was written"),
                   CONTROL_ACCOUNT, why);
}

void control_close(struct control *c)
{
    probe_end(&c->p);
}

/* Sends one message of commands and waits for the answer; empties it, since passwords are in it. */
static bool control_tell(struct control *c, struct buf *command, bool made, struct err *e)
{
    bool sent = made;

    c->answered = c->done = false;
    snprintf(c->why, sizeof c->why, "?");
    c->p.until = clock_mono_ms() + STEP_MS;
    sent = sent && probe_send(&c->p, CONTROL_TOPIC, buf_str(command), command->len) >= 0;
    while (sent && !c->answered && probe_turn(&c->p, 50))
        ;
    if (sent && !c->answered)
        probe_why(&c->p, c->why, sizeof c->why);
    if (command->data)
        explicit_bzero(command->data, command->len);
    buf_clear(command);
    return c->done || err_set(e, EXIT_FAILED, _("the broker didn't change its accounts: %s"),
                              made ? c->why : _("out of memory"));
}

/* What was done before a failure can't be taken back: say how far it came. Returns false. */
static bool stopped_at(int done, int n, struct err *e)
{
    const struct err why = *e;

    if (done)
        err_set(e, why.code, _("%s; %d of %d accounts were changed: run it again"), why.text, done,
                n);
    return false;
}

bool control_remove(struct control *c, const struct account *a, int n, struct err *e)
{
    struct buf command = BUF_INIT;
    int done = 0;

    while (done < n && control_tell(c, &command, dynsec_ask_remove(&command, a[done].username), e))
        done++;
    buf_fini(&command);
    return done == n || stopped_at(done, n, e);
}

/* A new account must come in, and must not reach beyond itself. */
static bool prove_account(struct control *c, const struct account *a, struct err *e)
{
    const struct mqtt_options o =
        broker_door(c->layout, &c->layout->devices, c->reload, a->username, a->password);
    struct probe p = {.until = clock_mono_ms() + STEP_MS};
    const bool up = probe_open(&p, &o);
    const bool closed = up && probe_publish(&p, "infoscreen/console/presence/0") == NOT_AUTHORIZED;

    probe_end(&p);
    if (!up)
        return err_set(e, EXIT_FAILED, _("%s was made, but can't connect"), a->username);
    return closed ||
           err_set(e, EXIT_FAILED, _("%s was made, and may do what its rules forbid"), a->username);
}

bool control_add(struct control *c, const struct account *a, int n, const char *group,
                 struct err *e)
{
    struct buf command = BUF_INIT, rules = BUF_INIT;
    struct err ignored = {0};
    int made = 0;
    bool ok = true;

    for (; ok && made < n; made++) {
        buf_clear(&rules);
        ok = control_tell(
            c, &command,
            acl_write_device(&rules, &a[made], group) &&
                dynsec_ask_add(&command, a[made].username, a[made].password, buf_str(&rules)),
            e);
    }
    ok = ok && prove_account(c, &a[0], e);
    for (int i = 0; !ok && i < made; i++) /* all or none; the last one may be there in part */
        control_remove(c, &a[i], 1, &ignored);
    buf_fini(&command);
    buf_fini(&rules);
    return ok;
}

/* The plugin ends the connection of whoever gets a new password: ours, this time, so that the
 * answer may not come. The new password tells. */
static bool rotate_control(struct control *c, const char *password, struct err *e)
{
    struct buf command = BUF_INIT;
    const struct provision_reload *before = c->reload;
    struct provision_reload fresh = *before;
    struct err ignored = {0};
    bool ok;

    control_tell(c, &command, dynsec_ask_password(&command, CONTROL_ACCOUNT, password), &ignored);
    buf_fini(&command);
    control_close(c);
    fresh.server_password = password;
    fresh.password_is_new = false;
    ok = control_open(c, c->layout, &fresh, e);
    c->reload = before;
    return ok;
}

bool control_rotate(struct control *c, const struct account *a, int n, struct err *e)
{
    struct buf command = BUF_INIT;
    const char *server = NULL;
    int done = 0;
    bool ok = true;

    for (int i = 0; ok && i < n; i++) {
        if (strcmp(a[i].username, SERVER_ACCOUNT) == 0) {
            server = a[i].password;
            continue;
        }
        ok = control_tell(c, &command, dynsec_ask_password(&command, a[i].username, a[i].password),
                          e);
        done += ok;
    }
    ok = ok && (!server || rotate_control(c, server, e));
    buf_fini(&command);
    return ok || stopped_at(done, n, e);
}
