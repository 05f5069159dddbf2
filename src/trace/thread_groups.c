/* Root spans by their thread. */
#include "trace/thread_groups.h"

#include "store/span_scan.h"

void thread_groups_init(struct thread_groups *groups, struct arena *arena)
{
    *groups = (struct thread_groups){
        .arena = arena, .list = ARENA_ARRAY(arena, struct thread_group *, THREAD_GROUPS_MAX)};
    map_init(&groups->by_id);
}

void thread_groups_release(struct thread_groups *groups)
{
    map_release(&groups->by_id);
    map_init(&groups->by_id);
    groups->count = 0;
}

static struct thread_group *group_get(struct thread_groups *groups, const struct span_row *root)
{
    struct thread_group *group = map_find(&groups->by_id, root->thread_id);

    if (group || groups->count == THREAD_GROUPS_MAX)
        return group;
    group = ARENA_NEW(groups->arena, struct thread_group);
    group->thread_id = arena_str(groups->arena, root->thread_id);
    span_stats_init(&group->stats, groups->arena, true);
    map_put(&groups->by_id, group->thread_id, group);
    groups->list[groups->count++] = group;
    return group;
}

static bool is_before(const struct span_row *a, const struct span_row *b)
{
    return a->start_us != b->start_us ? a->start_us < b->start_us : a->span_no < b->span_no;
}

void thread_groups_add(struct thread_groups *groups, const struct span_row *root,
                       const struct feedback_rows *feedback)
{
    struct thread_group *group = str_is_none(root->thread_id) ? NULL : group_get(groups, root);
    bool is_new = group && group->stats.run_count == 0;

    if (!group)
        return;
    span_stats_add(&group->stats, root, feedback);
    if (is_new || is_before(root, &group->first))
        group->first = span_row_keep(root, groups->arena);
    if (is_new || is_before(&group->last, root))
        group->last = span_row_keep(root, groups->arena);
}
