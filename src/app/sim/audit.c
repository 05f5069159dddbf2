/* audit.c -- the server's own account against the ledger. */
#include "app/sim/audit.h"

#include "app/sim/ask.h"
#include "base/json.h"

#define PATIENCE_MS 60000
#define QUESTION_US_MAX (120 * US_PER_SECOND)

struct question {
    struct audit *audit;
    struct order *order; /* NULL: of no order */
    struct str target;
    void (*judge)(struct question *question, const struct answer *answer);
};

static void on_answer(void *context, const struct answer *answer)
{
    struct question *question = context;
    struct audit *audit = question->audit;

    if (answer->status == 0 || !answer->is_whole)
        trial_complain(audit->ledger->trial, "calm weather, and no answer to %.*s",
                       STR_ARG(question->target));
    else
        question->judge(question, answer);
    audit->open--;
    sim_break(audit->ledger->trial->sim);
}

static void question_ask(struct audit *audit, struct order *order, struct str target,
                         void (*judge)(struct question *question, const struct answer *answer))
{
    struct trial *trial = audit->ledger->trial;
    struct question *question = ARENA_NEW(&trial->arena, struct question);

    *question = (struct question){audit, order, target, judge};
    audit->open++;
    ask_send(&(struct ask){
        .trial = trial,
        .to = audit->machine->config.listen,
        .method = STR("GET"),
        .target = target,
        .headers = STR(""),
        .body = STR(""),
        .patience_ms = PATIENCE_MS,
        .on_answer = on_answer,
        .context = question,
    });
    machine_live(audit->machine, sim_now_us(trial->sim) + QUESTION_US_MAX);
}

static const struct json *parse(struct question *question, const struct answer *answer)
{
    const struct json *json = NULL;

    if (json_parse(&question->audit->ledger->trial->arena, answer->body, &json, NULL))
        trial_complain(question->audit->ledger->trial, "%.*s is answered with what is not JSON",
                       STR_ARG(question->target));
    return json;
}

/* ---- runs ---- */

static void judge_run(struct question *question, const struct answer *answer)
{
    const struct order *order = question->order;
    struct trial *trial = question->audit->ledger->trial;
    struct str status = json_string(json_get(parse(question, answer), "status"));

    if (answer->status == 404) {
        /* Rolled back, or deleted. */
        if (!order->is_deleted && !str_eq(order->status, STR("interrupted")))
            trial_complain(trial, "order %zu, run %.*s: it ended as %.*s and is not there",
                           order->number, STR_ARG(order->run_id), STR_ARG(order->status));
    } else if (!str_eq(status, order->status)) {
        trial_complain(trial, "order %zu, run %.*s: its status is %.*s, its webhook said %.*s",
                       order->number, STR_ARG(order->run_id), STR_ARG(status),
                       STR_ARG(order->status));
    }
}

/* A stateless run's result is kept: join answers what wait did. */
static void judge_join(struct question *question, const struct answer *answer)
{
    const struct order *order = question->order;

    if (answer->status == 200 && !str_eq(str_trim(answer->body), order->waited))
        trial_complain(question->audit->ledger->trial,
                       "order %zu: wait answered %.*s, join answers %.*s", order->number,
                       STR_ARG(order->waited), STR_ARG(answer->body));
}

/* ---- deliveries ---- */

static void judge_event(struct question *question, const struct answer *answer)
{
    const struct order *order = question->order;
    struct trial *trial = question->audit->ledger->trial;
    const struct json *list = json_get(parse(question, answer), "deliveries");
    const struct json *one = json_item(list, 0);

    if (json_count(list) != 1)
        trial_complain(trial, "order %zu, run %.*s: it has %zu deliveries", order->number,
                       STR_ARG(order->run_id), json_count(list));
    else if (!str_eq(json_string(json_get(one, "webhook_id")), order->webhook_id) ||
             !str_eq(json_string(json_get(one, "state")), STR("done")) ||
             json_i64(json_get(one, "attempts"), 0) < 1)
        trial_complain(trial, "order %zu: its webhook came as %.*s, its delivery is %.*s",
                       order->number, STR_ARG(order->webhook_id), STR_ARG(answer->body));
}

static void count_waiting(struct question *question, const struct answer *answer)
{
    question->audit->waiting += json_count(json_get(parse(question, answer), "deliveries"));
}

static void judge_nothing(struct question *question, const struct answer *answer)
{
    if (json_count(json_get(parse(question, answer), "deliveries")) > 0)
        trial_complain(question->audit->ledger->trial, "%.*s is not empty: %.*s",
                       STR_ARG(question->target), STR_ARG(answer->body));
}

/* ---- the account ---- */

void audit_init(struct audit *audit, struct machine *machine, struct ledger *ledger)
{
    *audit = (struct audit){.machine = machine, .ledger = ledger};
}

bool audit_is_quiet(struct audit *audit)
{
    audit->waiting = 0;
    question_ask(audit, NULL, STR("/v1/deliveries?state=due"), count_waiting);
    question_ask(audit, NULL, STR("/v1/deliveries?state=sending"), count_waiting);
    return audit->waiting == 0;
}

void audit_run(struct audit *audit)
{
    struct ledger *ledger = audit->ledger;
    struct arena *arena = &ledger->trial->arena;

    for (size_t i = 0; i < ledger->count; i++) {
        struct order *order = &ledger->orders[i];
        struct str where = str_is_none(order->thread_id)
                               ? STR("")
                               : arena_printf(arena, "/threads/%.*s", STR_ARG(order->thread_id));

        if (str_is_none(order->body))
            continue;
        if (!str_is_none(order->thread_id))
            question_ask(
                audit, order,
                arena_printf(arena, "%.*s/runs/%.*s", STR_ARG(where), STR_ARG(order->run_id)),
                judge_run);
        else if (!str_is_none(order->waited))
            question_ask(audit, order,
                         arena_printf(arena, "/runs/%.*s/join", STR_ARG(order->run_id)),
                         judge_join);
        question_ask(audit, order,
                     arena_printf(arena, "/v1/deliveries?object_id=%.*s", STR_ARG(order->run_id)),
                     judge_event);
    }
    question_ask(audit, NULL, STR("/v1/deliveries?state=due"), judge_nothing);
    question_ask(audit, NULL, STR("/v1/deliveries?state=sending"), judge_nothing);
    question_ask(audit, NULL, STR("/v1/deliveries?state=dead"), judge_nothing);
    if (audit->open > 0)
        trial_complain(ledger->trial, "%zu questions were not answered", audit->open);
}
