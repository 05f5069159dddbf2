/* s3_job.c -- one request to the service, with its attempts (the drawing is in s3_priv.h). */
#include "blob/s3_priv.h"

#include "base/log.h"
#include "base/time.h"
#include "blob/blob_metrics.h"

#define RETRY_MS 8000 /* no attempt begins later: whoever asks has patience for ten seconds */
#define SAID_BYTES_MAX (256 * KIB)
#define HEAD_BYTES_MAX (16 * KIB)
#define PENDING_BYTES_MAX (512 * KIB) /* of a large body, in memory */
#define REREAD_MS 20
#define HEADERS_MAX 8

static void attempt_begin(struct s3_job *job);

/* ---- the end ---- */

static void explain(struct s3 *s3, const struct s3_answer *answer)
{
    struct buf out;

    buf_init(&out, S3_WORDS_MAX - 1);
    s3_answer_explain(&out, answer, s3->bucket);
    if (!s3->is_down)
        log_error("blob", "the S3-compatible service at %.*s: %.*s", STR_ARG(s3->host),
                  STR_ARG(buf_str(&out)));
    snprintf(s3->words, sizeof(s3->words), "%.*s", STR_ARG(buf_str(&out)));
    buf_release(&out);
    s3->is_down = true;
}

/* The log has a line when it begins to fail, and one when it goes well again. */
static void note(struct s3_job *job, enum s3_verdict verdict)
{
    struct s3 *s3 = job->s3;
    int64_t took_us = loop_mono_us(s3->loop) - job->began_us;

    metric_add(&blob_requests,
               metric_series(&blob_requests, (unsigned)job->kind, (unsigned)verdict), 1);
    metric_observe(&blob_seconds, (unsigned)job->kind, took_us);
    if (verdict == S3_GOOD && job->kind == S3_PUT)
        metric_add(&blob_bytes, BLOB_SENT, job->size);
    if (verdict == S3_AGAIN || verdict == S3_REFUSED) {
        explain(s3, &job->answer);
    } else if (s3->is_down) {
        log_info("blob", "the S3-compatible service answers again");
        s3->is_down = false;
        s3->words[0] = '\0';
    }
}

static void attempt_drop(struct s3_job *job)
{
    timer_stop(&job->timer);
    if (job->fetch)
        fetch_cancel(job->fetch);
    job->fetch = NULL;
}

static void waiting_add(struct s3 *s3, int change)
{
    s3->waiting_count = (unsigned)((int)s3->waiting_count + change);
    metric_set(&blob_waiting, 0, s3->waiting_count);
}

/* A connection is free for it. It begins in a turn of its own. */
static void job_open(struct s3_job *job)
{
    job->is_open = true;
    job->s3->open[job->kind]++;
    list_push(&job->s3->under_way, &job->node);
    timer_start(&job->timer, 0);
}

/* Leaves the lists; the next one that waits for its connection begins. */
static void job_leave(struct s3_job *job)
{
    struct s3 *s3 = job->s3;
    struct list *next;

    attempt_drop(job);
    list_remove(&job->node);
    arena_release(&job->arena);
    if (!job->is_open) {
        waiting_add(s3, -1);
        return;
    }
    job->is_open = false;
    s3->open[job->kind]--;
    if (s3->is_over || !(next = list_pop(&s3->waiting[job->kind])))
        return;
    waiting_add(s3, -1);
    job_open(LIST_ITEM(next, struct s3_job, node));
}

static void job_end(struct s3_job *job, enum s3_verdict verdict)
{
    struct buf said;

    note(job, verdict);
    job_leave(job);
    said = job->said;
    job->on_end(job, verdict); /* the job may be gone */
    buf_release(&said);
}

/* ---- an attempt ends ---- */

/* What was said may be looked at until the job ends. */
static void judge(struct s3_job *job)
{
    struct s3 *s3 = job->s3;
    int64_t now_ms = loop_mono_ms(s3->loop), pause_ms;
    enum s3_verdict verdict;

    if (job->answer.status / 100 != 2)
        s3_answer_read_error(&job->answer, buf_str(&job->said));
    verdict = s3_answer_judge(&job->answer);
    if (s3->keys && s3_answer_wants_keys(&job->answer)) {
        key_source_refresh(s3->keys);
        verdict = S3_AGAIN;
    }
    pause_ms = rng_jitter(loop_rng(s3->loop), s3_pause_ms(job->attempt + 1), 0.3);
    if (verdict != S3_AGAIN || now_ms + pause_ms > job->until_ms) {
        job_end(job, verdict);
        return;
    }
    metric_add(&blob_retries, (unsigned)job->kind, 1);
    timer_start(&job->timer, pause_ms);
}

static void attempt_failed(struct s3_job *job, enum s3_end end, const char *why)
{
    attempt_drop(job);
    job->answer = (struct s3_answer){.end = end, .why = why};
    judge(job);
}

static void on_end(void *context, enum fetch_end end, const char *why)
{
    struct s3_job *job = context;

    job->fetch = NULL;
    timer_stop(&job->timer);
    if (end == FETCH_DONE)
        judge(job);
    else
        attempt_failed(job, end == FETCH_UNREACHABLE ? S3_UNREACHABLE : S3_LOST, why);
}

/* Between two attempts, or nothing has moved for too long. */
static void on_timer(struct timer *timer)
{
    struct s3_job *job = CONTAINER_OF(timer, struct s3_job, timer);

    if (!job->fetch && job->attempt == 0 && loop_mono_ms(job->s3->loop) > job->until_ms)
        attempt_failed(job, S3_STALLED, "more is asked of it than it answers");
    else if (!job->fetch)
        attempt_begin(job);
    else
        attempt_failed(job, S3_STALLED, "nothing came within runbell.blobs.timeout_s");
}

/* ---- the answer ---- */

static void progress(struct s3_job *job)
{
    if (job->fetch && !job->is_paused)
        timer_start(&job->timer, job->s3->timeout_ms);
}

static void on_head(void *context, const struct fetch_head *head)
{
    struct s3_job *job = context;
    struct s3_answer *answer = &job->answer;
    struct str date = http_header_find(head->headers, head->header_count, "date");
    int64_t now_us = loop_wall_us(job->s3->loop), said_us;

    answer->status = head->status;
    answer->region = http_header_find(head->headers, head->header_count, "x-amz-bucket-region");
    answer->region = arena_str(&job->arena, answer->region);
    if (!str_is_none(date) && time_parse_http(date, now_us, &said_us) == OK) {
        answer->has_skew = true;
        answer->skew_s = (said_us - now_us) / US_PER_SECOND;
    }
    /* From the middle was asked for; who answers 200 begins at the beginning. */
    job->skip = head->status == 200 ? job->given : 0;
    progress(job);
}

static void on_object(struct s3_job *job, struct str piece)
{
    uint64_t skipped = job->skip < piece.len ? job->skip : piece.len;

    job->skip -= skipped;
    piece = str_from(piece, (size_t)skipped);
    job->given += piece.len;
    job->until_ms = loop_mono_ms(job->s3->loop) + RETRY_MS;
    metric_add(&blob_bytes, BLOB_RECEIVED, piece.len);
    if (piece.len > 0)
        job->on_bytes(job, piece);
}

static void on_body(void *context, struct str piece)
{
    struct s3_job *job = context;

    if (job->kind == S3_GET && job->answer.status / 100 == 2)
        on_object(job, piece);
    else if (job->said.len + piece.len <= SAID_BYTES_MAX)
        buf_add(&job->said, piece);
    progress(job);
}

/* ---- a large body goes out ---- */

static void pump(struct s3_job *job)
{
    if (job->is_reading || job->sent == job->size || !job->fetch ||
        fetch_pending_bytes(job->fetch) > PENDING_BYTES_MAX)
        return;
    job->is_reading = job->is_read = true;
    spool_read(job->spool);
}

static void on_drain(void *context)
{
    struct s3_job *job = context;

    progress(job);
    pump(job);
}

static void on_spool_piece(void *context, enum err err, struct str piece)
{
    struct s3_job *job = context;

    job->is_reading = false;
    if (!job->fetch) /* the attempt has ended meanwhile */
        return;
    if (err || piece.len == 0 || piece.len > job->size - job->sent) {
        attempt_failed(job, S3_LOST, "the spool in the data folder could not be read");
        return;
    }
    job->sent += piece.len;
    fetch_write(job->fetch, piece);
    pump(job);
}

static const struct spool_events spool_events = {NULL, NULL, on_spool_piece};

/* ---- an attempt begins ---- */

static const struct fetch_events fetch_events = {on_head, on_body, on_end, on_drain, NULL};

static void add(struct sigv4_pair *pairs, size_t *count, struct str name, struct str value)
{
    if (!str_is_none(value))
        pairs[(*count)++] = (struct sigv4_pair){name, value};
}

/* An object's, or the bucket's, whose last '/' is none of it where its name stands in the path. */
static struct str path_of(struct s3_job *job)
{
    const struct s3 *s3 = job->s3;
    const char *key = job->key.text;

    if (key[0] == '\0')
        return s3->path.len > 1 ? str_first(s3->path, s3->path.len - 1) : s3->path;
    return arena_printf(&job->arena, "%.*s%.*s%.2s/%s", STR_ARG(s3->path), STR_ARG(s3->prefix), key,
                        key);
}

static struct str range_of(struct s3_job *job)
{
    if (job->kind != S3_GET || job->given == 0)
        return STR_NONE;
    return arena_printf(&job->arena, "bytes=%llu-", (unsigned long long)job->given);
}

/* The headers that are signed, the signature behind them; but Host, which the client makes. */
static void sign(struct s3_job *job, const struct sigv4_key *key, struct fetch_request *request)
{
    const struct s3 *s3 = job->s3;
    struct sigv4_time time = sigv4_time_of(loop_wall_us(s3->loop));
    struct sigv4_pair pairs[HEADERS_MAX];
    struct http_header *headers = ARENA_ARRAY(&job->arena, struct http_header, HEADERS_MAX);
    struct sigv4_request what = {.method = job->method,
                                 .path = path_of(job),
                                 .query = &job->query,
                                 .query_count = job->query_count,
                                 .headers = pairs,
                                 .payload_hash =
                                     job->size > 0 ? str_of(job->hash.text) : SHA256_OF_NOTHING};
    size_t count = 0;
    struct buf out;

    add(pairs, &count, STR("host"), s3->host);
    add(pairs, &count, STR("x-amz-content-sha256"), what.payload_hash);
    add(pairs, &count, STR("x-amz-date"), arena_str(&job->arena, str_of(time.text)));
    add(pairs, &count, STR("x-amz-security-token"), key->token);
    add(pairs, &count, STR("content-md5"), job->md5);
    add(pairs, &count, STR("x-amz-checksum-sha256"), job->checksum);
    add(pairs, &count, STR("range"), range_of(job));
    what.header_count = count;
    for (size_t i = 1; i < count; i++)
        headers[i - 1] = (struct http_header){pairs[i].name, pairs[i].value};
    buf_init(&out, SIGV4_TEXT_MAX);
    sigv4_write_authorization(&out, key, &time, &what);
    headers[count - 1] =
        (struct http_header){STR("Authorization"), arena_str(&job->arena, buf_str(&out))};
    buf_clear(&out);
    sigv4_write_target(&out, &what);
    request->target = arena_str(&job->arena, buf_str(&out));
    REQUIRE(!out.failed);
    buf_release(&out);
    request->headers = headers;
    request->header_count = count;
}

static void attempt_begin(struct s3_job *job)
{
    struct fetch_request request = {.method = job->method,
                                    .has_body = job->kind != S3_GET,
                                    .is_repeatable = job->spool == NULL,
                                    .all_ms = job->kind == S3_GET ? 0 : BLOB_UPLOAD_MS};
    struct sigv4_key key;

    if (job->is_reading) { /* for the last attempt: its piece must not get into this one */
        timer_start(&job->timer, REREAD_MS);
        return;
    }
    if (job->is_read)
        spool_rewind(job->spool);
    job->is_read = false;
    job->sent = 0;
    job->attempt++;
    job->answer = (struct s3_answer){.end = S3_ANSWERED};
    buf_clear(&job->said);
    arena_reset(&job->arena);
    if (!s3_key(job->s3, loop_wall_us(job->s3->loop), &key)) {
        attempt_failed(job, S3_KEYLESS, key_source_words(job->s3->keys));
        return;
    }
    sign(job, &key, &request);
    if (job->spool)
        request.body_more = job->size;
    else
        request.body = job->body;
    job->is_paused = false; /* its bytes, if they come too soon, pause it again */
    job->fetch = fetch_start(job->s3->http, &request, &fetch_events, job);
    progress(job);
}

/* ---- what the owner does ---- */

void s3_job_start(struct s3_job *job)
{
    struct s3 *s3 = job->s3;

    list_init(&job->node);
    if (s3->is_over) {
        job->on_end(job, S3_AGAIN);
        return;
    }
    arena_init(&job->arena);
    buf_init(&job->said, SAID_BYTES_MAX);
    timer_init(&job->timer, s3->loop, on_timer);
    job->began_us = loop_mono_us(s3->loop);
    job->until_ms = loop_mono_ms(s3->loop) + RETRY_MS;
    if (job->spool)
        spool_move(job->spool, s3->loop, &spool_events, job);
    if (s3->open[job->kind] == s3->connections_max) {
        list_push(&s3->waiting[job->kind], &job->node);
        waiting_add(s3, 1);
        return;
    }
    job_open(job);
}

void s3_job_cancel(struct s3_job *job)
{
    job_leave(job);
    buf_release(&job->said);
}

void s3_job_pause(struct s3_job *job)
{
    job->is_paused = true;
    if (!job->fetch)
        return;
    fetch_pause(job->fetch);
    timer_stop(&job->timer);
}

void s3_job_resume(struct s3_job *job)
{
    job->is_paused = false;
    if (!job->fetch)
        return;
    fetch_resume(job->fetch);
    progress(job);
}

void s3_jobs_end(struct s3 *s3)
{
    struct list *lists[S3_KIND_COUNT + 1] = {&s3->under_way};

    for (size_t i = 0; i < S3_KIND_COUNT; i++)
        lists[i + 1] = &s3->waiting[i];
    s3->is_over = true;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        while (!list_is_empty(lists[i])) {
            struct s3_job *job = LIST_ITEM(lists[i]->next, struct s3_job, node);

            job->answer = (struct s3_answer){.end = S3_LOST, .why = "the server stops"};
            s3->is_down = true; /* no line for it */
            job_end(job, S3_AGAIN);
        }
}
