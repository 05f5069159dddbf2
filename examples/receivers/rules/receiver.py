"""A receiver of a rule's webhook: what people corrected becomes examples of a dataset.

Run it:   pip install fastapi uvicorn langsmith
          LS_WEBHOOK=secret LANGSMITH_ENDPOINT=http://127.0.0.1:2024 LANGSMITH_API_KEY=none \\
              uvicorn receiver:app --port 8000
The rule's webhook is then http://127.0.0.1:8000?secret=secret
"""

import os

from fastapi import FastAPI, HTTPException, Query, status
from langsmith import Client

DATASET = "classifier-github-issues"
app = FastAPI()


def corrections_to_examples(data: dict) -> None:
    client = Client()
    runs = data["runs"]
    feedback = list(client.list_feedback(run_ids=[run["id"] for run in runs]))
    for run, said in zip(runs, feedback):
        client.create_example(inputs=run["inputs"], outputs={"output": said.correction}, dataset_name=DATASET)


# The URL ends with its host: the request line is "POST /?secret=…".
@app.post("/")
def f(data: dict, secret: str = Query(...)):
    if secret != os.environ["LS_WEBHOOK"]:
        raise HTTPException(status_code=status.HTTP_401_UNAUTHORIZED, detail="Incorrect secret",
                            headers={"WWW-Authenticate": "Bearer"})
    corrections_to_examples(data)
    return "success!"
