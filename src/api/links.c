/* links.c -- /o/{tenant}/…: where the links lead that stand in webhooks and that clients print: to
 * what the API says of a run, a project, an alert. The alert's is its preview page (A19): what it
 * watches, and what it would have said minute by minute. */
#include "api/alerts_priv.h"
#include "api/datasets_priv.h"
#include "api/route.h"
#include "api/traces_priv.h"
#include "trace/span_json.h"

/* Parameter 0 is the workspace's id, and not another's; what it names is then parameter 0. */
static enum err enter(struct call *call, size_t named)
{
    struct uuid_text tenant;

    if (!str_eq_nocase(call->params[0], trace_tenant_id(call->principal.tenant, &tenant))) {
        call_fail(call, 404, "there is no such workspace, or this key is not one of it");
        return ERR_NOT_FOUND;
    }
    call->params[0] = call->params[named];
    return OK;
}

static enum err run_prepare(struct call *call)
{
    enum err err = enter(call, 2);

    return err ? err : traces_run_prepare(call);
}

static enum err dataset_prepare(struct call *call)
{
    enum err err = enter(call, 1);

    return err ? err : datasets_one_prepare(call);
}

/* An alert of the project, or itself. */
static enum err project_prepare(struct call *call)
{
    struct str alert_id = query_get(&call->query, "alert_id");
    enum err err = enter(call, 1);

    if (err || str_is_empty(alert_id))
        return err ? err : traces_project_prepare(call);
    call->params[1] = alert_id;
    return alerts_page_prepare(call);
}

#define WORKSPACE "/o/{tenant_id}"
#define PROJECT WORKSPACE "/projects/p/{session_id}"
#define DATASET WORKSPACE "/datasets/{dataset_id}"

static const struct route routes[] = {
    {HTTP_GET, PROJECT, project_prepare, PERMIT_READ, ROUTE_TRACES,
     "Where links to a project lead, and those to an alert: its preview"},
    {HTTP_GET, PROJECT "/r/{span_id}", run_prepare, PERMIT_READ, ROUTE_TRACES,
     "Where links to a run lead"},
    {HTTP_GET, DATASET, dataset_prepare, PERMIT_READ, ROUTE_TRACES,
     "Where links to a dataset lead"},
    {HTTP_GET, DATASET "/compare", dataset_prepare, PERMIT_READ, ROUTE_TRACES,
     "Where links to experiments lead"},
};

const struct route_list routes_links = {routes, ARRAY_LEN(routes)};
