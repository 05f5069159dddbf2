/* customer.c -- a client of the server. */
#include "app/sim/customer.h"

#include "app/sim/ask.h"
#include "base/json.h"

#define PAUSE_US_MAX (2 * US_PER_SECOND)
#define PATIENCE_MS_MIN 200
#define PATIENCE_MS_MAX 20000
#define THREADS 3

static void act(void *context);

static void later(struct customer *customer)
{
    struct sim *sim = customer->trial->sim;

    sim_at(sim, sim_now_us(sim) + (int64_t)rng_below(&customer->trial->rng, PAUSE_US_MAX), true,
           act, customer);
}

static void send(struct customer *customer, const char *method, struct str target,
                 void (*on_answer)(void *context, const struct answer *answer))
{
    struct rng *rng = &customer->trial->rng;

    ask_send(&(struct ask){
        .trial = customer->trial,
        .to = customer->server,
        .method = str_of(method),
        .target = target,
        .headers = customer->key_line,
        .body = customer->text,
        .patience_ms = PATIENCE_MS_MIN + (int64_t)rng_below(rng, PATIENCE_MS_MAX - PATIENCE_MS_MIN),
        .leaves_rudely = rng_below(rng, 2),
        .on_answer = on_answer,
        .context = customer,
    });
}

/* ---- orders ---- */

static struct str thread_name(struct customer *customer)
{
    return arena_printf(&customer->trial->arena, "00000000-0000-4000-8000-0000000000%02u",
                        (unsigned)rng_below(&customer->trial->rng, THREADS));
}

static struct str run_of_location(struct str location)
{
    struct str rest = location, piece, last = STR_NONE;

    while (str_split(&rest, '/', &piece))
        last = piece;
    return last.len == 36 ? last : STR_NONE;
}

static struct str run_of(const struct answer *answer)
{
    return run_of_location(answer_header(answer, STR("content-location")));
}

/* True if there is nothing more to hear of the order. */
static bool order_hear(struct customer *customer, const struct answer *answer)
{
    struct order *order = customer->order;
    struct str run_id = run_of(answer);

    if (answer->status == 200 && !str_is_none(run_id)) {
        ledger_acknowledge(customer->ledger, order, run_id);
        if (str_starts(answer_header(answer, STR("content-type")), STR("text/event-stream")))
            ledger_on_events(customer->ledger, order, answer->body);
        else if (customer->is_waiting && answer->is_whole)
            order->waited = arena_str(&customer->trial->arena, str_trim(answer->body));
        return true;
    }
    /* 408: the weather held up the question; nothing was done. */
    if (answer->status >= 400 && answer->status < 500 && answer->status != 408) {
        if (answer->status != 409 && answer->status != 404)
            trial_complain(customer->trial, "order %zu was answered with %d: %.*s", order->number,
                           answer->status, STR_ARG(answer->body));
        order->is_refused = true;
        return true;
    }
    return order->is_sent_once;
}

static void on_ordered(void *context, const struct answer *answer)
{
    struct customer *customer = context;

    if (order_hear(customer, answer))
        customer->order = NULL;
    later(customer);
}

/* What the built-in script and the scripted worker do with it. */
static struct str input_text(struct trial *trial)
{
    static const char *const steps[] = {
        "{\"say\":\"one\"},{\"delay_ms\":400},{\"say\":\"two\"}",
        "{\"delay_ms\":3000},{\"say\":\"late\"}",
        "{\"say\":\"?\"},{\"interrupt\":{\"question\":\"go on?\"}}",
        "{\"fail\":{\"error\":\"ValueError\",\"message\":\"as told\"}}",
        "{\"large_bytes\":20000},{\"say\":\"large\"}",
        "{\"delay_ms\":20000},{\"say\":\"very late\"}",
    };

    return arena_printf(&trial->arena, "{\"messages\":[],\"script\":[%s]}",
                        steps[rng_below(&trial->rng, ARRAY_LEN(steps))]);
}

static const char *strategy(struct trial *trial, bool is_stateless)
{
    static const char *const names[] = {"interrupt", "rollback", "reject"};

    return is_stateless || !trial_once_in(trial, 3) ? "enqueue" : names[rng_below(&trial->rng, 3)];
}

static void order_make(struct customer *customer)
{
    static const char *const modes[] = {"", "/stream", "/wait"};
    struct trial *trial = customer->trial;
    bool is_stateless = trial_once_in(trial, 4);
    struct str thread = is_stateless ? STR_NONE : thread_name(customer);
    size_t mode = rng_below(&trial->rng, ARRAY_LEN(modes));
    struct str graph = customer->graphs[rng_below(&trial->rng, customer->graph_count)];
    struct str input = input_text(trial);
    struct order *order = ledger_open(customer->ledger, thread);

    customer->order = order;
    if (!order)
        return;
    order->is_sent_once = trial_once_in(trial, 3);
    customer->is_waiting = mode == 2;
    customer->key_line =
        order->is_sent_once
            ? STR("")
            : arena_printf(&trial->arena, "idempotency-key: key-%zu\r\n", order->number);
    customer->target = arena_printf(&trial->arena, "%s%.*s/runs%s", is_stateless ? "" : "/threads/",
                                    STR_ARG(thread), modes[mode]);
    customer->text = arena_printf(
        &trial->arena,
        "{\"assistant_id\":\"%.*s\",%s\"input\":%.*s,\"webhook\":\"http://%s/hook/%zu\","
        "\"metadata\":{\"order\":%zu},\"multitask_strategy\":\"%s\",\"stream_resumable\":%s}",
        STR_ARG(graph), is_stateless ? "" : "\"if_not_exists\":\"create\",", STR_ARG(input),
        trial_once_in(trial, 2) ? "10.0.0.9" : "receiver.test", order->number % 3, order->number,
        strategy(trial, is_stateless), trial_once_in(trial, 2) ? "true" : "false");
}

static void order_send(struct customer *customer)
{
    send(customer, "POST", customer->target, on_ordered);
}

/* ---- what is done with runs that exist ---- */

static void on_heard(void *context, const struct answer *answer UNUSED)
{
    later(context);
}

struct following {
    struct customer *customer;
    struct order *order;
};

static void on_followed(void *context, const struct answer *answer)
{
    struct following *following = context;

    if (answer->status == 200)
        ledger_on_events(following->customer->ledger, following->order, answer->body);
    later(following->customer);
}

static struct order *order_known(struct customer *customer)
{
    struct ledger *ledger = customer->ledger;
    struct order *order =
        ledger->count ? &ledger->orders[rng_below(&customer->trial->rng, ledger->count)] : NULL;

    return order && !str_is_none(order->run_id) ? order : NULL;
}

static struct str order_path(struct customer *customer, const struct order *order, const char *what)
{
    struct arena *arena = &customer->trial->arena;

    if (str_is_none(order->thread_id))
        return arena_printf(arena, "/runs/%.*s%s", STR_ARG(order->run_id), what);
    return arena_printf(arena, "/threads/%.*s/runs/%.*s%s", STR_ARG(order->thread_id),
                        STR_ARG(order->run_id), what);
}

static void follow(struct customer *customer, struct order *order)
{
    struct following *following = ARENA_NEW(&customer->trial->arena, struct following);
    bool is_from_start = trial_once_in(customer->trial, 3);

    *following = (struct following){customer, order};
    ask_send(&(struct ask){
        .trial = customer->trial,
        .to = customer->server,
        .method = STR("GET"),
        .target = order_path(customer, order, "/stream"),
        .headers = arena_printf(&customer->trial->arena, "last-event-id: %lld\r\n",
                                is_from_start ? -1LL : (long long)order->last_event_id),
        .body = STR(""),
        .patience_ms = PATIENCE_MS_MAX,
        .on_answer = on_followed,
        .context = following,
    });
}

static void touch(struct customer *customer, struct order *order)
{
    bool has_thread = !str_is_none(order->thread_id);

    customer->key_line = customer->text = STR("");
    switch (rng_below(&customer->trial->rng, has_thread ? 9 : 3)) {
    case 0:
    case 1:
        follow(customer, order);
        break;
    case 2:
        send(customer, "GET", order_path(customer, order, "/join"), on_heard);
        break;
    case 3:
    case 4:
        send(customer, "POST", order_path(customer, order, "/cancel?wait=true"), on_heard);
        break;
    case 5:
        send(customer, "POST", order_path(customer, order, "/cancel?action=rollback"), on_heard);
        break;
    case 6:
        order->is_deleted = true;
        send(customer, "DELETE", order_path(customer, order, ""), on_heard);
        break;
    default:
        send(
            customer, "GET",
            arena_printf(&customer->trial->arena, "/threads/%.*s/state", STR_ARG(order->thread_id)),
            on_heard);
    }
}

/* ---- its life ---- */

static void act(void *context)
{
    struct customer *customer = context;
    struct order *known = order_known(customer);
    bool is_over = sim_now_us(customer->trial->sim) > customer->until_us;

    if (customer->order) {
        order_send(customer);
        return;
    }
    if (is_over) {
        customer->is_idle = true;
        return;
    }
    if (known && trial_once_in(customer->trial, 2)) {
        touch(customer, known);
        return;
    }
    order_make(customer);
    if (customer->order)
        order_send(customer);
    else
        later(customer);
}

void customer_start(struct customer *customer)
{
    later(customer);
}
