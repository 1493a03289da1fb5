import pytest

from dnn_cli.config.data import Data
from dnn_cli.data.examples import load_examples, load_targets, load_test_examples
from dnn_cli.errors import UserDataError
from tests.helpers.image_files import GREY, write_images


def build_data(**keys):
    """Build the data section of grey images."""
    return Data.model_validate({"dataset": "image_folder", "color_mode": "grayscale", **keys})


def write_splits(directory, *names, more=()):
    """Write two images of each of two classes for every split, and other images."""
    images = {f"{name}/{kind}/{number}.png": GREY for name in names for kind in ("cat", "dog") for number in range(2)}
    return write_images(directory / "photos", images | dict.fromkeys(more, GREY))


@pytest.mark.parametrize(
    ("names", "counts", "message"),
    [
        (("train", "test"), (4, 0, 4), "photos: train has the training examples, test has the test examples"),
        (
            ("training", "valid", "testing"),
            (8, 4, 4),
            "photos: training has the training examples, valid has the validation examples, "
            "testing has the test examples",
        ),
        (("Train", "Dev"), (8, 4, 0), "photos: Train has the training examples, Dev has the validation examples"),
    ],
    ids=["two", "three", "capitals"],
)
def test_directories_of_splits_are_used(tmp_path, names, counts, message):
    data = build_data(path=write_splits(tmp_path, *names)).with_decisions()
    info = data.info
    assert (info.examples, info.validation_examples, info.test_examples) == counts
    assert info.classes == ("cat", "dog")
    assert [str(remark) for remark in info.remarks] == [f"{message}  (data.path={data.path}/{names[0]})"]
    assert len(load_examples(data)) == counts[0]
    assert load_targets(data).targets.tolist() == load_examples(data).targets.tolist()
    if counts[2]:
        assert load_test_examples(data).targets.tolist() == [0, 0, 1, 1]


def test_decisions_repeat_the_reading_of_splits(tmp_path):
    data = build_data(path=write_splits(tmp_path, "train", "val")).with_decisions()
    explicit = build_data(path=f"{data.path}/train", validation_path=f"{data.path}/val")
    again = Data.model_validate(data.model_dump(exclude_none=True))
    digests = {load_examples(part).digest for part in (data, explicit, again)}
    assert len(digests) == 1
    assert explicit.info.remarks == ()


def test_keys_of_the_config_have_priority(tmp_path):
    path = write_splits(tmp_path, "train", "test")
    other = write_images(tmp_path / "other", {"cat/1.png": GREY})
    data = build_data(path=path, test_path=other)
    assert data.info.test_examples == 1
    assert [remark.message for remark in data.info.remarks] == [
        "photos: train has the training examples",
        "photos: test is not used",
    ]


def test_first_rules_refuse_directories_of_splits(tmp_path):
    path = write_splits(tmp_path, "train", "test")
    with pytest.raises(UserDataError, match="instead of directories of classes") as refused:
        build_data(path=path, rules=1).with_decisions()
    assert refused.value.suggestion == f"use path: {path}/train, test_path: {path}/test"


def test_classes_can_be_named_like_splits(tmp_path):
    path = write_images(tmp_path, {"train/1.png": GREY, "car/1.png": GREY})
    assert build_data(path=path).info.classes == ("car", "train")


def test_flat_test_directory_is_not_used(tmp_path):
    path = write_splits(tmp_path, "train", more=("test/1.png", "test/2.png", "extra/cat/1.png", "cover.png"))
    data = build_data(path=path)
    assert data.info.test_examples == 0
    assert [remark.message for remark in data.info.remarks] == [
        "photos: train has the training examples",
        "photos: extra is not used",
        "photos: test has images without directories of classes, which dnn predict reads; it is not used",
        "photos: 1 file is next to the directories, and not used",
    ]


def test_flat_test_path_suggests_predictions(tmp_path):
    path = write_splits(tmp_path, "train", more=("test/1.png", "test/2.png"))
    with pytest.raises(UserDataError) as refused:
        build_data(path=f"{path}/train", test_path=f"{path}/test").with_decisions()
    assert refused.value.key == "test_path"
    assert refused.value.message == f"{path}/test contains 2 images, but no directories of classes"
    assert refused.value.suggestion.endswith("for images without classes, use dnn predict")


def test_nested_classes_suggest_both_remedies(tmp_path):
    path = write_images(tmp_path, {"cat/siamese/1.png": GREY, "cat/persian/1.png": GREY, "dog/1.png": GREY})
    with pytest.raises(UserDataError) as refused:
        build_data(path=path).with_decisions()
    assert "cat contains the directory persian" in refused.value.message
    remedy = f"use path: {path}/cat if persian is a class, or store the images of persian in cat"
    assert refused.value.suggestion == remedy
    assert build_data(path=f"{path}/cat").info.classes == ("persian", "siamese")


def test_validation_directory_can_lack_a_class(tmp_path):
    path = write_splits(tmp_path, "train", more=("val/dog/1.png",))
    data = build_data(path=path)
    assert data.info.validation_examples == 1
    assert load_examples(data).targets.tolist() == [0, 0, 1, 1, 1]
    (tmp_path / "photos" / "val" / "cat").mkdir()
    with pytest.raises(UserDataError, match="val/cat contains no images"):
        build_data(path=path).with_decisions()


def test_doubled_directories_of_splits_are_used(tmp_path):
    names = ("seg_train/seg_train", "seg_test/seg_test")
    data = build_data(path=write_splits(tmp_path, *names, more=["seg_pred/seg_pred/1.png"])).with_decisions()
    assert (data.info.examples, data.info.test_examples, data.info.classes) == (4, 4, ("cat", "dog"))
    assert [remark.message for remark in data.info.remarks] == [
        "photos: seg_train/seg_train has the training examples, seg_test/seg_test has the test examples",
        "photos: seg_pred is not used",
    ]


def test_two_directories_for_one_split_are_refused(tmp_path):
    path = write_splits(tmp_path, "train", "train_2")
    with pytest.raises(UserDataError) as refused:
        build_data(path=path).with_decisions()
    assert refused.value.message == f"{path} contains train and train_2, which are names for the same split"
    assert refused.value.suggestion == "set data.path to one of them"


def test_unused_splits_next_to_the_training_examples_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos = write_splits(tmp_path, "train", "valid", "test")
    data = build_data(path=f"{photos}/train", test_path=f"{photos}/test")
    assert list(map(str, data.info.remarks)) == [
        "valid: next to train, and not used  (data.validation_path=photos/valid)"
    ]
    assert build_data(path=f"{photos}/train", rules=1).info.remarks == ()
