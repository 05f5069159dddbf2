#!/usr/bin/env bash
# The curl program of the run-webhook documentation; the ids that its reader would copy are read with jq.
set -euo pipefail

ASSISTANT_ID=$(curl --silent --fail --request POST \
    --url <DEPLOYMENT_URL>/assistants/search \
    --header 'Content-Type: application/json' \
    --data '{ "limit": 10, "offset": 0 }' | jq -c 'map(select(.config == null or .config == {})) | map(select(.graph_id == "agent")) | .[0] | .assistant_id') && \
THREAD_ID=$(curl --silent --fail --request POST \
    --url <DEPLOYMENT_URL>/threads \
    --header 'Content-Type: application/json' \
    --data '{}' | jq -r .thread_id)

curl --silent --fail --request POST \
    --url <DEPLOYMENT_URL>/threads/"$THREAD_ID"/runs/stream \
    --header 'Content-Type: application/json' \
    --data '{
        "assistant_id": '"$ASSISTANT_ID"',
        "input": {"messages": [{"role": "user", "content": "Hello!"}]},
        "webhook": "https://my-server.app/my-webhook-endpoint"
    }'
