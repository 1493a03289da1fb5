"""Worker process that trains on the CPU by the plans of a GPU."""

from dataclasses import replace

from dnn_cli.execution.worker import serve_tasks


def serve_tasks_by_gpu_plans(*arguments, **options):
    """Serve tasks as a worker does. Plans have the loop and the determinism of a GPU, without XLA."""
    from dnn_cli.training import training_job

    choose_plan = training_job.choose_plan

    def choose_gpu_plan(experiment, training_examples, *, gpu, lanes):
        # XLA's programs for a CPU take seconds to compile.
        return replace(choose_plan(experiment, training_examples, gpu=True, lanes=lanes), jit=False)

    training_job.choose_plan = choose_gpu_plan
    serve_tasks(*arguments, **options)
