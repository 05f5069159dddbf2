/* Executions under way, and their end. */
#include "agent/roster.h"

void roster_init(struct roster *roster, struct executor *executor, unsigned max)
{
    *roster = (struct roster){.executor = executor, .max = max};
    list_init(&roster->entries);
}

void roster_add(struct roster *roster, struct roster_entry *entry, struct execution *execution)
{
    entry->execution = execution;
    list_push(&roster->entries, &entry->node);
    roster->count++;
}

static void end_if_empty(struct roster *roster)
{
    if (roster->is_stopping && roster->count == 0 && roster->holds == 0 && roster->on_stopped) {
        void (*on_stopped)(void *context) = roster->on_stopped;

        roster->on_stopped = NULL;
        on_stopped(roster->context);
    }
}

void roster_remove(struct roster *roster, struct roster_entry *entry)
{
    struct executor *executor = roster->executor;

    REQUIRE(roster->count > 0);
    list_remove(&entry->node);
    roster->count--;
    if (executor->on_room)
        executor->on_room(executor->context);
    end_if_empty(roster);
}

void roster_hold(struct roster *roster)
{
    roster->holds++;
}

void roster_let_go(struct roster *roster)
{
    REQUIRE(roster->holds > 0);
    roster->holds--;
    end_if_empty(roster);
}

unsigned roster_room(const struct roster *roster)
{
    return roster->is_stopping ? 0 : roster->max - roster->count;
}

void roster_stop(struct roster *roster, void (*on_stopped)(void *context), void *context)
{
    struct list *node = roster->entries.next;

    roster->is_stopping = true;
    roster->context = context;
    roster_hold(roster); /* an entry that ends at once does not end the walk */
    roster->on_stopped = on_stopped;
    while (node != &roster->entries) {
        struct roster_entry *entry = LIST_ITEM(node, struct roster_entry, node);

        node = node->next;
        roster->executor->ops->cancel(roster->executor, entry->execution, STR("shutdown"));
    }
    roster_let_go(roster);
}
