/* Random walks over the outbox, with crashes, lost leases and outcomes that come late: no delivery
 * is ever stuck. */
#include "store/fresh_rig.h"
#include "store/outbox_fixture.h"

#define A "https://a.example:443"
#define B "http://b.example:80"
#define URL_A "https://a.example/hook?token=1"
#define URL_B "http://b.example/hook"

struct walk {
    struct outbox_claimed held[64]; /* claimed, not settled */
    size_t count;
};

static void walk_step(struct outbox_rig *rig, struct walk *walk)
{
    static const enum delivery_state ends[] = {DELIVERY_DUE, DELIVERY_DUE, DELIVERY_DONE,
                                               DELIVERY_DEAD};
    struct outbox_claimed *rows;
    size_t count = 0, which;

    rig->now_us += (int64_t)rng_below(&rig->rng, 5 * (uint64_t)US_PER_SECOND);
    switch (rng_below(&rig->rng, 8)) {
    case 0:
    case 1:
        (void)outbox_rig_add(rig, rng_below(&rig->rng, 2) ? URL_A : URL_B, "o", STR("{}"));
        break;
    case 2:
    case 3:
        rows = outbox_rig_claim(rig, rng_below(&rig->rng, 2) ? A : B, 4, 2, &count);
        for (size_t i = 0; i < count && walk->count < ARRAY_LEN(walk->held); i++)
            walk->held[walk->count++] = rows[i];
        break;
    case 4: /* the process is gone, with all it knew */
        if (rng_below(&rig->rng, 4) == 0) {
            (void)outbox_rig_recover(rig, "node");
            walk->count = rng_below(&rig->rng, 2) ? 0 : walk->count; /* or its outcomes come late */
        }
        break;
    case 5:
        (void)outbox_rig_recover(rig, NULL);
        break;
    default:
        if (walk->count == 0)
            break;
        which = rng_below(&rig->rng, walk->count);
        outbox_rig_settle(rig, &walk->held[which], ends[rng_below(&rig->rng, 4)],
                          rig->now_us +
                              (int64_t)rng_below(&rig->rng, 60 * (uint64_t)US_PER_SECOND));
        walk->held[which] = walk->held[--walk->count];
    }
}

static void walk_with_seed(uint64_t seed)
{
    struct outbox_rig opened, *rig = &opened;
    struct walk walk = {.count = 0};
    struct delivery_row *found = NULL;
    size_t count = 1;

    outbox_rig_open(rig, fresh_postgres_url());
    rng_seed(&rig->rng, seed);
    for (int i = 0; i < 400; i++)
        walk_step(rig, &walk);
    /* Then the receivers are well again, and time passes. */
    for (int round = 0; round < 200 && count; round++) {
        rig->now_us += 120 * US_PER_SECOND;
        (void)outbox_rig_recover(rig, NULL);
        for (int origin = 0; origin < 2; origin++) {
            struct outbox_claimed *rows = outbox_rig_claim(rig, origin ? A : B, 32, 16, &count);
            struct outbox_claimed kept[32];

            memcpy(kept, rows, count * sizeof(*rows));
            for (size_t i = 0; i < count; i++)
                outbox_rig_settle(rig, &kept[i], DELIVERY_DONE, 0);
        }
        count = outbox_rig_list(rig, NULL, "due", &found) +
                outbox_rig_list(rig, NULL, "sending", &found);
    }
    assert_int_equal(count, 0);
    assert_int_equal(outbox_rig_list(rig, NULL, "held", &found), 0);
    outbox_rig_close(rig);
}

static void nothing_is_ever_stuck(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= (fresh_postgres_url() ? 2 : 8); seed++)
        walk_with_seed(seed);
}

static const struct CMUnitTest tests[] = {
    TEST("whatever happens, no delivery is stuck", nothing_is_ever_stuck),
};

int main(void)
{
    return fresh_run_tests(tests, ARRAY_LEN(tests), NULL, NULL);
}
