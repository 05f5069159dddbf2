/* bench_ingest.c -- what it costs to read what SDKs and exporters send, without storing it: bodies
 * of a file that bench/recorder.py wrote are unpacked, taken apart and parsed as a request's are,
 * SECONDS long.
 *
 *   bench_ingest FILE SECONDS     prints one JSON object: spans of the file, its bytes unpacked,
 * and microseconds of CPU per span */
#include <stdio.h>
#include <time.h>

#include "trace/bench_bodies.h"
#include "trace/otlp.h"

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_part(void *context, struct str name, struct str text)
{
    const struct span_value value = {.bytes = text, .size = (int64_t)text.len};
    struct span_part part;

    REQUIRE(!span_part_parse(name, &part));
    span_batch_add_part(context, name, &part, STR("application/json"), value);
}

static void on_otlp_span(void *context, const struct otlp_span *span)
{
    otlp_run_add(context, span, STR_NONE);
}

static size_t otlp_parse(const struct bench_body *body, struct span_batch *batch)
{
    struct otlp_reader reader = {.arena = &batch->arena, .on_span = on_otlp_span, .context = batch};
    struct str plain = bench_body_plain(body, &batch->arena);
    bool is_json = str_starts(body->content_type, STR("application/json"));

    REQUIRE(!(is_json ? otlp_read_json(&reader, plain) : otlp_read_protobuf(&reader, plain)));
    return plain.len;
}

static void body_parse(const struct bench_body *body, size_t *spans, size_t *plain_bytes)
{
    struct span_batch batch;

    span_batch_init(&batch);
    *plain_bytes += bench_body_is_multipart(body)
                        ? bench_body_parts(body, &batch.arena, on_part, &batch)
                        : otlp_parse(body, &batch);
    REQUIRE(batch.problem_count == 0);
    *spans += batch.entry_count;
    span_batch_release(&batch);
}

int main(int argc, char **argv)
{
    struct bench_bodies bodies;
    size_t spans = 0, plain_bytes = 0, rounds = 0;
    double began, seconds, took;
    int64_t wanted;

    REQUIRE(argc == 3 && !str_to_i64(str_of(argv[2]), &wanted));
    seconds = (double)wanted;
    bench_bodies_read(&bodies, argv[1]);
    began = cpu_seconds();
    do {
        for (size_t i = 0; i < bodies.count; i++)
            body_parse(&bodies.list[i], &spans, &plain_bytes);
        rounds++;
        took = cpu_seconds() - began;
    } while (took < seconds);
    printf("{\"batch_spans\": %zu, \"plain_bytes\": %zu, \"cpu_us\": %.2f}\n", spans / rounds,
           plain_bytes / rounds, took * 1e6 / (double)spans);
    bench_bodies_release(&bodies);
    return 0;
}
