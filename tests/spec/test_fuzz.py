import shutil

from tests.campaign_fuzz import FOLDER, an_input, attempt


def test_the_loader_answers_whatever_it_is_given(tmp_path):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    answers = [attempt(*an_input(number), tmp_path) for number in range(500)]
    assert {number: wrong for number, (_, wrong) in enumerate(answers) if wrong} == {}
    assert any(taken for taken, _ in answers)
