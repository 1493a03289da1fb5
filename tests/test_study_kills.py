"""A study that is killed and started again has the document of an unbroken study."""

import random

import pytest

from tests.helpers.settings import RUN_ALL_CASES
from tests.helpers.study_kill_campaign import StudyKillCampaign


@pytest.mark.skipif(not RUN_ALL_CASES, reason="two studies with worker processes take minutes")
def test_a_killed_study_continues(tmp_path):
    campaign = StudyKillCampaign(tmp_path, random.Random(0))
    campaign.train_unbroken()
    campaign.kill_and_complete(1, "killed")
    assert campaign.kill_count == 1
