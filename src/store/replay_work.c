/* One piece of a replay: the next matches are found, then sent once more. */
#include "store/replays_priv.h"

/* A piece is what a fifth of a second may have. */
#define PIECES_PER_S 5

static const struct db_statement is_passed_over = {
    "replays_is_passed_over",
    "SELECT 1 FROM deliveries d WHERE d.tenant = $1 AND d.webhook_id = $2 AND (d.replay_id = $3"
    " OR (d.endpoint_id = $4 AND d.delivery_id > $5 AND d.state <> 'dead')) LIMIT 1",
    NULL};

/* ---- on a reader ---- */

static int64_t piece_size(double per_s)
{
    double size = per_s / PIECES_PER_S;

    if (size < 1)
        return 1;
    return size < REPLAY_PIECE_MAX ? (int64_t)size : REPLAY_PIECE_MAX;
}

static bool is_sample(const struct delivery_row *delivery)
{
    return str_starts(delivery->object_id, OUTBOX_TEST_PREFIX);
}

enum err replay_find(struct tx *tx, struct arena *arena, struct replay_piece *piece)
{
    struct replay_row *replay = &piece->replay;
    struct delivery_filter filter;
    struct delivery_page page;
    enum err err = replay_find_due(tx, arena, replay);

    if (err)
        return err;
    filter = replay->filter;
    filter.is_oldest_first = true;
    filter.after_id = replay->cursor_id;
    filter.before_id = replay->last_id + 1;
    filter.limit = piece_size(replay->per_s);
    err = delivery_search(tx, &filter, arena, &page);
    if (err)
        return err;
    REQUIRE(page.count <= REPLAY_PIECE_MAX);
    piece->count = page.count;
    piece->is_last = page.next == 0;
    piece->cursor_id = page.next ? page.next : replay->last_id;
    for (size_t i = 0; i < page.count; i++)
        piece->items[i] =
            (struct replay_item){page.found[i].delivery_id, page.found[i].webhook_id,
                                 page.found[i].endpoint_id, is_sample(&page.found[i])};
    return OK;
}

/* ---- on the writer ---- */

static enum err passes_over(struct tx *tx, const struct replay_row *replay,
                            const struct replay_item *item, bool *answer)
{
    struct db_rows rows = {0};
    enum err err;

    *answer = true;
    if (item->is_sample)
        return OK;
    err = db_query_one(tx->db, &is_passed_over,
                       DB_ARGS(db_text(replay->tenant), db_text(item->webhook_id),
                               db_text(replay->replay_id),
                               db_text(str_is_none(replay->url) ? item->endpoint_id : STR("")),
                               db_int(item->delivery_id)),
                       &rows);
    *answer = err == OK;
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    return db_rows_end(&rows);
}

static enum err send_again(struct tx *tx, const struct replay_item *item, struct replay_row *now)
{
    const struct outbox_again again = {.tenant = now->tenant,
                                       .delivery_id = item->delivery_id,
                                       .url = now->url,
                                       .class = DELIVERY_REPLAY,
                                       .replay_id = now->replay_id};
    bool is_passed = false;
    int64_t new_id;
    enum err err = passes_over(tx, now, item, &is_passed);

    now->matched++;
    if (!err && !is_passed)
        err = outbox_resend(tx, &again, &new_id);
    if (is_passed || err == ERR_CONFLICT) {
        now->skipped++;
        return OK;
    }
    if (err == ERR_NOT_FOUND || err == ERR_DENIED) { /* gone meanwhile; its endpoint is deleted */
        now->failed++;
        return OK;
    }
    now->queued += !err;
    return err;
}

enum err replay_take(struct tx *tx, const struct replay_piece *piece)
{
    const struct replay_row *was = &piece->replay;
    struct replay_row now = *was;
    struct replay_row row;
    int64_t began_us = was->next_us > tx->now_us - US_PER_SECOND ? was->next_us : tx->now_us;
    enum err err = replay_lock(tx, was->tenant, was->replay_id, &row);

    REQUIRE(tx->is_write);
    if (err)
        return err == ERR_NOT_FOUND ? OK : err;
    if (row.state != REPLAY_RUNNING || row.cursor_id != was->cursor_id)
        return OK;
    for (size_t i = 0; !err && i < piece->count; i++)
        err = send_again(tx, &piece->items[i], &now);
    if (err)
        return err;
    now.cursor_id = piece->cursor_id;
    now.next_us = began_us + (int64_t)((double)(now.queued - was->queued) * 1e6 / was->per_s);
    if (piece->is_last) {
        now.state = REPLAY_DONE;
        now.ended_us = tx->now_us;
    }
    return replay_move(tx, was, &now);
}
