/* rule_backfills.h -- the table rule_backfills: how far a new rule has looked at what was there
 * before it.
 *
 *   running ── rule_backfills_move, until nothing is left ──▶ completed
 *
 * A rule has at most one. It walks the project's spans in the order of (start_us, span_no), from
 * from_us until until_us; matches and the move are one transaction, so a restart goes on where it
 * stood. */
#ifndef STORE_RULE_BACKFILLS_H
#define STORE_RULE_BACKFILLS_H

#include "store/rules.h"
#include "store/span_scan.h"

struct rule_backfill {
    int64_t rule_no;
    struct str backfill_id; /* UUID text */
    int64_t from_us, until_us;
    struct span_place at;
    int64_t looked, matched; /* spans */
    bool is_done;
    int64_t completed_us;
};

/* In a write. */
enum err rule_backfills_add(struct tx *tx, const struct rule_backfill *backfill) MUST_USE;
/* ERR_NOT_FOUND: the rule has none. */
enum err rule_backfills_get(struct tx *tx, int64_t rule_no, struct arena *arena,
                            struct rule_backfill *backfill) MUST_USE;
/* Those that run, of enabled rules: at most `max`, the oldest first, with their rules. */
enum err rule_backfills_running(struct tx *tx, struct arena *arena, struct rule_backfill *found,
                                struct rule_row *rules, size_t max, size_t *count) MUST_USE;
/* ERR_CONFLICT: it does not stand at `from` any more. looked and matched are added. */
enum err rule_backfills_move(struct tx *tx, const struct span_place *from,
                             const struct rule_backfill *to) MUST_USE;
enum err rule_backfills_delete(struct tx *tx, int64_t rule_no) MUST_USE;

#endif
