"""An experiment from end to end with the published client, run by test_datasets_sdk.py: its project, its runs, their scores, and
what is asked of it after."""

import sys
import uuid
import warnings

from langsmith import Client
from langsmith.evaluation import evaluate_comparative


def main(url):
    warnings.simplefilter("ignore")
    client = Client(api_url=url, api_key="none", info=None)
    dataset = client.create_dataset(f"d-{uuid.uuid4()}")
    client.create_examples(dataset_id=dataset.id, examples=[
        {"inputs": {"n": n}, "outputs": {"m": 2 * n}, "split": "test", "attachments": {"note": ("text/plain", b"n%d" % n)}} for n in range(4)])

    def target(inputs: dict, attachments: dict) -> dict:
        assert attachments["note"]["reader"].read() == b"n%d" % inputs["n"]
        return {"m": 2 * inputs["n"] if inputs["n"] != 3 else 0}

    def correct(outputs: dict, reference_outputs: dict) -> bool:
        return outputs["m"] == reference_outputs["m"]

    def share(outputs: list, reference_outputs: list) -> dict:
        return {"key": "share", "score": sum(map(correct, outputs, reference_outputs)) / len(outputs)}

    done = client.evaluate(target, data=client.list_examples(dataset_id=dataset.id, splits=["test"], include_attachments=True),
                           evaluators=[correct], summary_evaluators=[share], experiment_prefix="first", metadata={"k": "v"})
    assert sorted(row["evaluation_results"]["results"][0].score for row in done) == [False, True, True, True]
    client.flush()
    project = client.read_project(project_name=done.experiment_name, include_stats=True)
    assert project.reference_dataset_id == dataset.id and project.run_count == 4 and project.metadata["k"] == "v"
    assert project.feedback_stats["correct"]["avg"] == 0.75 and project.session_feedback_stats["share"]["avg"] == 0.75
    assert [p.id for p in client.list_projects(reference_dataset_id=dataset.id)] == [project.id]
    runs = list(client.list_runs(project_id=project.id, is_root=True))
    assert {r.reference_example_id for r in runs} == {e.id for e in client.list_examples(dataset_id=dataset.id)}
    one = client.read_run(runs[0].id)
    assert one.in_dataset is False
    assert client.request_with_retries("GET", f"/runs/{one.id}").json()["reference_dataset_id"] == str(dataset.id)
    client.create_example({"n": 1}, dataset_id=client.create_dataset(f"d-{uuid.uuid4()}").id, source_run_id=one.id)
    assert client.read_run(one.id).in_dataset is True
    results = client.get_experiment_results(project_id=project.id)
    rows = list(results["examples_with_runs"])
    assert len(rows) == 4 and all(len(row.runs) == 1 and row.runs[0].reference_example_id == row.id for row in rows)
    assert results["feedback_stats"]["correct"]["n"] == 4
    again = client.evaluate(lambda inputs: {"m": 0}, data=dataset.name, experiment_prefix="second")
    assert len(list(again)) == 4
    client.flush()

    compared = evaluate_comparative([done.experiment_name, again.experiment_name], client=client, evaluators=[
        lambda runs, example: {"key": "best", "scores": {run.id: n for n, run in enumerate(runs)}}])
    assert len(list(compared)) == 4
    listed = client.request_with_retries("GET", f"/datasets/{dataset.id}/comparative").json()
    assert len(listed) == 1 and {one["name"] for one in listed[0]["experiments_info"]} == {done.experiment_name, again.experiment_name}


if __name__ == "__main__":
    main(sys.argv[1])
