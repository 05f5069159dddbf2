/* endpoint_fixture.c -- see endpoint_fixture.h. */
#include "store/endpoint_fixture.h"

#include "store/outbox_upkeep.h"

void endpoint_rig_add(struct outbox_rig *rig, struct outbox_event event)
{
    struct tx *tx = outbox_rig_begin(rig);

    event.tenant = event.tenant.data ? event.tenant : STR("t");
    event.kind = STR("run");
    event.object_id = STR("o");
    event.content_type = STR("a/b");
    event.policy = STR("durable");
    event.body = STR("{}");
    event.url = event.url.data ? event.url : STR(ENDPOINT_URL);
    assert_int_equal(outbox_rig_end(rig, outbox_add(tx, &event, NULL)), OK);
}

void endpoint_rig_add_many(struct outbox_rig *rig, const char *url, int count)
{
    for (int i = 0; i < count; i++)
        (void)outbox_rig_add(rig, url, "o", STR("{}"));
}

struct str endpoint_rig_make(struct outbox_rig *rig, struct endpoint_row told)
{
    struct tx *tx = outbox_rig_begin(rig);

    told.tenant = STR("t");
    told.kind = STR("run");
    told.url = STR(ENDPOINT_URL);
    assert_int_equal(endpoint_add(tx, &told), OK);
    told.endpoint_id = arena_str(&rig->arena, told.endpoint_id);
    assert_int_equal(outbox_rig_end(rig, OK), OK);
    return told.endpoint_id;
}

struct endpoint_row endpoint_rig_get(struct outbox_rig *rig, struct str endpoint_id)
{
    struct tx *tx = outbox_rig_begin(rig);
    struct endpoint_row row = {0};

    assert_int_equal(
        outbox_rig_end(rig, endpoint_get(tx, STR("t"), endpoint_id, &rig->arena, &row)), OK);
    return row;
}

struct endpoint_backlog endpoint_rig_backlog(struct outbox_rig *rig, struct str endpoint_id)
{
    struct tx *tx = outbox_rig_begin(rig);
    struct endpoint_backlog found = {0};

    assert_int_equal(outbox_rig_end(rig, endpoint_backlog(tx, STR("t"), endpoint_id, &found)), OK);
    return found;
}

void endpoint_rig_set_state(struct outbox_rig *rig, struct str endpoint_id,
                            enum endpoint_state state)
{
    struct tx *tx = outbox_rig_begin(rig);

    assert_int_equal(
        outbox_rig_end(rig, endpoint_set_state(tx, STR("t"), endpoint_id, state, STR("by hand"))),
        OK);
}

int endpoint_rig_shift(struct outbox_rig *rig, size_t limit)
{
    size_t count = 1;
    int pieces = 0;

    while (count) {
        struct tx *tx = outbox_rig_begin(rig);

        assert_int_equal(outbox_rig_end(rig, outbox_shift(tx, limit, &count)), OK);
        assert_in_range(count, 0, limit);
        pieces += count > 0;
    }
    return pieces;
}

void endpoint_rig_settle(struct outbox_rig *rig, const struct outbox_outcome *outcome)
{
    struct tx *tx = outbox_rig_begin(rig);

    assert_int_equal(outbox_rig_end(rig, outbox_settle(tx, &rig->rules, outcome, 1)), OK);
}

size_t endpoint_rig_claim_count(struct outbox_rig *rig, unsigned room)
{
    size_t count = 0;

    (void)outbox_rig_claim(rig, ENDPOINT_ORIGIN, room, 0, &count);
    return count;
}
