/* metrics.c -- sheets of cells, one for each thread that counts. */
#include "base/metrics.h"

#include <threads.h>

#include "base/mem.h"

#define CELLS_MAX 2048
#define NAME_BYTES_MAX 64
#define OTHER "other"

#define S US_PER_SECOND
#define MS US_PER_MS
const int64_t metric_bounds_disk[] = {100,      250,      500,     1 * MS,    2500,
                                      5 * MS,   10 * MS,  25 * MS, 50 * MS,   100 * MS,
                                      250 * MS, 500 * MS, 1 * S,   2500 * MS, 0};
const int64_t metric_bounds_network[] = {1 * MS,   2500,     5 * MS,   10 * MS, 25 * MS,   50 * MS,
                                         100 * MS, 250 * MS, 500 * MS, 1 * S,   2500 * MS, 5 * S,
                                         10 * S,   30 * S,   60 * S,   0};
const int64_t metric_bounds_wait[] = {
    5 * MS, 10 * MS, 25 * MS, 50 * MS, 100 * MS, 250 * MS, 500 * MS,  1 * S,     2500 * MS, 5 * S,
    10 * S, 30 * S,  60 * S,  300 * S, 1800 * S, 3600 * S, 21600 * S, 86400 * S, 0};
#undef S
#undef MS

/* A cell is written by its sheet's thread only, so an addition needs no locked instruction; it is
 * atomic because others read it meanwhile. */
struct sheet {
    struct sheet *next;
    atomic_bool is_taken;
    _Atomic(int64_t) cells[CELLS_MAX];
};

static _Atomic(struct sheet *) sheets;
static atomic_uint cells_given = 1; /* 0 means none */
static _Thread_local struct sheet *mine;
static once_flag sheet_once = ONCE_FLAG_INIT;
static tss_t sheet_key; /* gives the sheet back when its thread ends */

static void give_back(void *sheet)
{
    atomic_store(&((struct sheet *)sheet)->is_taken, false);
}

static void make_key(void)
{
    REQUIRE(tss_create(&sheet_key, give_back) == thrd_success);
}

static struct sheet *sheet_find_free(void)
{
    for (struct sheet *sheet = atomic_load(&sheets); sheet; sheet = sheet->next) {
        bool is_taken = false;

        if (atomic_compare_exchange_strong(&sheet->is_taken, &is_taken, true))
            return sheet;
    }
    return NULL;
}

static struct sheet *sheet_new(void)
{
    struct sheet *sheet = MEM_NEW(struct sheet);

    atomic_init(&sheet->is_taken, true);
    sheet->next = atomic_load(&sheets);
    while (!atomic_compare_exchange_weak(&sheets, &sheet->next, sheet))
        continue;
    return sheet;
}

static struct sheet *my_sheet(void)
{
    if (mine)
        return mine;
    call_once(&sheet_once, make_key);
    mine = sheet_find_free();
    if (!mine)
        mine = sheet_new();
    REQUIRE(tss_set(sheet_key, mine) == thrd_success);
    return mine;
}

/* ---- which cells ---- */

static unsigned bucket_count(const struct metric *metric)
{
    unsigned count = 0;

    while (metric->bounds[count])
        count++;
    REQUIRE(count < METRIC_BUCKETS_MAX);
    return count + 1;
}

/* Of one series: a number, or a histogram's buckets and the sum of what they hold. */
static unsigned cells_each(const struct metric *metric)
{
    return metric->type == METRIC_HISTOGRAM ? bucket_count(metric) + 1 : 1;
}

static unsigned value_count(const struct metric_label *label)
{
    unsigned count = 0;

    if (!label->name)
        return 1;
    if (label->names)
        return METRIC_NAMES_MAX + 1;
    while (label->words[count])
        count++;
    return count;
}

unsigned metric_series_count(const struct metric *metric)
{
    return value_count(&metric->labels[0]) * value_count(&metric->labels[1]);
}

/* Two threads may come for the first time at once: the cells of one are then left unused. */
static unsigned first_cell(struct metric *metric)
{
    unsigned first = atomic_load_explicit(&metric->first_cell, memory_order_acquire);
    unsigned wanted, each, count;

    if (first)
        return first;
    each = cells_each(metric);
    count = metric_series_count(metric);
    wanted = each * count;
    atomic_store_explicit(&metric->cells_each, each, memory_order_relaxed);
    atomic_store_explicit(&metric->series_count, count, memory_order_relaxed);
    first = atomic_fetch_add(&cells_given, wanted);
    REQUIRE(first + wanted <= CELLS_MAX);
    unsigned none = 0;
    return atomic_compare_exchange_strong(&metric->first_cell, &none, first) ? first : none;
}

static unsigned cell_of(struct metric *metric, unsigned series)
{
    unsigned first = first_cell(metric);

    REQUIRE(series < atomic_load_explicit(&metric->series_count, memory_order_relaxed));
    return first + series * atomic_load_explicit(&metric->cells_each, memory_order_relaxed);
}

unsigned metric_series(const struct metric *metric, unsigned first, unsigned second)
{
    unsigned seconds = value_count(&metric->labels[1]);

    REQUIRE(first < value_count(&metric->labels[0]) && second < seconds);
    return first * seconds + second;
}

/* ---- values of labels ---- */

unsigned metric_word(const char *const *words, struct str text)
{
    unsigned i = 0;

    while (words[i + 1] && !str_eq(text, str_of(words[i])))
        i++;
    return i;
}

static const char *name_copy(struct str text)
{
    char *copy = mem_alloc(text.len + 1);

    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    return copy;
}

unsigned metric_name(struct metric_names *names, struct str text)
{
    const char *copy = NULL;
    unsigned i = 0;

    if (str_is_none(text) || text.len > NAME_BYTES_MAX || !str_is_utf8(text))
        return METRIC_NAMES_MAX;
    for (; i < METRIC_NAMES_MAX; i++) {
        const char *known = atomic_load_explicit(&names->list[i], memory_order_acquire);

        if (!known) {
            copy = copy ? copy : name_copy(text);
            if (atomic_compare_exchange_strong(&names->list[i], &known, copy))
                return i;
        }
        if (str_eq(text, str_of(known)))
            break;
    }
    mem_free((void *)(uintptr_t)copy);
    return i;
}

const char *metric_value_of(const struct metric *metric, unsigned series, unsigned label)
{
    unsigned seconds = value_count(&metric->labels[1]);
    unsigned index = label == 0 ? series / seconds : series % seconds;
    const struct metric_label *of = &metric->labels[label];

    if (!of->names)
        return of->words[index];
    if (index == METRIC_NAMES_MAX)
        return OTHER;
    return atomic_load_explicit(&of->names->list[index], memory_order_acquire);
}

/* ---- counting ---- */

static void cell_add(unsigned cell, int64_t value)
{
    _Atomic(int64_t) *at = &my_sheet()->cells[cell];
    int64_t before = atomic_load_explicit(at, memory_order_relaxed);

    atomic_store_explicit(at, (int64_t)((uint64_t)before + (uint64_t)value), memory_order_relaxed);
}

void metric_add(struct metric *metric, unsigned series, uint64_t count)
{
    REQUIRE(metric->type == METRIC_COUNTER);
    cell_add(cell_of(metric, series), (int64_t)count);
}

void metric_set(struct metric *metric, unsigned series, int64_t value)
{
    REQUIRE(metric->type == METRIC_GAUGE);
    cell_add(cell_of(metric, series), value - metric_read(metric, series));
}

void metric_observe(struct metric *metric, unsigned series, int64_t value)
{
    unsigned cell = cell_of(metric, series), bucket = 0;

    REQUIRE(metric->type == METRIC_HISTOGRAM);
    while (metric->bounds[bucket] && value > metric->bounds[bucket])
        bucket++;
    cell_add(cell + bucket, 1);
    cell_add(cell + atomic_load_explicit(&metric->cells_each, memory_order_relaxed) - 1, value);
}

/* ---- reading ---- */

static int64_t cell_sum(unsigned cell)
{
    uint64_t sum = 0;

    for (struct sheet *sheet = atomic_load(&sheets); sheet; sheet = sheet->next)
        sum += (uint64_t)atomic_load_explicit(&sheet->cells[cell], memory_order_relaxed);
    return (int64_t)sum;
}

int64_t metric_read(struct metric *metric, unsigned series)
{
    return cell_sum(cell_of(metric, series));
}

struct metric_histogram metric_read_histogram(struct metric *metric, unsigned series)
{
    struct metric_histogram read = {.bucket_count = bucket_count(metric)};
    unsigned cell = cell_of(metric, series);

    REQUIRE(metric->type == METRIC_HISTOGRAM);
    for (unsigned i = 0; i < read.bucket_count; i++) {
        read.buckets[i] = (uint64_t)cell_sum(cell + i);
        read.count += read.buckets[i];
    }
    read.sum = cell_sum(cell + read.bucket_count);
    return read;
}
