import os

import pytest

from dnn_cli.host import resources

V2 = "35 24 0:30 / {root}/fs rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "36 24 0:31 {top} {root}/fs\\040cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
    "37 24 0:32 {top} {root}/fs\\040memory rw - cgroup cgroup rw,memory\n"
    "38 24 0:33 / {root}/unified rw - cgroup2 cgroup2 rw\n"
)


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Return a function that sets the control groups of this process and the files in their directories."""

    def write_groups(mounts, own, files, top="/"):
        (tmp_path / "mountinfo").write_text(
            "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n" + mounts.format(root=tmp_path, top=top)
        )
        (tmp_path / "cgroup").write_text(own)
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    monkeypatch.setattr(resources, "MOUNT_LIST", tmp_path / "mountinfo")
    monkeypatch.setattr(resources, "CGROUP_LIST", tmp_path / "cgroup")
    monkeypatch.setattr(resources.os, "sched_getaffinity", lambda _: set(range(8)))
    return write_groups


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
    assert resources.count_available_cores() == cores


def test_limits_of_cgroup_version_1_in_container(groups):
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
    assert resources.count_available_cores() == 4
    assert resources.get_usable_memory() == resources.read_memory_limit() == 3_000_000


def test_memory_is_the_lowest_limit_or_that_of_the_machine(groups):
    groups(V2, "0::/a/b\n", {"fs/a/memory.max": "2000000\n", "fs/a/b/memory.max": "max\n"})
    assert resources.get_usable_memory() == 2_000_000
    groups(V2, "0::/a/b\n", {"fs/a/memory.max": f"{2 * resources.get_physical_memory()}\n"})
    assert resources.read_memory_limit() is None
    assert resources.get_usable_memory() == resources.get_physical_memory()


def test_process_outside_of_visible_groups(groups):
    groups(V2, "0::/../../other\n", {"fs/cpu.max": "100000 100000\n"})
    assert resources.count_available_cores() == 1


def test_affinity_mask_counts_without_cgroups(monkeypatch, tmp_path):
    monkeypatch.setattr(resources, "CGROUP_LIST", tmp_path / "none")
    assert resources.count_available_cores() == len(os.sched_getaffinity(0))
    assert resources.read_memory_limit() is None


@pytest.mark.parametrize(
    ("cores", "lines", "text"),
    [
        (8, ["model name\t: Intel(R) Xeon(R) CPU E5-2673 v4 @ 2.30GHz"], "8 cores of Intel Xeon E5-2673 v4"),
        (1, ["model name\t: AMD EPYC 7763 64-Core Processor"], "1 core of AMD EPYC 7763"),
        (2, ["cpu family\t: 25", "model\t\t: 1", "model name\t: AMD EPYC"], "2 cores of AMD EPYC (family 25, model 1)"),
        (4, [], "4 cores of an unknown processor"),
    ],
    ids=["Intel", "AMD", "a virtual machine", "no information"],
)
def test_format_processor(monkeypatch, tmp_path, cores, lines, text):
    (tmp_path / "cpuinfo").write_text("\n".join(["processor\t: 0", *lines]))
    monkeypatch.setattr(resources, "Path", lambda _: tmp_path / "cpuinfo")
    monkeypatch.setattr(resources, "count_available_cores", lambda: cores)
    assert resources.format_processor() == text
