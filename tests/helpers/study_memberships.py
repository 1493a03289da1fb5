"""Runs of a study, made without training."""

from dnn_cli.runs.record import Membership, StudyRole

STUDY_ID = "5d0dec0d"
"""Id of the study of all runs that `build_membership` describes."""


def build_membership(value, phase="tuning", trial=None, study_id=STUDY_ID):
    """The place of a run in a study whose question is the optimizer."""
    arm = "default" if trial is None else "tuned"
    role = StudyRole(plan="0" * 16, phase=phase, arm=arm, value=value, trial=trial)
    return Membership(id=study_id, name="which optimizer", settings={"optimizer": value}, study=role)
