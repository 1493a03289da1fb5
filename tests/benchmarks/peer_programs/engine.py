"""The chunked engine of `dnn`, without the command line."""

from dnn_cli.config.loading import load_experiment
from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.training.benchmark import Contender
from dnn_cli.training.training_job import prepare_job
from tests.benchmarks.peer_programs.common import EPOCHS, print_seconds

experiment = load_experiment("configs/relu_adam.yaml").experiment
examples = load_examples(experiment.data)
job = prepare_job(experiment, examples, split_examples(experiment.data, examples))
engine = Contender(job, job.plan)
print_seconds([engine.run_epoch(number) for number in range(EPOCHS)])
