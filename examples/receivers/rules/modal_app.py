"""The same receiver on Modal: `modal deploy modal_app.py`.

Two secrets: `ls-webhook` sets LS_WEBHOOK; `my-langsmith-secret` sets LANGSMITH_API_KEY, and LANGSMITH_ENDPOINT to
this server's address. (Before Modal 0.73 `App` was called `Stub`, and `fastapi_endpoint` was `web_endpoint`.)
"""

from fastapi import Query
from modal import App, Image, Secret, fastapi_endpoint

image = Image.debian_slim().pip_install("fastapi", "langsmith").add_local_python_source("receiver")
app = App("rule-receiver", image=image)


@app.function(secrets=[Secret.from_name("ls-webhook"), Secret.from_name("my-langsmith-secret")])
@fastapi_endpoint(method="POST")
def f(data: dict, secret: str = Query(...)):
    from receiver import f as receive

    return receive(data, secret)
