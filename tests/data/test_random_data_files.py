import pytest

from tests.helpers.random_data_files import try_data_file

COUNT = 300


@pytest.mark.parametrize("first", range(0, COUNT, 100))
def test_no_part_of_a_random_file_is_lost_in_silence(tmp_path, first):
    """Each value is read as it was written, or a remark names it, or the file is refused with its path."""
    wrong = []
    for number in range(first, first + 100):
        directory = tmp_path / str(number)
        directory.mkdir()
        kind, _, problem = try_data_file(number, directory)
        wrong += [f"{number} ({kind}): {problem}"] if problem else []
    assert wrong == []
