/* trial.c -- one seed. */
#include "app/sim/trial.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/map.h"
#include "crypto/random.h"
#include "io/sim_vfs.h"

#define COMPLAINTS_BYTES_MAX (32 * KIB)
#define LINE_BYTES_MAX 1024

static void fill(void *context, void *bytes, size_t len)
{
    rng_bytes(context, bytes, len);
}

/* The program's own lines are part of a trace, and of nothing else: its complaints about the
 * weather are expected. */
static void on_line(void *context, struct str line)
{
    struct trial *trial = context;

    if (trial->is_traced)
        fprintf(stderr, "%12.6f   %.*s\n", (double)sim_now_us(trial->sim) / 1e6, STR_ARG(line));
}

void trial_begin(struct trial *trial, uint64_t seed, bool is_traced)
{
    *trial = (struct trial){.seed = seed, .is_traced = is_traced};
    rng_seed(&trial->rng, seed);
    rng_seed(&trial->secrets, rng_next(&trial->rng));
    map_set_seed(rng_next(&trial->rng));
    random_set_source(fill, &trial->secrets);
    arena_init(&trial->arena);
    buf_init(&trial->complaints, COMPLAINTS_BYTES_MAX);
    trial->sim = sim_new(rng_next(&trial->rng), NULL);
    sim_set_trace(trial->sim, is_traced);
    sim_vfs_add(trial->sim, TRIAL_VFS);
    log_set_sink(on_line, trial);
}

void trial_end(struct trial *trial)
{
    sim_vfs_remove(TRIAL_VFS);
    buf_release(&trial->complaints);
    arena_release(&trial->arena);
}

void trial_complain(struct trial *trial, const char *format, ...)
{
    char line[LINE_BYTES_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    trial->complaint_count++;
    buf_addf(&trial->complaints, "  %.3f s: %s\n", (double)sim_now_us(trial->sim) / 1e6, line);
    trial_note(trial, "WRONG: %s", line);
}

void trial_note(struct trial *trial, const char *format, ...)
{
    va_list args;

    if (!trial->is_traced)
        return;
    fprintf(stderr, "%12.6f * ", (double)sim_now_us(trial->sim) / 1e6);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

bool trial_once_in(struct trial *trial, uint64_t n)
{
    return rng_below(&trial->rng, n) == 0;
}
