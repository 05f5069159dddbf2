/* rule_scan.c -- see rule_scan.h. */
#include "rule/rule_scan.h"

#include "rule/rule_payload.h"
#include "store/projects.h"
#include "trace/span_search.h"
#include "trace/span_testing.h"

#define CHANGES_MAX 250 /* looked at for one project in one pass */
#define BACKFILLS_MAX 4 /* that go on in one pass */

struct scanning {
    struct span_testing testing;
    struct rule_scan *scan;
    const struct rule_links *links;
    struct project_row project;
    struct rule_entry *entry; /* whose traces are being searched */
    enum err err;
};

static void entry_read(struct rule_entry *entry, struct arena *arena)
{
    const struct json *json = NULL;
    struct str why;

    entry->is_readable = json_parse(arena, entry->row.body, &json, NULL) == OK &&
                         rule_spec_read(json, arena, &entry->spec, &why) == OK;
}

/* ---- a match ---- */

static bool is_noted(const struct rule_entry *entry, int64_t span_no)
{
    for (size_t i = 0; i < entry->match_count; i++)
        if (entry->matches[i].span.span_no == span_no)
            return true;
    return false;
}

static enum err note(struct scanning *s, struct rule_entry *entry, const struct span_row *row)
{
    struct arena *arena = s->testing.arena;
    struct rule_match *match;
    bool has = false;
    bool is_rendered = entry->spec.webhook_count > 0;
    enum err err = rule_log_has(s->testing.tx, entry->row.rule_no, row->span_no, &has);

    if (err || has || is_noted(entry, row->span_no))
        return err;
    entry->matches = arena_more(arena, entry->matches, entry->match_count, &entry->match_cap,
                                sizeof(*entry->matches));
    match = &entry->matches[entry->match_count++];
    *match = (struct rule_match){
        .span = span_row_keep(row, arena),
        .in_sample = rule_samples(entry->row.rule_id, row->span_id, entry->spec.sampling_rate),
    };
    if (match->in_sample && is_rendered)
        err = rule_payload_run(s->testing.tx, &match->span,
                               &(struct rule_place){s->project.project_id, s->links}, arena,
                               &match->run, &match->feedback);
    return err;
}

static bool is_ready(const struct rule_entry *entry, const struct span_row *row)
{
    return row->end_us || entry->spec.takes_pending;
}

/* Is this change one that the rule looks at? */
static bool is_its_own(const struct scanning *s, const struct rule_entry *entry,
                       const struct span_row *row)
{
    if (!entry->is_readable || s->scan->backfill)
        return entry->is_readable;
    return row->change_seq > entry->row.since_seq &&
           row->received_us > s->testing.tx->now_us - RULE_LOG_KEPT_US;
}

/* ---- rules that look at traces ---- */

static void restart(void *context)
{
    (void)context; /* what was noted is noted once */
}

static bool visit(void *context, struct tx *tx, struct span_match *match)
{
    struct scanning *s = context;

    (void)tx;
    if (match->span->row.end_us || s->entry->spec.takes_pending)
        s->err = note(s, s->entry, &match->span->row);
    return s->err == OK;
}

static enum err search_trace(struct scanning *s, struct rule_entry *entry, struct uuid trace_id)
{
    const struct span_visitor visitor = {restart, visit, s};
    const struct span_query query = {
        .tenant = s->scan->tenant,
        .projects = &s->project,
        .project_count = 1,
        .has_trace = true,
        .trace_id = trace_id,
        .start_min_us = INT64_MIN,
        .start_max_us = INT64_MAX,
        .filter = &entry->spec.filter,
        .trace_filter = &entry->spec.trace_filter,
        .tree_filter = &entry->spec.tree_filter,
        .ascending = true,
    };
    struct span_search *search = span_search_new(s->testing.arena, &query, &visitor);
    bool is_over = false;
    enum err err = OK;

    s->entry = entry;
    s->err = OK;
    for (size_t step = 0; !err && !is_over; step++)
        err = span_search_step(s->testing.tx, search, step, &is_over);
    span_search_release(search);
    return err ? err : s->err;
}

static bool was_before(const struct span_changes *changes, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (uuid_eq(changes->list[i].trace_id, changes->list[index].trace_id))
            return true;
    return false;
}

/* ---- one project ---- */

static enum err look_at(struct scanning *s, const struct span_changes *changes, size_t index)
{
    const struct span_row *row = &changes->list[index];
    bool is_known_trace = was_before(changes, index), matches;
    enum err err = OK;

    span_testing_begin(&s->testing, row, s->project.project_id);
    for (size_t i = 0; !err && i < s->scan->entry_count; i++) {
        struct rule_entry *entry = &s->scan->entries[i];

        if (!is_its_own(s, entry, row))
            continue;
        if (entry->spec.looks_at_traces) {
            err = is_known_trace ? OK : search_trace(s, entry, row->trace_id);
            continue;
        }
        if (!is_ready(entry, row))
            continue;
        err = span_testing_test(&s->testing, &entry->spec.filter, &matches);
        if (!err && matches)
            err = note(s, entry, row);
    }
    return err;
}

static enum err scan_project(struct tx *tx, struct rule_scan *scan, const struct rule_links *links,
                             struct arena *arena)
{
    struct scanning *s = ARENA_NEW(arena, struct scanning);
    struct span_changes changes;
    enum err err;

    s->testing.tx = tx;
    s->testing.arena = arena;
    s->scan = scan;
    s->links = links;
    if ((err = projects_get_by_no(tx, scan->project_no, arena, &s->project)) ||
        (err = rules_watch_get(tx, scan->project_no, &scan->watch)) ||
        (err = spans_changed(tx, scan->project_no, scan->watch.change_seq, CHANGES_MAX, arena,
                             &changes)))
        return err;
    for (size_t i = 0; i < scan->entry_count; i++)
        entry_read(&scan->entries[i], arena);
    for (size_t i = 0; !err && i < changes.count; i++)
        err = look_at(s, &changes, i);
    scan->to_seq =
        changes.count > 0 ? changes.list[changes.count - 1].change_seq : scan->watch.change_seq;
    scan->has_more = changes.count == CHANGES_MAX;
    return err;
}

/* ---- what was there before a rule ---- */

static enum err scan_backfill(struct tx *tx, struct rule_scan *scan, const struct rule_links *links,
                              struct arena *arena)
{
    struct scanning *s = ARENA_NEW(arena, struct scanning);
    const struct rule_backfill *from = scan->backfill;
    const struct span_range range = {
        .tenant = scan->tenant,
        .project_no = scan->project_no,
        .start_min_us = from->from_us,
        .start_max_us = from->until_us,
        .ascending = true,
    };
    struct span_changes changes;
    struct span_rows found;
    enum err err;

    s->testing.tx = tx;
    s->testing.arena = arena;
    s->scan = scan;
    s->links = links;
    scan->to = *from;
    if ((err = projects_get_by_no(tx, scan->project_no, arena, &s->project)) ||
        (err = span_scan(tx, &range, CHANGES_MAX, &scan->to.at, arena, &found)))
        return err;
    entry_read(&scan->entries[0], arena);
    changes = (struct span_changes){found.list, found.count};
    for (size_t i = 0; !err && i < changes.count; i++)
        err = look_at(s, &changes, i);
    scan->to.looked = (int64_t)found.count;
    scan->to.matched = (int64_t)scan->entries[0].match_count;
    scan->to.is_done = found.is_last;
    scan->to.completed_us = found.is_last ? tx->now_us : 0;
    return err;
}

static enum err backfills_read(struct tx *tx, struct arena *arena, struct rule_scans *scans)
{
    struct rule_backfill *found = ARENA_ARRAY(arena, struct rule_backfill, BACKFILLS_MAX);
    struct rule_row *rules = ARENA_ARRAY(arena, struct rule_row, BACKFILLS_MAX);
    size_t count = 0;
    enum err err = rule_backfills_running(tx, arena, found, rules, BACKFILLS_MAX, &count);

    for (size_t i = 0; !err && i < count; i++) {
        struct rule_scan *scan = &scans->list[scans->count];

        *scan = (struct rule_scan){
            .tenant = rules[i].tenant,
            .project_no = rules[i].project_no,
            .backfill = &found[i],
            .entries = ARENA_NEW(arena, struct rule_entry),
            .entry_count = 1,
        };
        scan->entries[0].row = rules[i];
        err = scan_backfill(tx, scan, &scans->links, arena);
        if (err == ERR_NOT_FOUND) { /* the project is gone */
            err = OK;
            continue;
        }
        scans->has_backfills |= !scan->to.is_done;
        scans->count++;
    }
    return err;
}

enum err rule_scans_read(struct tx *tx, struct arena *arena, struct rule_scans *scans)
{
    struct rule_rows rows;
    enum err err = rules_enabled(tx, arena, &rows);

    *scans = (struct rule_scans){
        .links = scans->links,
        .list = ARENA_ARRAY(arena, struct rule_scan, rows.count + BACKFILLS_MAX)};
    for (size_t i = 0, end; !err && i < rows.count; i = end) {
        struct rule_scan *scan = &scans->list[scans->count];

        for (end = i; end < rows.count && rows.list[end].project_no == rows.list[i].project_no;)
            end++;
        *scan = (struct rule_scan){
            .tenant = rows.list[i].tenant,
            .project_no = rows.list[i].project_no,
            .entries = ARENA_ARRAY(arena, struct rule_entry, end - i),
            .entry_count = end - i,
        };
        for (size_t k = i; k < end; k++)
            scan->entries[k - i].row = rows.list[k];
        err = scan_project(tx, scan, &scans->links, arena);
        if (err == ERR_NOT_FOUND) { /* the project is gone */
            err = OK;
            continue;
        }
        scans->has_more |= scan->has_more;
        scans->count += scan->to_seq != scan->watch.change_seq;
    }
    return err ? err : backfills_read(tx, arena, scans);
}
