/* A map of what was let pass, emptied as a whole. */
#include "delivery/target_memo.h"

#define KEPT_MS MS_PER_SECOND

struct known_target {
    const struct target_rules *rules;
    const struct egress_policy *egress;
    struct url url;
};

void target_memo_init(struct target_memo *memo)
{
    *memo = (struct target_memo){.until_ms = 0};
    map_init(&memo->known);
    arena_init(&memo->arena);
}

void target_memo_release(struct target_memo *memo)
{
    map_release(&memo->known);
    arena_release(&memo->arena);
}

void target_memo_forget(struct target_memo *memo)
{
    target_memo_release(memo);
    target_memo_init(memo);
}

/* Copied into the arena: the memo may forget while the copy is still used. */
static struct url url_copy(const struct url *url, struct arena *arena)
{
    struct url copy = *url;

    copy.host = arena_str(arena, url->host);
    copy.path = arena_str(arena, url->path);
    copy.query = arena_str(arena, url->query);
    copy.target = arena_str(arena, url->target);
    return copy;
}

static void remember(struct target_memo *memo, const struct target_question *question,
                     const struct url *url)
{
    struct known_target *known;

    if (memo->arena.total_bytes >= TARGET_MEMO_BYTES_MAX)
        target_memo_forget(memo);
    if (memo->known.count == 0)
        memo->until_ms = question->now_ms + KEPT_MS;
    known = ARENA_NEW(&memo->arena, struct known_target);
    known->rules = question->rules;
    known->egress = question->egress;
    known->url = url_copy(url, &memo->arena);
    (void)map_put(&memo->known, question->text, known);
}

enum err target_memo_check(struct target_memo *memo, const struct target_question *question,
                           struct arena *arena, struct url *url, struct str *why)
{
    const struct known_target *known;
    enum err err;

    if (memo->known.count && question->now_ms >= memo->until_ms)
        target_memo_forget(memo);
    known = map_find(&memo->known, question->text);
    if (known && known->rules == question->rules && known->egress == question->egress) {
        *url = url_copy(&known->url, arena);
        return OK;
    }
    err = target_check(question->rules, question->egress, arena, question->text, url, why);
    if (!err)
        remember(memo, question, url);
    return err;
}
