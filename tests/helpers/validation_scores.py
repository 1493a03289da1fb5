"""Validation scores of a model that a contender of a benchmark has trained."""

from dnn_cli.data.pipeline import count_batches
from dnn_cli.training.benchmark import Contender
from dnn_cli.training.chunked_engine import build_dataset


def compute_validation_scores(contender: Contender) -> dict[str, float]:
    """Compute the scores of all validation examples, whose last batch may be short."""
    job, pipeline = contender.job, contender.pipeline
    validation = build_dataset(pipeline, contender.plan, pipeline.build_fixed_order(job.split.validation))
    steps = count_batches(len(job.split.validation), job.experiment.batch_size)
    scores: dict[str, float] = contender.model.evaluate(validation, steps=steps, verbose=0, return_dict=True)
    return scores
