/* A fleet that grew up on an open broker moves to a hardened one: what was retained and what waited
 * for absent clients is still there, and nobody gets in without an account any more. */
#include "provision_rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEVICES 40

static const char *const kept[] = {"infoscreen/%s/service_failed", "infoscreen/%s/group_id"};

static void device_uuid(int i, char uuid[UID_TEXT])
{
    snprintf(uuid, UID_TEXT, "%08x-0000-4000-8000-000000000000", i + 1);
}

/* As it was: everyone in, everything allowed. */
static void start_open(char dir[400])
{
    char path[500];

    snprintf(dir, 400, "%s/open", prov_base);
    assert_int_equal(mkdir(dir, 0777), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    snprintf(path, sizeof path, "%s/mosquitto.conf", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "allow_anonymous true\npersistence true\npersistence_location %s/\n", dir);
    fprintf(f, "listener %d 127.0.0.1\nlistener %d 127.0.0.1\n", prov_device_port,
            prov_console_port);
    fclose(f);
    prov_broker_start(dir);
}

static void fill_open(void)
{
    struct prov_peer anyone;
    char uuid[UID_TEXT], topic[128];

    prov_open(&anyone, prov_device_port, NULL, NULL, NULL);
    assert_true(anyone.up);
    for (int i = 0; i < DEVICES; i++)
        for (size_t k = 0; k < 2; k++) {
            device_uuid(i, uuid);
            snprintf(topic, sizeof topic, kept[k], uuid);
            prov_publish(&anyone, topic, uuid, true);
        }
    prov_publish(&anyone, "infoscreen/events/vienna-1", "{}", true);
    prov_publish(&anyone, "infoscreen/groups/vienna-1/power/intent", "{}", true);
    prov_close(&anyone);
}

/* The one step that takes the old broker's memory along: its database, for the new one's user. */
static void take_database(const char *open_dir)
{
    char from[500], to[500];
    struct stat st;
    struct buf text = BUF_INIT;
    char chunk[4096];
    size_t n;

    snprintf(from, sizeof from, "%s/mosquitto.db", open_dir);
    snprintf(to, sizeof to, "%s/data/mosquitto.db", prov_dir);
    FILE *f = fopen(from, "r");
    assert_non_null(f);
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_append(&text, chunk, n);
    fclose(f);
    assert_non_null(f = fopen(to, "w"));
    fwrite(text.data, 1, text.len, f);
    fclose(f);
    snprintf(from, sizeof from, "%s/data", prov_dir);
    assert_int_equal(stat(from, &st), 0);
    assert_int_equal(chown(to, st.st_uid, st.st_gid) | chmod(to, 0600), 0);
    buf_fini(&text);
}

/* One filter after the other, so that what comes fits into the peer's list. */
static void check_kept(struct prov_peer *s)
{
    char uuid[UID_TEXT], topic[128], filter[128];

    for (size_t k = 0; k < 2; k++) {
        s->n = 0;
        snprintf(filter, sizeof filter, kept[k], "+");
        prov_subscribe(s, filter);
        UNTIL(s, s->n >= DEVICES);
        for (int i = 0; i < DEVICES; i++) {
            device_uuid(i, uuid);
            snprintf(topic, sizeof topic, kept[k], uuid);
            assert_true(prov_got(s, topic));
        }
    }
}

static void test_from_open_to_hardened(void **state)
{
    static char text[DEVICES][UID_TEXT];
    static const char *uuids[DEVICES];
    static struct account made[DEVICES];
    char open_dir[400], topic[128];
    enum provision_proof proof;
    struct prov_peer s, d, anyone;
    struct err e = {0};
    (void)state;

    prov_create(NULL);
    start_open(open_dir);
    fill_open();
    for (int i = 0; i < DEVICES; i++) {
        device_uuid(i, text[i]);
        uuids[i] = text[i];
    }
    if (!provision_add_accounts(prov_dir, uuids, DEVICES, "vienna-1", NULL, made, &proof, &e))
        fail_msg("%s", e.text);
    prov_broker_end(SIGTERM); /* which saves */
    take_database(open_dir);
    prov_broker_start(prov_dir);

    prov_open(&s, prov_console_port, prov_server.username, prov_server.password, NULL);
    check_kept(&s);
    prov_close(&s);
    prov_open(&d, prov_device_port, made[0].username, made[0].password, NULL);
    snprintf(topic, sizeof topic, "infoscreen/%s/group_id", uuids[0]);
    prov_subscribe(&d, topic);
    prov_subscribe(&d, "infoscreen/events/vienna-1");
    prov_subscribe(&d, "infoscreen/groups/vienna-1/power/intent");
    UNTIL(&d, d.n >= 3);
    prov_close(&d);
    prov_open(&anyone, prov_device_port, NULL, NULL, NULL);
    assert_false(anyone.up);
    prov_close(&anyone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {PROV_BOTH(test_from_open_to_hardened)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
