"""The engine of `dnn`, without the program around it."""

from dnn_cli.data.examples import load_examples, split_examples
from dnn_cli.spec.load import load
from dnn_cli.training.bench import Contender
from dnn_cli.training.job import prepare
from tests.peers.common import EPOCHS, report

experiment = load("configs/relu_adam.yaml").experiment
examples = load_examples(experiment.data)
job = prepare(experiment, examples, split_examples(experiment.data, examples))
engine = Contender(job, job.plan)
report([engine.run_epoch(number) for number in range(EPOCHS)])
