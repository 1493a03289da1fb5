import os

import pytest

from dnn_cli.host import limits

V2 = "35 24 0:30 / {root}/fs rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "36 24 0:31 {top} {root}/fs\\040cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
    "37 24 0:32 {top} {root}/fs\\040memory rw - cgroup cgroup rw,memory\n"
    "38 24 0:33 / {root}/unified rw - cgroup2 cgroup2 rw\n"
)


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Sets the control groups of this process and the files in their folders."""

    def write(mounts, own, files, top="/"):
        (tmp_path / "mountinfo").write_text(
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mounts.format(root=tmp_path, top=top)
        )
        (tmp_path / "cgroup").write_text(own)
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    monkeypatch.setattr(limits, "MOUNTS", tmp_path / "mountinfo")
    monkeypatch.setattr(limits, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(limits.os, "sched_getaffinity", lambda _: set(range(8)))
    return write


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"fs/a/b/cpu.max": "max 100000\n"}, 8),
        ({"fs/a/b/cpu.max": "150000 100000\n"}, 2),
        ({"fs/a/b/cpu.max": "max 100000\n", "fs/a/cpu.max": "300000 100000\n"}, 3),
        ({"fs/a/b/cpu.max": "200000 100000\n", "fs/a/cpu.max": "50000 100000\n"}, 1),
        ({"fs/a/b/cpu.max": "2000000 100000\n"}, 8),
        ({"fs/a/b/cpu.max": "what 100000\n"}, 8),
    ],
    ids=["none", "fraction", "of the outer group", "lowest counts", "above the affinity mask", "damaged"],
)
def test_cores_follow_the_quotas_of_all_groups(groups, files, cores):
    groups(V2, "0::/a/b\n", files)
    assert limits.available_cores() == cores


def test_version_1_with_a_container_that_sees_its_own_group_alone(groups):
    files = {
        "fs cpu/job/cpu.cfs_quota_us": "-1\n",
        "fs cpu/job/cpu.cfs_period_us": "100000\n",
        "fs cpu/cpu.cfs_quota_us": "400000\n",
        "fs cpu/cpu.cfs_period_us": "100000\n",
        "fs memory/memory.limit_in_bytes": "3000000\n",
        "fs memory/job/memory.limit_in_bytes": "9223372036854771712\n",
    }
    own = "3:cpu,cpuacct:/docker/x/job\n2:memory:/docker/x/job\n1:name=systemd:/\n0::/\n"
    groups(V1, own, files, top="/docker/x")
    assert limits.available_cores() == 4
    assert limits.memory_bytes() == limits.memory_limit() == 3_000_000


def test_memory_is_the_lowest_limit_or_that_of_the_machine(groups):
    groups(V2, "0::/a/b\n", {"fs/a/memory.max": "2000000\n", "fs/a/b/memory.max": "max\n"})
    assert limits.memory_bytes() == 2_000_000
    groups(V2, "0::/a/b\n", {"fs/a/memory.max": f"{2 * limits.physical_memory()}\n"})
    assert limits.memory_limit() is None
    assert limits.memory_bytes() == limits.physical_memory()


def test_a_process_outside_of_the_groups_it_sees(groups):
    groups(V2, "0::/../../other\n", {"fs/cpu.max": "100000 100000\n"})
    assert limits.available_cores() == 1


def test_without_a_list_of_groups_the_affinity_mask_counts(monkeypatch, tmp_path):
    monkeypatch.setattr(limits, "GROUPS", tmp_path / "none")
    assert limits.available_cores() == len(os.sched_getaffinity(0))
    assert limits.memory_limit() is None
